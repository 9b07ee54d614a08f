//! `fixtures/signals`: each `.json` describes a signal, the `.hex` beside it is its envelope. They were made by an
//! encoder written from the description of the format alone, and must read for ever.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::Path;

use fanline_broker::Signal;
use fanline_model::AppId;
use serde::Deserialize;

use super::super::identity::SignalKey;
use super::super::kinds::{self, Content};
use super::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    #[serde(rename = "says")]
    _says: String,
    installation: String,
    sender: String,
    boot: String,
    counter: u64,
    time: u64,
    key_version: u32,
    key: String,
    /// None: of a kind that this version does not know.
    signal: Option<DescribedSignal>,
    /// Whether this version writes the same.
    is_written: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum DescribedSignal {
    AppChanged { app: String, revision: u64 },
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.trim().chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

impl Described {
    fn key(&self) -> SignalKey {
        SignalKey::new(self.key_version, bytes(&self.key).try_into().unwrap())
    }

    fn sender(&self) -> SignalSender {
        SignalSender {
            installation: InstallationId(bytes(&self.installation).try_into().unwrap()),
            node: NodeId::parse(&self.sender).unwrap(),
            boot: BootId::from_u64(u64::from_str_radix(&self.boot, 16).unwrap()),
            key: self.key(),
        }
    }

    fn content(&self) -> Content {
        match &self.signal {
            Some(DescribedSignal::AppChanged { app, revision }) => {
                Content::Known(Signal::AppChanged {
                    app: AppId::parse(app).unwrap(),
                    revision: *revision,
                })
            }
            None => Content::Unknown,
        }
    }
}

fn each_golden(check: impl Fn(&str, &Described, &[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/signals");
    let mut count = 0;
    for file in fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let text = fs::read_to_string(&path).unwrap();
            let described = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let hex = fs::read_to_string(path.with_extension("hex")).unwrap();
            check(&path.display().to_string(), &described, &bytes(&hex));
            count += 1;
        }
    }
    assert_eq!(count, 3, "the golden files of {}", folder.display());
}

#[test]
fn the_golden_envelopes_are_read_as_described() {
    each_golden(|name, described, bytes| {
        let envelope = read(bytes).unwrap();
        let sender = described.sender();
        assert_eq!(envelope.installation, sender.installation, "{name}");
        assert_eq!(
            (&envelope.sender, envelope.boot),
            (&sender.node, sender.boot),
            "{name}"
        );
        assert_eq!(
            (
                envelope.counter,
                envelope.time.as_millis(),
                envelope.key_version
            ),
            (described.counter, described.time, described.key_version),
            "{name}"
        );
        let key = described.key();
        assert!(key.has_signed(envelope.signed, envelope.mac), "{name}");
        let content = kinds::read(envelope.kind, envelope.body).unwrap();
        assert_eq!(content, described.content(), "{name}");
    });
}

#[test]
fn what_this_version_writes_is_golden() {
    each_golden(|name, described, golden| {
        if let (true, Content::Known(signal)) = (described.is_written, described.content()) {
            let (kind, body) = kinds::write(&signal);
            let time = Timestamp::from_millis(described.time);
            let sender = described.sender();
            let written = write(&sender, described.counter, time, (kind, &body));
            assert_eq!(written, golden, "{name}");
        }
    });
}

#[test]
fn whatever_is_cut_short_or_too_long_is_no_envelope() {
    each_golden(|name, _, bytes| {
        for length in 0..bytes.len() {
            // A shorter one may happen to have its form; then its code is not over what it says.
            if let Some(envelope) = read(&bytes[..length]) {
                let key = SignalKey::new(1, [7; 32]);
                assert!(!key.has_signed(envelope.signed, envelope.mac), "{name}");
            }
        }
        let longer = [bytes, b"x"].concat();
        assert_eq!(read(&longer), None, "{name}");
    });
}
