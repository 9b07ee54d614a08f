//! The echo service over real sockets: hyper's upgrade, and what happens around it.

use std::{io, net::SocketAddr, time::Duration};

use fanline_edge::ws::echo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::frames::{CLOSE, FIN, PING, TEXT, frame};

const LIMIT: usize = 1024 * 1024;

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    #[expect(clippy::disallowed_methods, reason = "a test brings its own listener")]
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(echo::serve(listener, LIMIT, stop.clone().cancelled_owned()));
        Self {
            address,
            stop,
            task,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A client whose handshake is complete.
    async fn open(&self) -> TcpStream {
        let mut client = self.connect().await;
        client.write_all(handshake("13").as_bytes()).await.unwrap();
        let response = response(&mut client).await;
        assert!(response.starts_with("HTTP/1.1 101"), "{response}");
        client
    }

    async fn stop(self) {
        self.stop.cancel();
        within(async { Ok(self.task.await?) }).await;
    }
}

fn handshake(version: &str) -> String {
    format!(
        "GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: {version}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// The head of a response, byte by byte, so that no frame behind it is lost.
async fn response(client: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(client.read_u8()).await);
    }
    String::from_utf8(head).unwrap()
}

async fn expect(client: &mut TcpStream, bytes: &[u8]) {
    let mut received = vec![0; bytes.len()];
    within(client.read_exact(&mut received)).await;
    assert_eq!(received, bytes);
}

async fn expect_end(client: &mut TcpStream) {
    assert_eq!(within(client.read(&mut [0])).await, 0);
}

async fn within<T>(action: impl Future<Output = io::Result<T>>) -> T {
    timeout(Duration::from_secs(30), action)
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn a_frame_sent_together_with_the_handshake_is_not_lost() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    let eager = [handshake("13").as_bytes(), &frame(FIN | TEXT, b"eager")].concat();
    client.write_all(&eager).await.unwrap();
    let head = response(&mut client).await;
    assert!(
        head.to_lowercase()
            .contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=")
    );
    expect(&mut client, b"\x81\x05eager").await;
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_message_a_ping_and_a_close_are_each_answered() {
    let server = Server::start().await;
    let mut client = server.open().await;
    client
        .write_all(&frame(FIN | TEXT, b"hello"))
        .await
        .unwrap();
    expect(&mut client, b"\x81\x05hello").await;
    client.write_all(&frame(FIN | PING, b"?")).await.unwrap();
    expect(&mut client, b"\x8A\x01?").await;
    client
        .write_all(&frame(FIN | CLOSE, &[0x03, 0xE8]))
        .await
        .unwrap();
    expect(&mut client, b"\x88\x02\x03\xE8").await;
    expect_end(&mut client).await;
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_breaks_the_protocol_is_told_why_though_it_goes_on_sending() {
    let server = Server::start().await;
    let mut client = server.open().await;
    let nonsense = [b"\x81\x01x".to_vec(), vec![b'x'; 200_000]].concat();
    client.write_all(&nonsense).await.unwrap();
    let sentence = "a client must mask its frames (RFC 6455, 5.1)";
    let close = [
        &[0x88, 2 + sentence.len() as u8, 0x03, 0xEA],
        sentence.as_bytes(),
    ]
    .concat();
    expect(&mut client, &close).await;
    expect_end(&mut client).await;
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_request_for_another_version_of_websocket_is_told_which_one() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.write_all(handshake("8").as_bytes()).await.unwrap();
    let head = response(&mut client).await.to_lowercase();
    assert!(head.starts_with("http/1.1 426"), "{head}");
    assert!(head.contains("sec-websocket-version: 13"), "{head}");
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_stops_says_so_to_every_client() {
    let server = Server::start().await;
    let mut clients = [server.open().await, server.open().await];
    server.stop.cancel();
    for client in &mut clients {
        expect(client, b"\x88\x12\x03\xE9the server stops").await;
        client
            .write_all(&frame(FIN | CLOSE, &[0x03, 0xE9]))
            .await
            .unwrap();
        expect_end(client).await;
    }
    drop(clients);
    server.stop().await;
}
