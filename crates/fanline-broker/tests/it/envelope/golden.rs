//! `fixtures/envelope`: each `.json` describes a message, the `.hex` beside it is its envelope.
//!
//! The first of them were made by an encoder written from the description of the format alone. They must
//! read for ever: a new field or a new case is a new pair of files.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use fanline_broker::envelope;
use fanline_model::{
    ConnectionId, Draft, Epoch, Fork, Header, Message, MessageId, Origin, Payload, PayloadKind,
    Position, Timestamp, UserId,
};
use serde::Deserialize;

const CURE: &str = "An envelope that was once written must read the same for ever, so check first that the \
    change is not one that old nodes cannot read. For a new case, or if it is right: \
    cargo test -p fanline-broker --test it -- --ignored write_the_golden_envelopes";

/// A message as the files describe it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    #[serde(rename = "says")]
    _says: String,
    id: String,
    kind: String,
    /// As text, or in hexadecimal for `bytes`.
    payload: String,
    name: Option<String>,
    key: Option<String>,
    client_id: Option<String>,
    connection: Option<String>,
    exclude: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    ephemeral: bool,
    #[serde(default)]
    removed: bool,
    traceparent: Option<String>,
    /// Protocol and value, in hexadecimal.
    #[serde(default)]
    attributes: Vec<(String, String)>,
    timestamp: u64,
    position: Option<String>,
    fork: Option<String>,
    /// Fields of a later version, which this one reads over and never writes.
    #[serde(default)]
    unknown: Vec<(u8, String)>,
}

struct Case {
    path: PathBuf,
    message: Message,
    is_written: bool,
}

fn cases() -> Vec<Case> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/envelope");
    let files = fs::read_dir(&directory)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut cases: Vec<_> = files
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .map(|path| {
            let described: Described = serde_json::from_str(&fs::read_to_string(&path).unwrap())
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let is_written = described.unknown.is_empty();
            Case {
                path: path.with_extension("hex"),
                message: described.into_message(),
                is_written,
            }
        })
        .collect();
    cases.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(
        cases.len() >= 8,
        "fixtures are missing in {}",
        directory.display()
    );
    cases
}

#[test]
fn golden_envelopes_read_as_described() {
    for Case { path, message, .. } in cases() {
        let hex = fs::read_to_string(&path)
            .unwrap_or_else(|_| panic!("{} is missing. {CURE}", path.display()));
        let read = envelope::decode(from_hex(hex.trim()).into());
        assert_eq!(
            read,
            Ok(message),
            "{} reads otherwise. {CURE}",
            path.display()
        );
    }
}

#[test]
fn what_is_described_is_written_as_the_golden_envelopes() {
    for Case { path, message, .. } in cases().into_iter().filter(|case| case.is_written) {
        let hex = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            to_hex(&envelope::encode(&message)),
            hex.trim(),
            "{} drifts. {CURE}",
            path.display()
        );
    }
}

#[test]
#[ignore = "writes fixtures/envelope anew, see the test that fails without it"]
fn write_the_golden_envelopes() {
    for Case { path, message, .. } in cases().into_iter().filter(|case| case.is_written) {
        fs::write(path, to_hex(&envelope::encode(&message)) + "\n").unwrap();
    }
}

impl Described {
    fn into_message(self) -> Message {
        let (kind, bytes) = match self.kind.as_str() {
            "json" => (PayloadKind::Json, self.payload.into_bytes()),
            "text" => (PayloadKind::Text, self.payload.into_bytes()),
            "bytes" => (PayloadKind::Bytes, from_hex(&self.payload)),
            other => panic!("{other} is no kind"),
        };
        let payload = Payload {
            kind,
            bytes: bytes.into(),
        };
        let connection =
            |text: Option<String>| text.map(|text| ConnectionId::parse(&text).unwrap());
        let header = |(name, value): (String, String)| Header {
            name: name.into(),
            value: value.into(),
        };
        let attribute =
            |(protocol, hex): (String, String)| (protocol.into(), Bytes::from(from_hex(&hex)));
        Message {
            draft: Draft {
                id: MessageId::parse(&self.id).unwrap(),
                name: self.name.map(Into::into),
                key: self.key.map(Into::into),
                payload,
                origin: Origin {
                    connection: connection(self.connection),
                    exclude: connection(self.exclude),
                    client_id: self.client_id.map(|id| UserId::parse(&id).unwrap()),
                },
                headers: self.headers.into_iter().map(header).collect(),
                ephemeral: self.ephemeral,
                removed: self.removed,
                traceparent: self.traceparent.map(Into::into),
                attributes: self.attributes.into_iter().map(attribute).collect(),
            },
            timestamp: Timestamp::from_millis(self.timestamp),
            position: self
                .position
                .map(|text| place(&text))
                .map(|(epoch, seq)| Position::new(epoch, seq)),
            fork: self
                .fork
                .map(|text| place(&text))
                .map(|(epoch, at)| Fork { epoch, at }),
        }
    }
}

/// `EPOCH:NUMBER`.
fn place(text: &str) -> (Epoch, u64) {
    let (epoch, number) = text.split_once(':').unwrap();
    (Epoch::parse(epoch).unwrap(), number.parse().unwrap())
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap() as u8;
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    assert!(rest.is_empty(), "half a byte in {hex}");
    pairs
        .iter()
        .map(|[high, low]| digit(high) << 4 | digit(low))
        .collect()
}
