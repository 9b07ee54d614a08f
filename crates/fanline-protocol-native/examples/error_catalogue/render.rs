//! The registry of endings as a page.

use fanline_model::{CloseReason, Comeback, ErrorCode};

const HEAD: &str = "\
# Errors and closes

Every way a request, a frame or a connection ends. Names and numbers are stable, and the same in every
protocol and over HTTP, as far as the protocol can say them. This page is made from the registry in
`crates/fanline-model/src/ending.rs` by
`cargo run -p fanline-protocol-native --example error_catalogue -- docs/errors.md`; do not edit it.

## Errors

Over HTTP an error is a problem of RFC 9457 (`application/problem+json`) whose `type` is
`urn:fanline:problem:` and the code; on a socket an `error` frame with the same `code`. Beside the title
stands a sentence about the case at hand. *Retry* says whether the same request may succeed later,
unchanged.

| code | HTTP | retry | what it says |
|---|---|---|---|
";

const CLOSES: &str = "
## Closes

The close code of a WebSocket. Its band says whether the client may come back: 4000–4099 not unchanged,
4100–4199 after at least a second and with growing delays, 4200–4299 at once, with its positions.

| close code | name | come back | what it says |
|---|---|---|---|
";

/// The page.
pub(crate) fn catalogue() -> String {
    let errors = ErrorCode::ALL.iter().map(|code| {
        let retry = if code.retryable() { "yes" } else { "no" };
        format!(
            "| `{}` | {} | {retry} | {} |\n",
            code.name(),
            code.status(),
            code.title()
        )
    });
    let closes = CloseReason::ALL.iter().map(|reason| {
        let comeback = match reason.comeback() {
            Comeback::Changed => "not unchanged",
            Comeback::Later => "later",
            Comeback::Now => "now",
        };
        format!(
            "| {} | `{}` | {comeback} | {} |\n",
            reason.code(),
            reason.name(),
            reason.sentence()
        )
    });
    let parts = [
        HEAD.to_owned(),
        errors.collect(),
        CLOSES.to_owned(),
        closes.collect::<String>(),
    ];
    parts.concat()
}
