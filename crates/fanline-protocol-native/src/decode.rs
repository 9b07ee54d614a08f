//! Frames into commands.
//!
//! A frame is read in two steps: first its `type` and `id`, so that even a refusal echoes the id; then the
//! fields that the type has. Unknown fields are ignored. Lists are counted before their entries are read,
//! and each entry stands or falls alone.

mod connect;
mod publish;
mod subscribe;

use fanline_model::{ErrorCode, Limits, ReadableJson};
use fanline_protocol::{Command, Refusal, Tag};
use serde::Deserialize;
use serde_json::value::RawValue;

pub(crate) use connect::connect;
pub(crate) use publish::publish;
pub(crate) use subscribe::{subscribe, unsubscribe};

use crate::encode;
use crate::input;

/// The longest `id`, in bytes of JSON text. It is kept until it is answered.
const MAX_ID_BYTES: usize = 128;

/// What every frame has.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) kind: Box<str>,
    pub(crate) tag: Tag,
}

/// `refresh`.
#[derive(Debug, Deserialize)]
pub(crate) struct Refresh {
    pub(crate) token: String,
}

/// `options`.
#[derive(Debug, Deserialize)]
pub(crate) struct Options {
    pub(crate) echo: bool,
}

#[derive(Deserialize)]
struct HeadFields<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

/// The commands that a frame becomes, and what they are read with.
pub(crate) struct Decoder<'a> {
    pub(crate) limits: &'a Limits,
    pub(crate) commands: &'a mut Vec<Command>,
}

// === impl Head ===

impl Head {
    /// Reads `type` and `id`.
    pub(crate) fn read(text: &str) -> Result<Self, Refusal> {
        let head: HeadFields<'_> = input::parse(text)?;
        let tag = tag(head.id)?;
        match head.kind {
            Some(kind) => Ok(Self {
                kind: kind.into(),
                tag,
            }),
            None => Err(Refusal::new(
                ErrorCode::InvalidRequest,
                "the frame has no type",
            )),
        }
    }
}

// === impl Decoder ===

impl Decoder<'_> {
    /// Adds a command.
    pub(crate) fn push(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Answers a frame, or an entry of one, that makes no sense.
    pub(crate) fn fault(&mut self, refusal: &Refusal, tag: &Tag) {
        self.push(Command::Fault(encode::refusal(refusal, None, tag)));
    }

    /// Answers what is well formed and not built.
    pub(crate) fn not_supported(&mut self, sentence: &str, tag: &Tag) {
        let refusal = Refusal::new(ErrorCode::NotSupported, sentence);
        self.push(Command::Reply(encode::refusal(&refusal, None, tag)));
    }
}

/// The `id` of a frame or an entry, as its JSON text: echoed verbatim.
fn tag(id: Option<&RawValue>) -> Result<Tag, Refusal> {
    let Some(text) = id.map(RawValue::get) else {
        return Ok(None);
    };
    let is_plain =
        text.starts_with(|first: char| first == '"' || first == '-' || first.is_ascii_digit());
    let is_readable = || serde_json::from_str::<ReadableJson>(text).is_ok();
    if !is_plain || text.len() > MAX_ID_BYTES || !is_readable() {
        let sentence = format!("an id is a string or a number of at most {MAX_ID_BYTES} bytes");
        return Err(Refusal::new(ErrorCode::InvalidRequest, sentence));
    }
    Ok(Some(text.into()))
}
