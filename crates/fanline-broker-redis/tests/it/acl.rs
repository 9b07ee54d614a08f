//! The ACL user of `docs/operations/redis.md`: what is written there is enough, and is not everything.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use fanline_broker::{Broker, Entry, PageLimit, Presence};
use fanline_broker_redis::RedisConfig;
use fanline_model::{ConnectionId, SystemRandom, UserId};
use fanline_testkit::redis::RedisServer;
use redis::{RedisResult, Value};

use crate::station::Station;

const PAGE: &str = "../../docs/operations/redis.md";
const USER: &str = "fanline";

/// The lines of the page's blocks of commands for Redis.
fn commands() -> Vec<Vec<String>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```redis\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap().lines());
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    lines.map(words).collect()
}

fn user_commands() -> Vec<Vec<String>> {
    let mut commands = commands();
    commands.retain(|words| words[..2] == ["ACL", "SETUSER"]);
    commands
}

/// Does what the page says.
async fn prepare(server: &RedisServer) -> RedisConfig {
    let mut connection = server.connect().await.unwrap();
    for words in commands() {
        let mut command = redis::cmd(&words[0]);
        let done: RedisResult<Value> = command.arg(&words[1..]).query_async(&mut connection).await;
        done.unwrap_or_else(|error| panic!("{words:?}: {error}"));
    }
    let rules: Vec<String> = user_commands().concat();
    let password = rules.iter().find_map(|rule| rule.strip_prefix('>'));
    RedisConfig {
        nodes: vec![server.address()],
        username: Some(USER.to_owned()),
        password: Some(password.unwrap().to_owned()),
        retry_budget: Duration::from_secs(2),
        ..RedisConfig::default()
    }
}

#[tokio::test]
async fn the_user_of_the_page_may_do_all_that_a_node_does() {
    let server = RedisServer::start().await.unwrap();
    let station = Station::on(prepare(&server).await);
    station.until_contact().await;
    station.carries_messages().await;
    let (broker, channel) = (&station.broker, &station.channel);
    let limit = PageLimit {
        messages: 10,
        bytes: 10_000,
    };
    let page = broker.read(channel, 0, limit).await.unwrap().unwrap();
    assert_eq!(page.messages.len(), 1);
    broker.state(channel).await.unwrap();
    broker.head(channel).await.unwrap();

    let presence = broker.presence();
    let (user, connection) = (
        UserId::parse("ann").unwrap(),
        ConnectionId::generate(&SystemRandom),
    );
    let entry = Entry {
        member: user.clone(),
        connection,
        info: None,
        data: None,
    };
    let lease = Duration::from_secs(15);
    presence.enter(channel, entry, lease, 10).await.unwrap();
    let entered = [(channel.clone(), user.clone(), connection)];
    presence.refresh(&entered, lease).await.unwrap();
    presence.roster(channel, None, 10).await.unwrap();
    presence.reap().await.unwrap();
    presence.leave(channel, &user, connection).await.unwrap();
    broker.unfollow(channel).await;
    assert_eq!(denied(&server).await, Vec::<String>::new());
}

/// What Redis has denied, by its own log.
async fn denied(server: &RedisServer) -> Vec<String> {
    let mut connection = server.connect().await.unwrap();
    let mut command = redis::cmd("ACL");
    let log: Vec<std::collections::HashMap<String, Value>> = command
        .arg("LOG")
        .query_async(&mut connection)
        .await
        .unwrap();
    let object = |mut entry: std::collections::HashMap<String, Value>| {
        let object = entry.remove("object").unwrap();
        redis::from_redis_value::<String>(object).unwrap()
    };
    log.into_iter().map(object).collect()
}

/// A function runs with the rules of its caller.
#[test]
fn every_command_of_the_function_library_is_in_the_rules() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/library");
    let mut called = BTreeSet::new();
    for file in std::fs::read_dir(library).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "lua") {
            let text = std::fs::read_to_string(path).unwrap();
            let calls = text
                .split("redis.call('")
                .chain(text.split("redis.pcall('"));
            for call in calls.filter(|call| call.contains('\'')) {
                let command = call.split('\'').next().unwrap();
                if command.bytes().all(|byte| byte.is_ascii_uppercase()) {
                    called.insert(format!("+{}", command.to_lowercase()));
                }
            }
        }
    }
    assert!(called.contains("+hset"), "{called:?}");
    let rules: BTreeSet<String> = user_commands().concat().into_iter().collect();
    let missing: Vec<_> = called.difference(&rules).collect();
    assert!(missing.is_empty(), "not in {PAGE}: {missing:?}");
}

/// What a node sends only now and then: while a slot moves, or where a namespace asks for it.
#[tokio::test]
async fn the_user_of_the_page_may_send_what_is_rarely_sent() {
    let server = RedisServer::start().await.unwrap();
    prepare(&server).await;
    let mut connection = server.connect().await.unwrap();
    for words in [
        &["ASKING"][..],
        &["WAIT", "1", "100"],
        &["FUNCTION", "LIST"],
    ] {
        let mut command = redis::cmd("ACL");
        command.arg("DRYRUN").arg(USER).arg(words);
        let judged: String = command.query_async(&mut connection).await.unwrap();
        assert_eq!(judged, "OK", "{words:?}");
    }
}

#[tokio::test]
async fn the_user_of_the_page_may_do_nothing_else() {
    let server = RedisServer::start().await.unwrap();
    let config = prepare(&server).await;
    let (user, password) = (config.username.unwrap(), config.password.unwrap());
    let mut connection = server.connect().await.unwrap();
    let () = redis::cmd("AUTH")
        .arg(user)
        .arg(password)
        .query_async(&mut connection)
        .await
        .unwrap();
    for words in [
        &["FLUSHALL"][..],
        &["KEYS", "*"],
        &["CONFIG", "GET", "requirepass"],
        &["ACL", "LIST"],
        &["HGET", "of-somebody-else", "field"],
        &["SSUBSCRIBE", "of-somebody-else"],
        &["DEL", "fl1:{p0}:leases"],
        &["EVAL", "return 1", "0"],
    ] {
        let mut command = redis::cmd(words[0]);
        let done: RedisResult<Value> = command.arg(&words[1..]).query_async(&mut connection).await;
        let code = done.expect_err(&words.join(" "));
        assert_eq!(code.code(), Some("NOPERM"), "{words:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_once_and_not_tried_without_end() {
    let server = RedisServer::start().await.unwrap();
    let config = RedisConfig {
        password: Some("wrong".to_owned()),
        ..prepare(&server).await
    };
    let station = Station::on(config);
    station.until_missing("check redis.username").await;
    station.until_available(false).await;
    let before = logins(&server).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let tried = logins(&server).await - before;
    assert!(tried <= 4, "{tried} logins within three seconds");
}

/// How many connections the server has taken, but for that of this question.
async fn logins(server: &RedisServer) -> u64 {
    let mut connection = server.connect().await.unwrap();
    let mut command = redis::cmd("INFO");
    let information: redis::InfoDict = command
        .arg("stats")
        .query_async(&mut connection)
        .await
        .unwrap();
    information.get("total_connections_received").unwrap()
}
