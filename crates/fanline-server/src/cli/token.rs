//! `fanline token`.

use std::collections::BTreeMap;

use anyhow::Context as _;
use clap::Args;
use http::Method;
use serde_json::json;

use super::{Output, client_runtime, say};
use crate::client::{ServerArgs, send};
use crate::config;

/// Mint a token for an end user
#[derive(Debug, Args)]
pub(super) struct Token {
    /// Who the token is for; without it, nobody in particular
    #[arg(long, value_name = "USER")]
    subject: Option<String>,
    /// What it allows where, as PATTERN=WORD,WORD: 'private-*=subscribe,publish'. The words are
    /// subscribe, publish, history, presence; may be given several times
    #[arg(long, required = true, value_name = "PATTERN=WORDS", value_parser = allowance)]
    allow: Vec<(String, Vec<String>)>,
    /// How long it lives: "90s", "15m", "12h"
    #[arg(long, default_value = "1h", value_name = "DURATION")]
    ttl: String,
    /// For whom to write: `text` prints the token alone
    #[arg(long, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    server: ServerArgs,
}

// === impl Token ===

impl Token {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let server = self.server.server()?;
        let ttl = config::duration(&self.ttl)
            .with_context(|| format!("--ttl {:?}: write a number and a unit, as 15m", self.ttl))?;
        let mut capabilities: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (pattern, words) in self.allow {
            capabilities.entry(pattern).or_default().extend(words);
        }
        let mut body = json!({ "capabilities": capabilities, "ttl_seconds": ttl.as_secs() });
        if let Some(subject) = self.subject {
            body["subject"] = json!(subject);
        }
        let answer =
            client_runtime()?.block_on(send(&server, Method::POST, "/v1/tokens", &body))?;
        match self.output {
            Output::Json => say(answer.body)?,
            Output::Text => {
                let token = answer.body["token"].as_str();
                say(token.context("the server's answer holds no token")?)?;
            }
        }
        Ok(())
    }
}

/// Reads `PATTERN=WORD,WORD`. A pattern may hold `=` itself, a word never does.
fn allowance(text: &str) -> Result<(String, Vec<String>), String> {
    let example = "write PATTERN=WORD,WORD, as 'private-*=subscribe,publish'";
    let (pattern, words) = text.rsplit_once('=').ok_or(example)?;
    let words: Vec<String> = words
        .split(',')
        .map(|word| word.trim().to_owned())
        .collect();
    if pattern.is_empty() || words.iter().any(String::is_empty) {
        return Err(example.to_owned());
    }
    Ok((pattern.to_owned(), words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_is_a_pattern_and_words() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let read = allowance("private-*=subscribe, publish");
        assert_eq!(
            read,
            Ok(("private-*".to_owned(), words(&["subscribe", "publish"])))
        );
        assert_eq!(
            allowance("a=b=history"),
            Ok(("a=b".to_owned(), words(&["history"])))
        );
        for bad in ["private-*", "=subscribe", "a=", "a=x,,y"] {
            assert!(
                allowance(bad).is_err_and(|error| error.contains("PATTERN")),
                "{bad}"
            );
        }
    }
}
