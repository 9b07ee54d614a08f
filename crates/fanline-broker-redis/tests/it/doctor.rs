//! The examination of an installation, against real faults.

use std::time::Duration;

use fanline_broker_redis::RedisConfig;
use fanline_broker_redis::doctor::{Finding, Verdict, examine};
use fanline_model::SystemClock;
use fanline_testkit::redis::{Certificates, Clients, RedisCluster, RedisServer};

use crate::station::Station;
use crate::tls::trusting;

/// What was found, to be asked about.
struct Report(Vec<Finding>);

impl Report {
    async fn of(config: &RedisConfig) -> Self {
        Self(examine(config, &SystemClock).await)
    }

    /// The only line of a check.
    fn of_check(&self, check: &str) -> &Finding {
        let mut findings = self.0.iter().filter(|finding| finding.check == check);
        let finding = findings
            .next()
            .unwrap_or_else(|| panic!("{check}: {:#?}", self.0));
        assert_eq!(findings.next(), None, "{:#?}", self.0);
        finding
    }

    fn failed(&self) -> Vec<&'static str> {
        let failed = self
            .0
            .iter()
            .filter(|finding| finding.verdict == Verdict::Failed);
        failed.map(|finding| finding.check).collect()
    }
}

fn on(nodes: Vec<String>) -> RedisConfig {
    RedisConfig {
        nodes,
        ..RedisConfig::default()
    }
}

async fn tell(server: &RedisServer, words: &str) {
    let mut words = words.split(' ');
    let mut command = redis::cmd(words.next().unwrap());
    for word in words {
        command.arg(word);
    }
    let mut connection = server.connect().await.unwrap();
    command.query_async(&mut connection).await.unwrap()
}

#[tokio::test]
async fn a_single_server_as_it_should_be_has_no_fault() {
    let server = RedisServer::start().await.unwrap();
    tell(&server, "CONFIG SET repl-backlog-ttl 0").await;
    let report = Report::of(&on(vec![server.address()])).await;
    assert!(report.failed().is_empty(), "{:#?}", report.0);
    assert_eq!(report.of_check("cluster").found, "a single server");
    assert_eq!(report.of_check("reachable").servers, [server.address()]);
    assert_eq!(report.of_check("backlog").verdict, Verdict::Ok);
    // Nobody need have replicas, but who asks for `replicated` is refused.
    assert_eq!(report.of_check("replicas").verdict, Verdict::Warning);
    let functions = report.of_check("functions");
    assert!(functions.found.contains("not loaded yet"), "{functions:?}");
    let keys: usize = redis::cmd("DBSIZE")
        .query_async(&mut server.connect().await.unwrap())
        .await
        .unwrap();
    assert_eq!(keys, 0, "an examination changes nothing");
}

#[tokio::test]
async fn the_loaded_library_is_named() {
    let server = RedisServer::start().await.unwrap();
    let config = on(vec![server.address()]);
    Station::on(config.clone()).until_contact().await;
    let report = Report::of(&config).await;
    let functions = report.of_check("functions");
    assert!(functions.found.starts_with("fanline_"), "{functions:?}");
}

#[tokio::test]
async fn a_policy_that_evicts_and_a_short_lived_backlog_are_told_with_their_cure() {
    let server = RedisServer::start().await.unwrap();
    tell(&server, "CONFIG SET maxmemory-policy allkeys-lru").await;
    tell(&server, "CONFIG SET repl-backlog-ttl 60").await;
    let report = Report::of(&on(vec![server.address()])).await;
    assert_eq!(report.failed(), ["eviction"]);
    let eviction = report.of_check("eviction");
    assert_eq!(eviction.found, "allkeys-lru");
    assert!(eviction.advice.as_ref().unwrap().contains("noeviction"));
    let backlog = report.of_check("backlog");
    assert_eq!(backlog.verdict, Verdict::Warning);
    assert!(
        backlog
            .advice
            .as_ref()
            .unwrap()
            .contains("repl-backlog-ttl 0")
    );
}

#[tokio::test]
async fn a_server_that_is_down_and_a_node_without_a_port_are_named() {
    let server = RedisServer::start().await.unwrap();
    server.kill();
    let report = Report::of(&on(vec![server.address(), "redis".to_owned()])).await;
    assert_eq!(report.failed(), ["reachable", "reachable"]);
    assert!(
        report
            .0
            .iter()
            .any(|finding| finding.servers == [server.address()])
    );
    assert!(report.0.iter().any(|finding| finding.servers == ["redis"]));
}

#[tokio::test]
async fn a_wrong_password_says_where_to_look() {
    let server = RedisServer::start().await.unwrap();
    let config = RedisConfig {
        username: Some("fanline".to_owned()),
        password: Some("wrong".to_owned()),
        ..on(vec![server.address()])
    };
    let report = Report::of(&config).await;
    assert_eq!(report.failed(), ["reachable"]);
    let refused = report.of_check("reachable");
    assert!(refused.advice.as_ref().unwrap().contains("redis_password"));
}

#[tokio::test]
async fn rules_that_are_too_narrow_are_told_and_config_is_not_needed() {
    let server = RedisServer::start().await.unwrap();
    let config = RedisConfig {
        username: Some("narrow".to_owned()),
        password: Some("pw".to_owned()),
        ..on(vec![server.address()])
    };
    let rules = "ACL SETUSER narrow on >pw ~fl1:* &fl1:* +info +time +cluster";
    tell(&server, &format!("{rules} +ssubscribe")).await;
    let report = Report::of(&config).await;
    assert_eq!(report.failed(), ["permissions"]);
    let permissions = report.of_check("permissions");
    assert!(
        permissions.found.contains("FUNCTION LOAD"),
        "{permissions:?}"
    );
    assert!(!permissions.found.contains("SSUBSCRIBE"), "{permissions:?}");
    assert_eq!(report.of_check("eviction").found, "noeviction");
    let backlog = report.of_check("backlog");
    assert!(backlog.found.contains("not for this user"), "{backlog:?}");
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_told_by_how_much() {
    let (server, clock) = RedisServer::with_movable_clock().await.unwrap();
    clock.advance(Duration::from_secs(60)).await.unwrap();
    let report = Report::of(&on(vec![server.address()])).await;
    assert!(report.failed().is_empty(), "{:#?}", report.0);
    let clock = report.of_check("clock");
    assert_eq!(clock.verdict, Verdict::Warning);
    assert!(clock.found.contains(" s ahead"), "{clock:?}");
}

#[tokio::test]
async fn tls_is_examined_too() {
    let certificates = Certificates::make(&["127.0.0.1"]).unwrap();
    let server = RedisServer::start().await.unwrap();
    let opened = server.listen_with_tls(&certificates, Clients::Anonymous);
    let address = opened.await.unwrap();
    let config = |tls, address| RedisConfig {
        tls,
        ..on(vec![address])
    };
    let tls = trusting(&certificates, Clients::Anonymous);
    let report = Report::of(&config(Some(tls.clone()), address.clone())).await;
    assert!(report.failed().is_empty(), "{:#?}", report.0);
    assert!(report.of_check("transport").found.starts_with("TLS"));

    let others = Certificates::make(&["127.0.0.1"]).unwrap();
    let other = trusting(&others, Clients::Anonymous);
    let report = Report::of(&config(Some(other), address.clone())).await;
    let advice = report.of_check("reachable").advice.clone();
    assert!(advice.unwrap().contains("redis.tls_ca"));
    for (tls, address) in [(None, address), (Some(tls), server.address())] {
        let report = Report::of(&config(tls, address)).await;
        let advice = report.of_check("reachable").advice.clone();
        assert!(advice.unwrap().contains("redis.tls"), "{:#?}", report.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_cluster_every_server_is_examined_and_what_it_misses_is_told() {
    let cluster = RedisCluster::start().await.unwrap();
    let config = |replicas| RedisConfig {
        replicas,
        // The others are learnt.
        ..on(cluster.addresses()[..1].to_vec())
    };
    let report = Report::of(&config(0)).await;
    assert!(report.failed().is_empty(), "{:#?}", report.0);
    assert_eq!(report.of_check("reachable").servers.len(), 6);
    assert_eq!(report.of_check("replicas").verdict, Verdict::Ok);
    // One each: losing it would refuse what asks for one.
    let report = Report::of(&config(1)).await;
    let replicas = report.of_check("replicas");
    assert_eq!(
        (replicas.verdict, replicas.servers.len()),
        (Verdict::Warning, 3)
    );

    let primary = cluster.primary_of(0).await.unwrap();
    let replica = cluster.replica_of(primary).await.unwrap();
    cluster.server(replica).kill();
    let missing = cluster.address(replica);
    let report = loop {
        // Its primary may not have noticed yet.
        let report = Report::of(&config(1)).await;
        if report.failed().contains(&"replicas") {
            break report;
        }
    };
    let findings = |check| {
        let of = report
            .0
            .iter()
            .filter(move |finding| finding.check == check);
        of.filter(|finding| finding.verdict == Verdict::Failed)
    };
    let alone: Vec<_> = findings("replicas")
        .flat_map(|finding| &finding.servers)
        .collect();
    assert_eq!(alone, [&cluster.address(primary)]);
    let unreachable: Vec<_> = findings("reachable")
        .flat_map(|finding| &finding.servers)
        .collect();
    assert_eq!(unreachable, [&missing]);
}
