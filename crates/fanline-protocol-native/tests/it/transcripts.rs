//! Every transcript, replayed against the dialect with the stand-in behind it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fanline_model::{Channel, Origin, Payload};
use fanline_protocol::{Frame, Item};
use serde_json::Value;

use crate::session::{Session, open};
use crate::transcript::Bindings;
use crate::world::{APP_KEY, Act, EXPIRED_TOKEN, OTHER_TOKEN, TOKEN, World};

#[test]
fn every_transcript_replays() {
    let mut transcripts: Vec<_> = fs::read_dir(crate::fixtures("protocol/native"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "jsonl")
        })
        .collect();
    transcripts.sort();
    assert!(transcripts.len() >= 10, "the transcripts are gone");
    for path in transcripts {
        replay(&path);
    }
}

fn replay(path: &Path) {
    let mut player = Player::new();
    for (number, line) in fs::read_to_string(path).unwrap().lines().enumerate() {
        let place = format!("{}:{}", path.display(), number + 1);
        let line: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{place}: {error}"));
        let (kind, value) = line.as_object().unwrap().iter().next().unwrap();
        player.step(&place, kind, value);
    }
    let rest = &player.session.sent;
    assert!(
        rest.is_empty(),
        "{}: not expected: {rest:?}",
        path.display()
    );
}

struct Player {
    world: Arc<World>,
    session: Session,
    bindings: Bindings,
}

impl Player {
    fn new() -> Self {
        let world = World::new();
        let session = Session::new(world.clone(), &open("", None));
        let mut bindings = Bindings::default();
        for (name, value) in [
            ("app", APP_KEY),
            ("token", TOKEN),
            ("other_token", OTHER_TOKEN),
            ("expired_token", EXPIRED_TOKEN),
            ("api_key", &World::api_key()),
        ] {
            bindings.0.insert(name.to_owned(), value.into());
        }
        Self {
            world,
            session,
            bindings,
        }
    }

    fn step(&mut self, place: &str, kind: &str, value: &Value) {
        match kind {
            "about" => {}
            "open" => self.open(place, value),
            "client" => {
                let text = self.bindings.fill(value).to_string();
                self.session.receive(Frame::text(text));
            }
            "client_text" => self
                .session
                .receive(Frame::text(value.as_str().unwrap().to_owned())),
            "client_binary" => {
                let bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
                self.session.receive(Frame::Binary(bytes.into()));
            }
            "server" => {
                let actual = self.next(place);
                let matches = self.bindings.matches(value, &actual);
                assert!(matches, "{place}: got {actual}");
            }
            "unordered" => self.unordered(place, value.as_array().unwrap()),
            "backend" => self.backend(value),
            "event" => {
                let name = value["name"].as_str().unwrap();
                self.session.named_event(name, value["channel"].as_str());
            }
            "close" => {
                let close = self
                    .session
                    .closed
                    .take()
                    .unwrap_or_else(|| panic!("{place}: not closed"));
                assert_eq!(
                    u64::from(close.code),
                    value["code"].as_u64().unwrap(),
                    "{place}"
                );
                assert_eq!(close.reason, value["reason"].as_str().unwrap(), "{place}");
            }
            other => panic!("{place}: no line is called {other}"),
        }
    }

    fn open(&mut self, place: &str, value: &Value) {
        assert!(
            self.session.sent.is_empty(),
            "{place}: not expected: {:?}",
            self.session.sent
        );
        let text = |key: &str| value[key].as_str().unwrap_or_default();
        let query = text("query").replace("$app", APP_KEY);
        let authorization = text("authorization")
            .replace("$api_key", &World::api_key())
            .replace("$token", TOKEN);
        let authorization = (!authorization.is_empty()).then_some(&*authorization);
        self.session = Session::new(self.world.clone(), &open(&query, authorization));
    }

    fn next(&mut self, place: &str) -> Value {
        let text = self
            .session
            .sent
            .pop_front()
            .unwrap_or_else(|| panic!("{place}: the server is silent"));
        assert!(
            text.starts_with("{\"type\":\""),
            "{place}: type does not stand first: {text}"
        );
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{place}: {error}: {text}"))
    }

    fn unordered(&mut self, place: &str, expected: &[Value]) {
        let mut missing: Vec<&Value> = expected.iter().collect();
        while !missing.is_empty() {
            let actual = self.next(place);
            let found = missing.iter().position(|expected| {
                let mut bindings = self.bindings.clone();
                let matches = bindings.matches(expected, &actual);
                if matches {
                    self.bindings = bindings;
                }
                matches
            });
            missing.remove(found.unwrap_or_else(|| panic!("{place}: got {actual}")));
        }
    }

    fn backend(&mut self, value: &Value) {
        let channel = Channel::parse(value["channel"].as_str().unwrap()).unwrap();
        let mut item = Item::new(Payload::json(value["data"].to_string()));
        item.name = value["name"].as_str().map(Arc::from);
        let act = Act {
            items: vec![item],
            ids: None,
            origin: Origin::default(),
            condition: None,
        };
        let (_, messages) = self.world.act(&channel, act).unwrap();
        self.session.deliver(&channel, &messages);
    }
}
