//! `fanline subscribe`.

use std::{
    io::{self, Write as _},
    ops::ControlFlow,
};

use clap::Args;
use serde_json::Value;

use super::{Output, client_runtime, say};
use crate::client::{Heard, Reading, ServerArgs, Verdict, subscribe};

/// Print the messages of channels as they arrive; come back with positions when the line breaks
#[derive(Debug, Args)]
pub(super) struct Subscribe {
    /// The channels
    #[arg(required = true, value_name = "CHANNEL")]
    channels: Vec<String>,
    /// Stop after so many messages
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,
    /// For whom to write: `text` prints messages, and what happens to continuity on standard error;
    /// `json` prints the server's frames
    #[arg(long, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    server: ServerArgs,
}

// === impl Subscribe ===

impl Subscribe {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let server = self.server.server()?;
        let reading = Reading::new(self.channels);
        let mut left = self.count;
        let mut hear = |heard: Heard<'_>| {
            if let Heard::Frame(_, Verdict::Message) = heard {
                left = left.map(|left| left.saturating_sub(1));
            }
            match self.output {
                Output::Json => print_json(&heard)?,
                Output::Text => print_text(&heard)?,
            }
            match left {
                Some(0) => Ok(ControlFlow::Break(())),
                _ => Ok(ControlFlow::Continue(())),
            }
        };
        client_runtime()?.block_on(subscribe(&server, reading, &mut hear))
    }
}

fn print_json(heard: &Heard<'_>) -> io::Result<()> {
    match heard {
        Heard::Frame(_, Verdict::Ping) => Ok(()),
        Heard::Frame(frame, _) => say(frame),
        Heard::Away { .. } => print_text(heard),
    }
}

fn print_text(heard: &Heard<'_>) -> io::Result<()> {
    match heard {
        Heard::Frame(frame, Verdict::Message) => say(message(frame)),
        Heard::Frame(_, Verdict::Note(note)) => writeln!(io::stderr(), "# {note}"),
        Heard::Frame(..) => Ok(()),
        Heard::Away { cause, back_in } => {
            let seconds = back_in.as_secs_f32();
            writeln!(io::stderr(), "# {cause:#}; back in {seconds:.1} s")
        }
    }
}

/// `channel seq name data`, with `-` for what is missing.
fn message(frame: &Value) -> String {
    let text = |key: &str| frame[key].as_str().unwrap_or("-");
    let seq = frame["seq"].as_u64();
    let seq = seq.map_or_else(|| "-".to_owned(), |seq| seq.to_string());
    let data = match (&frame["data"], frame["encoding"].as_str()) {
        (Value::String(text), Some(_)) => text.clone(),
        (data, _) => data.to_string(),
    };
    format!("{} {seq} {} {data}", text("channel"), text("name"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_one_line() {
        let frame = json!({ "channel": "a", "seq": 7, "name": "n", "data": { "x": 1 } });
        assert_eq!(message(&frame), r#"a 7 n {"x":1}"#);
        let frame = json!({ "channel": "a", "data": "hi there", "encoding": "text" });
        assert_eq!(message(&frame), "a - - hi there");
        let frame = json!({ "channel": "a", "data": "json" });
        assert_eq!(message(&frame), r#"a - - "json""#);
    }
}
