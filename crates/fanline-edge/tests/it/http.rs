//! What a listener does with HTTP, well formed and not.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use fanline_edge::{Door, Mounts, Patience, Peer, listener, ops};
use fanline_protocol::{HttpBody, HttpService, full_body};
use fanline_telemetry::{Health, Metrics};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::util::BoxCloneSyncService;

/// What nothing here should take.
const TOO_LONG: Duration = Duration::from_secs(20);

/// A listener that serves until it is dropped.
struct Server {
    address: SocketAddr,
    door: Arc<Door>,
    stop: CancellationToken,
    metrics: Metrics,
}

impl Server {
    fn start(patience: Patience) -> Self {
        let metrics = Metrics::new("0");
        let mounts = Mounts::new()
            .with_service("/echo", echo())
            .with_service("/ops", ops::service(metrics.clone(), Health::new()));
        let door = Arc::new(Door::new("public", mounts, patience, &metrics));
        let bound = listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = bound.address().unwrap();
        let listener = bound.listen().unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(listener::accept(listener, Arc::clone(&door), stop.clone()));
        Self {
            address,
            door,
            stop,
            metrics,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes as they are and reads until the server hangs up.
    async fn exchange(&self, request: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        read_to_end(&mut stream).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Answers with what it was sent, and by whom.
fn echo() -> HttpService {
    BoxCloneSyncService::new(tower::service_fn(async |request: Request<HttpBody>| {
        let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
        let path = request.uri().path().to_owned();
        let response = match request.into_body().collect().await {
            Ok(body) => {
                let text = format!("{path} {peer:?} {} bytes", body.to_bytes().len());
                Response::new(full_body(text))
            }
            Err(_) => {
                let mut response = Response::new(full_body("the body broke off"));
                *response.status_mut() = StatusCode::BAD_REQUEST;
                response
            }
        };
        Ok(response)
    }))
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    timeout(TOO_LONG, stream.read_to_end(&mut answer))
        .await
        .unwrap_or_else(|_| panic!("the server does not hang up"))
        .ok();
    String::from_utf8(answer).unwrap()
}

fn quick() -> Patience {
    Patience {
        first_request: Duration::from_millis(300),
        next_request: Duration::from_millis(600),
        request: Duration::from_millis(300),
    }
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn a_request_goes_to_the_mount_of_its_path_with_its_peer() {
    let server = Server::start(Patience::default());
    let answer = server.exchange(&get("/echo/deep?x=1")).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.ends_with("/echo/deep Some(127.0.0.1) 0 bytes"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_path_where_nothing_is_served_is_a_problem_with_a_sentence() {
    let server = Server::start(Patience::default());
    let answer = server.exchange(&get("/nowhere")).await;
    assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
    assert!(
        answer.contains("content-type: application/problem+json"),
        "{answer}"
    );
    assert!(answer.contains("\"code\":\"not_found\""), "{answer}");
}

#[tokio::test]
async fn a_first_request_of_one_byte_at_a_time_is_cut() {
    let server = Server::start(quick());
    let begun = Instant::now();
    let mut stream = server.connect().await;
    let (mut reader, mut writer) = stream.split();
    let dripping = async {
        for byte in get("/echo").iter().cycle() {
            if writer.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let mut answer = Vec::new();
    tokio::select! {
        () = dripping => {}
        read = timeout(TOO_LONG, reader.read_to_end(&mut answer)) => {
            read.unwrap_or_else(|_| panic!("the server does not hang up")).ok();
        }
    }
    assert!(begun.elapsed() >= quick().first_request);
    assert!(answer.is_empty(), "{answer:?}");
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_cut() {
    let server = Server::start(quick());
    let mut stream = server.connect().await;
    assert_eq!(read_to_end(&mut stream).await, "");
}

#[tokio::test]
async fn a_kept_connection_may_be_silent_for_longer_than_a_new_one() {
    let server = Server::start(quick());
    let mut stream = server.connect().await;
    let request = b"GET /echo HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut answer = vec![0; 4096];
    stream.write_all(request).await.unwrap();
    let first = stream.read(&mut answer).await.unwrap();
    tokio::time::sleep(quick().first_request + Duration::from_millis(100)).await;
    stream.write_all(request).await.unwrap();
    let second = stream.read(&mut answer).await.unwrap();
    assert!(first > 0 && second > 0);
    assert_eq!(read_to_end(&mut stream).await, "", "and is cut after that");
}

#[tokio::test]
async fn a_body_that_never_ends_is_answered_408() {
    let server = Server::start(quick());
    let head = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nonly this";
    let mut stream = server.connect().await;
    stream.write_all(head).await.unwrap();
    let mut answer = vec![0; 4096];
    let count = timeout(TOO_LONG, stream.read(&mut answer))
        .await
        .unwrap()
        .unwrap();
    let answer = String::from_utf8_lossy(&answer[..count]).into_owned();
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{answer}"
    );
    assert!(answer.contains("\"retryable\":true"), "{answer}");
}

#[tokio::test]
async fn malformed_requests_are_refused_and_neighbours_are_served() {
    let server = Server::start(Patience::default());
    let many_headers: String = (0..200).map(|n| format!("x-{n}: y\r\n")).collect();
    let long_line = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(40_000));
    for (request, status) in [
        ("nonsense\r\n\r\n".to_owned(), "400"),
        ("GET /echo HTTP/9.9\r\n\r\n".to_owned(), "400"),
        ("GET /echo HTTP/1.1\r\nbad header\r\n\r\n".to_owned(), "400"),
        (
            "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n".to_owned(),
            "400",
        ),
        (format!("GET /echo HTTP/1.1\r\n{many_headers}\r\n"), "431"),
        (long_line, "4"),
        (
            "\x16\x03\x01\x02\x00\x01\x00\x01\u{7f}\r\n\r\n".to_owned(),
            "400",
        ),
    ] {
        let answer = server.exchange(request.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{:?}: {answer}",
            &request[..request.len().min(40)]
        );
        let good = server.exchange(&get("/echo")).await;
        assert!(good.starts_with("HTTP/1.1 200"), "{good}");
    }
}

#[tokio::test]
async fn requests_are_counted_by_listener_and_status() {
    let server = Server::start(Patience::default());
    server.exchange(&get("/echo")).await;
    server.exchange(&get("/nowhere")).await;
    let text = server.metrics.encode();
    for status in [200, 404] {
        let line =
            format!(r#"fanline_http_requests_total{{listener="public",status="{status}"}} 1"#);
        assert!(text.contains(&line), "{text}");
    }
}

#[tokio::test]
async fn a_door_that_closes_lets_the_request_at_hand_finish() {
    let server = Server::start(Patience::default());
    let mut stream = server.connect().await;
    let head = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbo";
    stream.write_all(head).await.unwrap();
    // A second connection that is served proves that the first one was accepted before.
    server.exchange(&get("/echo")).await;
    let door = Arc::clone(&server.door);
    let closing = tokio::spawn(async move { door.close().await });
    stream.write_all(b"dy").await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.ends_with("4 bytes"), "{answer}");
    timeout(TOO_LONG, closing).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_door_that_is_cut_waits_for_nobody() {
    let server = Server::start(Patience::default());
    let mut silent = server.connect().await;
    server.exchange(&get("/echo")).await;
    timeout(TOO_LONG, server.door.cut()).await.unwrap();
    assert_eq!(read_to_end(&mut silent).await, "");
}
