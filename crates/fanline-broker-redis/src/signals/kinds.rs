//! The kinds of signals as numbers and bytes. A number once given keeps its meaning for ever.
//!
//! ```text
//! kind           body
//! 1 app changed  id: length (1 byte), ASCII; revision: 8 bytes
//! ```
//!
//! A reader leaves alone what follows in a body: that is how a kind is given more to say. A kind that it does
//! not know is none of its business: a newer node has it, and what this node must do it will learn by a sweep.

use fanline_broker::Signal;
use fanline_model::AppId;

mod kind {
    pub(super) const APP_CHANGED: u8 = 1;
}

/// What a signal says, as far as this version knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Known(Signal),
    /// Of a kind that came with a later version.
    Unknown,
}

/// The kind and the body.
pub(super) fn write(signal: &Signal) -> (u8, Vec<u8>) {
    match signal {
        Signal::AppChanged { app, revision } => {
            let app = app.as_str().as_bytes();
            // An id has at most 64 characters.
            let mut body = vec![u8::try_from(app.len()).unwrap_or(u8::MAX)];
            body.extend_from_slice(app);
            body.extend_from_slice(&revision.to_be_bytes());
            (kind::APP_CHANGED, body)
        }
    }
}

/// `None` if the body is not what its kind has.
pub(super) fn read(kind: u8, body: &[u8]) -> Option<Content> {
    match kind {
        kind::APP_CHANGED => app_changed(body).map(Content::Known),
        _ => Some(Content::Unknown),
    }
}

fn app_changed(body: &[u8]) -> Option<Signal> {
    let (length, rest) = body.split_first()?;
    let (app, rest) = rest.split_at_checked(usize::from(*length))?;
    let (revision, _later) = rest.split_first_chunk()?;
    Some(Signal::AppChanged {
        app: AppId::parse(std::str::from_utf8(app).ok()?).ok()?,
        revision: u64::from_be_bytes(*revision),
    })
}
