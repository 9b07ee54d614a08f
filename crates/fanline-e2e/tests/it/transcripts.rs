//! The transcripts under `fixtures/protocol/native/` hold on the real server. The format is described in the
//! README beside them.

use std::collections::BTreeMap;
use std::path::Path;

use fanline_e2e::{Broker, Native, Server, claims, token};
use serde_json::{Value, json};

/// Needs an engine that says what no client brings about; replayed beside the protocol's own crate.
const SCRIPTED: &str = "what-the-server-says.jsonl";

#[tokio::test]
async fn every_transcript_holds_on_the_real_server() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/protocol/native");
    let mut replayed = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
            && name != SCRIPTED
        {
            Player::new(name)
                .play(&std::fs::read_to_string(&path).unwrap())
                .await;
            replayed += 1;
        }
    }
    assert!(replayed >= 17, "only {replayed} transcripts were found");
}

/// Replays one transcript on a server of its own.
struct Player {
    name: String,
    server: Server,
    client: Option<Native>,
    closed: bool,
    bound: BTreeMap<String, Value>,
}

impl Player {
    fn new(name: String) -> Self {
        let server = Server::start();
        let allow = json!({"*": ["subscribe", "publish", "history"]});
        let user = || claims("u1", &allow);
        let mut other = user();
        other["jti"] = json!("other");
        let mut expired = user();
        (expired["iat"], expired["exp"]) = (json!(1_000), json!(2_000));
        let sign = |claims: &Value| json!(token(&server.info.signing_key, claims));
        let bound = BTreeMap::from([
            ("app".to_owned(), json!(server.info.pusher.key)),
            ("token".to_owned(), sign(&user())),
            ("other_token".to_owned(), sign(&other)),
            ("expired_token".to_owned(), sign(&expired)),
            ("api_key".to_owned(), json!(server.info.api_key)),
        ]);
        Self {
            name,
            server,
            client: None,
            closed: false,
            bound,
        }
    }

    async fn play(mut self, text: &str) {
        for (number, line) in (1..).zip(text.lines()) {
            let line: Value = serde_json::from_str(line).unwrap();
            let (kind, said) = line.as_object().unwrap().iter().next().unwrap();
            let at = format!("{} line {number}", self.name);
            match kind.as_str() {
                "about" => {}
                "open" => self.open(said, &at).await,
                "client" => {
                    let frame = self.filled(said);
                    self.client().await.send(&frame).await;
                }
                "client_text" => self.client().await.send_text(said.as_str().unwrap()).await,
                "client_binary" => {
                    self.client()
                        .await
                        .send_binary_base64(said.as_str().unwrap())
                        .await
                }
                "server" => {
                    let frame = self.client().await.next().await;
                    self.compare(said, &frame).unwrap_or_else(|why| {
                        panic!("{at}: {why}\nexpected {said}\nbut came {frame}")
                    });
                }
                "unordered" => self.unordered(said.as_array().unwrap(), &at).await,
                "backend" => self.publish(said).await,
                "close" => {
                    let (code, reason) = self.client().await.next_or_close().await.expect_err(&at);
                    assert_eq!(
                        (json!(code), json!(reason)),
                        (said["code"].clone(), said["reason"].clone()),
                        "{at}"
                    );
                    self.closed = true;
                }
                other => panic!("{at}: {other:?} is not a kind of line"),
            }
        }
        let at = format!("the end of {}", self.name);
        self.said_nothing_more(&at).await;
    }

    async fn client(&mut self) -> &mut Native {
        if self.client.is_none() {
            self.client = Some(Native::open(&self.server).await);
        }
        self.client.as_mut().unwrap()
    }

    async fn open(&mut self, how: &Value, at: &str) {
        self.said_nothing_more(at).await;
        if let Some(client) = self.client.take() {
            client.cut();
        }
        let query = self.filled_text(how["query"].as_str().unwrap_or_default());
        let authorization = how["authorization"]
            .as_str()
            .map(|text| self.filled_text(text));
        self.client = Some(Native::open_with(&self.server, &query, authorization.as_deref()).await);
        self.closed = false;
    }

    /// A ping is answered in order: before its pong nothing else may come.
    async fn said_nothing_more(&mut self, at: &str) {
        if self.closed {
            return;
        }
        if let Some(client) = &mut self.client {
            client.send(&json!({"type": "ping"})).await;
            let frame = client.next().await;
            assert_eq!(frame["type"], "pong", "{at}: the server said more: {frame}");
        }
    }

    async fn unordered(&mut self, expected: &[Value], at: &str) {
        let mut open: Vec<&Value> = expected.iter().collect();
        while !open.is_empty() {
            let frame = self.client().await.next().await;
            let found = open.iter().position(|one| {
                let before = self.bound.clone();
                let same = self.compare(one, &frame).is_ok();
                if !same {
                    self.bound = before;
                }
                same
            });
            let found = found.unwrap_or_else(|| panic!("{at}: {frame} is none of {open:?}"));
            open.remove(found);
        }
    }

    async fn publish(&self, said: &Value) {
        let channel = said["channel"].as_str().unwrap();
        let path = match channel.strip_prefix("#user:") {
            Some(user) => format!("/v1/users/{user}/messages"),
            None => format!("/v1/channels/{channel}/messages"),
        };
        let body = json!({"name": said["name"], "data": said["data"]});
        let answer = self
            .server
            .api("POST", &path, Some(&self.server.info.api_key), Some(&body))
            .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        // A transcript has one order of lines; with the embedded broker it is the only one there is.
        if Broker::under_test() == Broker::Redis {
            let seq = answer.json()["seq"].as_u64().unwrap();
            let token = self.bound["token"].as_str();
            self.server.has_heard(channel, seq, token).await;
        }
    }

    /// Whether a frame is the expected one; binds the variables it meets first.
    fn compare(&mut self, expected: &Value, came: &Value) -> Result<(), String> {
        match (expected, came) {
            (Value::String(text), _) if text == "$_" => Ok(()),
            (Value::String(text), _) if text.starts_with('$') => {
                let name = &text[1..];
                let known = match self.value_of(name) {
                    Some(known) => known,
                    None => self
                        .bound
                        .entry(name.to_owned())
                        .or_insert_with(|| came.clone())
                        .clone(),
                };
                if known == *came {
                    Ok(())
                } else {
                    Err(format!("{text} is {known}, not {came}"))
                }
            }
            (Value::Object(expected), Value::Object(came)) => {
                if let Some(field) = came.keys().find(|field| !expected.contains_key(*field)) {
                    return Err(format!("the field {field:?} was not expected"));
                }
                expected.iter().try_for_each(|(field, value)| {
                    let found = came
                        .get(field)
                        .ok_or_else(|| format!("the field {field:?} is missing"))?;
                    self.compare(value, found)
                        .map_err(|why| format!("{field}: {why}"))
                })
            }
            (Value::Array(expected), Value::Array(came)) if expected.len() == came.len() => {
                expected
                    .iter()
                    .zip(came)
                    .try_for_each(|(one, other)| self.compare(one, other))
            }
            _ if expected == came => Ok(()),
            _ => Err(format!("{came} instead of {expected}")),
        }
    }

    /// A variable's value: bound as it is, or `name+n` of a bound number.
    fn value_of(&self, name: &str) -> Option<Value> {
        match name.split_once('+') {
            Some((name, more)) => Some(json!(
                self.bound.get(name)?.as_u64()? + more.parse::<u64>().ok()?
            )),
            None => self.bound.get(name).cloned(),
        }
    }

    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) if text.starts_with('$') => self
                .value_of(&text[1..])
                .unwrap_or_else(|| panic!("{}: {text} is not bound", self.name)),
            Value::Object(fields) => fields
                .iter()
                .map(|(field, value)| (field.clone(), self.filled(value)))
                .collect(),
            Value::Array(values) => values.iter().map(|value| self.filled(value)).collect(),
            other => other.clone(),
        }
    }

    fn filled_text(&self, text: &str) -> String {
        // The longest names first, so that `$other_token` is not taken for `$o`.
        let mut names: Vec<_> = self.bound.keys().collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        names.into_iter().fold(text.to_owned(), |text, name| {
            text.replace(
                &format!("${name}"),
                self.bound[name].as_str().unwrap_or_default(),
            )
        })
    }
}
