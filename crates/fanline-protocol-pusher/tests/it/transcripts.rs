//! Whole conversations, byte for byte: the files under `fixtures/protocol/pusher/` are played against the
//! guest.
//!
//! `@ open PATH?QUERY as ID` opens a socket, `>` is a client's frame, `<` the server's next, `! close CODE`
//! the end, `~ publish BODY` a signed HTTP publish, `~ idle` silence. Everything the server says must stand
//! there, in its place.

use std::sync::Arc;

use fanline_protocol::Event;

use crate::world::{Backend, Client, World, fixture};

const TRANSCRIPTS: [&str; 5] = ["public", "private", "client-events", "refusals", "not-yet"];

#[tokio::test]
async fn every_transcript_plays() {
    for name in TRANSCRIPTS {
        let text = fixture(&format!("protocol/pusher/{name}.transcript"));
        let mut player = Player::new(name);
        for (number, line) in (1..).zip(text.lines()) {
            player.line = number;
            player.play(line).await;
        }
        player.nothing_left();
    }
}

#[test]
fn every_transcript_is_played() {
    let directory = format!(
        "{}/../../fixtures/protocol/pusher",
        env!("CARGO_MANIFEST_DIR")
    );
    let mut found: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .filter_map(|entry| {
            entry
                .unwrap()
                .file_name()
                .into_string()
                .unwrap()
                .strip_suffix(".transcript")
                .map(str::to_owned)
        })
        .collect();
    found.sort_unstable();
    let mut played = TRANSCRIPTS.to_vec();
    played.sort_unstable();
    assert_eq!(found, played);
}

struct Player {
    name: &'static str,
    line: usize,
    world: Arc<World>,
    client: Option<Client>,
    unread: std::collections::VecDeque<String>,
}

impl Player {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            line: 0,
            world: World::new(),
            client: None,
            unread: Default::default(),
        }
    }

    async fn play(&mut self, line: &str) {
        let (kind, rest) = line.split_at(line.len().min(2));
        match kind {
            "" | "# " | "#" => return,
            "< " => {
                let frame = self.unread.pop_front();
                return assert_eq!(frame.as_deref(), Some(rest), "{}:{}", self.name, self.line);
            }
            "! " => {
                self.nothing_left();
                let code = rest.strip_prefix("close ").unwrap().parse().unwrap();
                let closed = self.client.as_ref().unwrap().closed();
                return assert_eq!(
                    closed.map(|(code, _)| code),
                    Some(code),
                    "{}:{}",
                    self.name,
                    self.line
                );
            }
            _ => self.nothing_left(),
        }
        match kind {
            "@ " => {
                let (target, id) = rest
                    .strip_prefix("open ")
                    .unwrap()
                    .split_once(" as ")
                    .unwrap();
                let (path, query) = target.split_once('?').unwrap();
                self.world.next_id(id);
                self.client = Some(self.world.open(path, query).await);
            }
            "> " => self.client.as_mut().unwrap().send_text(rest).await,
            "~ " if rest == "idle" => self.client.as_mut().unwrap().hear(Event::Idle),
            "~ " => {
                let body = rest.strip_prefix("publish ").unwrap();
                Backend::new(&self.world)
                    .post_text("events", body)
                    .await
                    .ok();
            }
            other => panic!("{}:{}: {other:?} is no kind of line", self.name, self.line),
        }
        self.unread
            .extend(self.client.as_mut().unwrap().take_texts());
    }

    fn nothing_left(&self) {
        assert!(
            self.unread.is_empty(),
            "{}:{}: {:?}",
            self.name,
            self.line,
            self.unread
        );
    }
}
