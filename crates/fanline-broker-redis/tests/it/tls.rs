//! TLS to real servers.

use std::sync::Arc;

use fanline_broker_redis::{RedisConfig, RedisTls};
use fanline_testkit::redis::{Certificates, Clients, RedisCluster, RedisServer};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use crate::station::Station;

const LOOPBACK: &[&str] = &["127.0.0.1"];

/// Trusts the authority of these certificates, and shows the client's one if told to.
pub(crate) fn trusting(certificates: &Certificates, clients: Clients) -> RedisTls {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(certificates.authority()).unwrap())
        .unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let client = match clients {
        Clients::Anonymous => builder.with_no_client_auth(),
        Clients::Certified => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_file(certificates.client_certificate()).unwrap()],
                PrivateKeyDer::from_pem_file(certificates.client_key()).unwrap(),
            )
            .unwrap(),
    };
    RedisTls {
        client: Arc::new(client),
        server_name: None,
    }
}

fn over(tls: RedisTls, nodes: Vec<String>) -> RedisConfig {
    RedisConfig {
        nodes,
        tls: Some(tls),
        ..RedisConfig::default()
    }
}

#[tokio::test]
async fn messages_are_carried_over_tls() {
    let certificates = Certificates::make(LOOPBACK).unwrap();
    let server = RedisServer::start().await.unwrap();
    let opened = server.listen_with_tls(&certificates, Clients::Anonymous);
    let address = opened.await.unwrap();
    let tls = trusting(&certificates, Clients::Anonymous);
    let station = Station::on(over(tls, vec![address]));
    station.until_contact().await;
    station.carries_messages().await;
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_is_shown_one() {
    let certificates = Certificates::make(LOOPBACK).unwrap();
    let server = RedisServer::start().await.unwrap();
    let opened = server.listen_with_tls(&certificates, Clients::Certified);
    let address = opened.await.unwrap();
    let tls = |clients| over(trusting(&certificates, clients), vec![address.clone()]);
    let anonymous = Station::on(tls(Clients::Anonymous));
    anonymous.until_missing("no Redis server answers").await;
    let certified = Station::on(tls(Clients::Certified));
    certified.until_contact().await;
    certified.carries_messages().await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_and_named() {
    let certificates = Certificates::make(LOOPBACK).unwrap();
    let others = Certificates::make(LOOPBACK).unwrap();
    let server = RedisServer::start().await.unwrap();
    let opened = server.listen_with_tls(&certificates, Clients::Anonymous);
    let address = opened.await.unwrap();
    let tls = trusting(&others, Clients::Anonymous);
    let station = Station::on(over(tls, vec![address]));
    station.until_missing("invalid peer certificate").await;
    station.until_available(false).await;
}

#[tokio::test]
async fn a_certificate_must_carry_the_dialled_name_or_the_one_that_is_configured() {
    let certificates = Certificates::make(&["redis.internal"]).unwrap();
    let server = RedisServer::start().await.unwrap();
    let opened = server.listen_with_tls(&certificates, Clients::Anonymous);
    let address = opened.await.unwrap();
    let tls = trusting(&certificates, Clients::Anonymous);
    let dialled = Station::on(over(tls.clone(), vec![address.clone()]));
    dialled.until_missing("not valid for name").await;
    let named = RedisTls {
        server_name: Some(ServerName::try_from("redis.internal").unwrap()),
        ..tls
    };
    let named = Station::on(over(named, vec![address]));
    named.carries_messages().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_carries_messages_over_tls_to_the_ports_that_it_announces() {
    let certificates = Certificates::make(LOOPBACK).unwrap();
    let cluster = RedisCluster::start().await.unwrap();
    let addresses = cluster.listen_with_tls(&certificates).await.unwrap();
    let tls = trusting(&certificates, Clients::Anonymous);
    // All other servers are learnt from one.
    let station = Station::on(over(tls, addresses[..1].to_vec()));
    station.until_contact().await;
    station.carries_messages().await;
}
