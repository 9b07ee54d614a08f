//! `fanline publish`.

use std::io::Read as _;

use anyhow::Context as _;
use clap::Args;
use http::Method;
use serde_json::{Map, Value, json};

use super::{Output, client_runtime, say};
use crate::client::{ServerArgs, send};

/// Publish a message to a channel
#[derive(Debug, Args)]
pub(super) struct Publish {
    /// The channel
    channel: String,
    /// The message: JSON, or else text; `-` reads it from standard input
    data: String,
    /// The message's name, its event in Pusher's words
    #[arg(long)]
    name: Option<String>,
    /// The key whose last value this message becomes
    #[arg(long)]
    key: Option<String>,
    /// The message's id: publishing the same id again publishes nothing
    #[arg(long)]
    id: Option<String>,
    /// Take the message as text, even if it is JSON
    #[arg(long)]
    text: bool,
    /// Carry it to whoever listens now, and keep nothing
    #[arg(long)]
    ephemeral: bool,
    /// For whom to write
    #[arg(long, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    server: ServerArgs,
}

// === impl Publish ===

impl Publish {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let server = self.server.server()?;
        let path = format!("/v1/channels/{}/messages", segment(&self.channel));
        let body = self.body()?;
        let answer =
            client_runtime()?.block_on(send(&server, Method::POST, &path, &Value::Object(body)))?;
        tracing::debug!(status = %answer.status, "published");
        match self.output {
            Output::Json => say(answer.body)?,
            Output::Text => say(sentence(&self.channel, &answer.body))?,
        }
        Ok(())
    }

    fn body(&self) -> anyhow::Result<Map<String, Value>> {
        let data = match self.data.as_str() {
            "-" => read_stdin()?,
            data => data.to_owned(),
        };
        let mut body = Map::new();
        match serde_json::from_str(&data) {
            Ok(json) if !self.text => body.insert("data".to_owned(), json),
            _ => {
                body.insert("encoding".to_owned(), json!("text"));
                body.insert("data".to_owned(), Value::String(data))
            }
        };
        for (field, value) in [("name", &self.name), ("key", &self.key), ("id", &self.id)] {
            if let Some(value) = value {
                body.insert(field.to_owned(), json!(value));
            }
        }
        if self.ephemeral {
            body.insert("ephemeral".to_owned(), json!(true));
        }
        Ok(body)
    }
}

fn read_stdin() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .context("cannot read the message from standard input")?;
    Ok(text)
}

fn sentence(channel: &str, answer: &Value) -> String {
    let done = answer["status"].as_str().unwrap_or("published");
    let id = answer["id"].as_str().unwrap_or_default();
    match (answer["epoch"].as_str(), answer["seq"].as_u64()) {
        (Some(epoch), Some(seq)) => format!("{done} to {channel} at {epoch}:{seq} as {id}"),
        _ => format!("{done} to {channel} as {id}"),
    }
}

/// A channel's name as one segment of a path.
fn segment(channel: &str) -> String {
    let mut segment = String::with_capacity(channel.len());
    for byte in channel.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                segment.push(char::from(byte));
            }
            _ => segment.push_str(&format!("%{byte:02X}")),
        }
    }
    segment
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn body(arguments: &[&str]) -> Value {
        let arguments = ["fanline", "publish", "orders"].iter().chain(arguments);
        let Command::Publish(publish) = Cli::parse_from(arguments).command else {
            unreachable!("publish was asked for")
        };
        Value::Object(publish.body().unwrap())
    }

    #[test]
    fn what_is_json_goes_as_json_and_the_rest_as_text() {
        assert_eq!(body(&[r#"{"a":1}"#]), json!({ "data": { "a": 1 } }));
        assert_eq!(body(&["12"]), json!({ "data": 12 }));
        assert_eq!(
            body(&["hello"]),
            json!({ "data": "hello", "encoding": "text" })
        );
        assert_eq!(
            body(&["12", "--text"]),
            json!({ "data": "12", "encoding": "text" })
        );
    }

    #[test]
    fn what_is_said_of_a_message_goes_with_it() {
        let all = ["1", "--name", "n", "--key", "k", "--id", "i", "--ephemeral"];
        let expected = json!({ "data": 1, "name": "n", "key": "k", "id": "i", "ephemeral": true });
        assert_eq!(body(&all), expected);
    }

    #[test]
    fn a_channel_is_one_segment_of_the_path() {
        assert_eq!(segment("a.B-9_"), "a.B-9_");
        assert_eq!(segment("a/b?c#user:ü"), "a%2Fb%3Fc%23user%3A%C3%BC");
    }
}
