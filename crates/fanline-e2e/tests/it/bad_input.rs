//! Bad input: each row of the table in `docs/protocol/native.md` gets its documented answer, memory stays
//! flat, neighbours are undisturbed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use fanline_e2e::{Native, Server, claims, patience, token};
use serde_json::{Value, json};

/// A neighbour that must not notice anything.
async fn neighbour(server: &Server) -> Native {
    let mut client = Native::connect(server, None, json!([{"channel": "calm"}])).await;
    client.next_of("caught_up").await;
    client
}

async fn is_undisturbed(server: &Server, mut neighbour: Native) {
    server.publish("calm", json!({"data": "calm"})).await;
    let message = neighbour.next().await;
    assert_eq!(
        (&message["type"], &message["data"]),
        (&json!("message"), &json!("calm")),
        "{message}"
    );
}

#[tokio::test]
async fn a_frame_that_makes_no_sense_is_answered_and_the_connection_goes_on() {
    let server = Server::start();
    let neighbour = neighbour(&server).await;
    let mut client = Native::connect(&server, None, json!([])).await;
    let rows = [
        ("{", "invalid_request"),
        ("[]", "invalid_request"),
        ("5", "invalid_request"),
        (r#"{"type":5}"#, "invalid_request"),
        (r#"{"no":"type"}"#, "invalid_request"),
        (r#"{"type":"dance"}"#, "invalid_request"),
        (r#"{"type":"subscribe"}"#, "invalid_request"),
        (r#"{"type":"subscribe","channel":7}"#, "invalid_request"),
        (r#"{"type":"subscribe","channel":""}"#, "invalid_channel"),
        (
            r#"{"type":"subscribe","channel":"a{b}"}"#,
            "invalid_channel",
        ),
        (
            r#"{"type":"subscribe","channel":"a\u0007b"}"#,
            "invalid_channel",
        ),
        (
            r#"{"type":"subscribe","channel":"a","since":{"epoch":"x","seq":1}}"#,
            "invalid_position",
        ),
    ];
    for (text, code) in rows {
        client.send_text(text).await;
        let error = client.next().await;
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("error"), &json!(code)),
            "{text}: {error}"
        );
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|sentence| sentence.len() > 10),
            "{error}"
        );
    }
    let answer = client.subscribe("a", None).await;
    assert_eq!(
        answer["type"], "subscribed",
        "the connection goes on: {answer}"
    );
    is_undisturbed(&server, neighbour).await;
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let server = Server::start();
    let mut client =
        Native::connect(&server, None, json!([{"channel": "a", "colour": "red"}])).await;
    assert_eq!(client.next_of("subscribed").await["channel"], "a");
    client
        .send(&json!({"type": "subscribe", "channel": "b", "later": {"much": [1]}, "id": 1}))
        .await;
    assert_eq!(client.next_of("subscribed").await["id"], 1);
}

#[tokio::test]
async fn ten_thousand_subscriptions_in_one_frame_are_refused() {
    let server = Server::start();
    let neighbour = neighbour(&server).await;
    let mut client = Native::connect(&server, None, json!([])).await;
    let channels: Vec<String> = (0..10_000).map(|n| format!("c{n}")).collect();
    client
        .send(&json!({"type": "subscribe", "id": "many", "channels": channels}))
        .await;
    let error = client.next().await;
    assert_eq!(error["code"], "too_many", "{error}");
    is_undisturbed(&server, neighbour).await;
}

#[tokio::test]
async fn an_oversized_first_frame_closes_and_an_oversized_message_is_refused() {
    let server = Server::start();
    let neighbour = neighbour(&server).await;
    let mut client = Native::open(&server).await;
    client
        .send(&json!({"type": "connect", "app": "x".repeat(20_000)}))
        .await;
    let (code, _) = client.until_close().await;
    assert!(matches!(code, 1009 | 4014), "{code}");

    let token = token(
        &server.info.signing_key,
        &claims("ann", &json!({"a": ["publish"]})),
    );
    let mut client = Native::connect(&server, Some(&token), json!([])).await;
    client
        .send(&json!({"type": "publish", "id": 1, "channel": "a", "data": "x".repeat(70_000)}))
        .await;
    assert_eq!(client.next().await["code"], "too_large");
    client
        .send_text(&format!(
            "{{\"type\":\"ping\",\"x\":\"{}\"}}",
            "y".repeat(300_000)
        ))
        .await;
    let (code, _) = client.until_close().await;
    assert!(matches!(code, 1009 | 4014), "{code}");

    let body = json!({"data": "x".repeat(70_000)});
    let answer = server
        .api(
            "POST",
            "/v1/channels/a/messages",
            Some(&server.info.api_key),
            Some(&body),
        )
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["code"].as_str()),
        (413, Some("too_large"))
    );
    is_undisturbed(&server, neighbour).await;
}

#[tokio::test]
async fn a_credential_that_is_none_closes_with_its_own_reason() {
    let server = Server::start();
    let key = &server.info.pusher.key;
    let mut expired = claims("ann", &json!({}));
    expired["exp"] = json!(1_000);
    expired["iat"] = json!(500);
    let expired = token(&server.info.signing_key, &expired);
    let mut eternal = claims("ann", &json!({}));
    eternal.as_object_mut().unwrap().remove("exp");
    let eternal = token(&server.info.signing_key, &eternal);
    let rows = [
        (json!({"type": "connect", "app": "nobody"}), 4001),
        (
            json!({"type": "connect", "app": key, "token": "garbage"}),
            4010,
        ),
        (
            json!({"type": "connect", "app": key, "token": expired}),
            4011,
        ),
        (
            json!({"type": "connect", "app": key, "token": eternal}),
            4010,
        ),
        (json!({"type": "subscribe", "channel": "a"}), 4015),
        (json!({"type": "connect"}), 4015),
    ];
    for (frame, code) in rows {
        let mut client = Native::open(&server).await;
        client.send(&frame).await;
        let (closed, frames) = client.until_close().await;
        assert_eq!(closed, code, "{frame}: {frames:?}");
    }
}

#[tokio::test]
async fn no_first_frame_within_ten_seconds_closes() {
    let server = Server::start();
    let mut client = Native::open(&server).await;
    assert_eq!(client.until_close().await.0, 4013);
}

#[tokio::test]
async fn an_origin_that_the_app_does_not_list_is_refused_once_it_lists_some() {
    let server = Server::start();
    let path = format!("/admin/v1/apps/{}", server.info.app_id);
    let patch = json!({"allowed_origins": ["https://shop.example"]});
    let answer = server.admin("PATCH", &path, Some(&patch)).await;
    assert!(answer.status.is_success(), "{answer:?}");
    for (origin, admitted) in [
        ("https://shop.example", true),
        ("https://evil.example", false),
    ] {
        let mut client = Native::open_from(&server, origin).await;
        client
            .send(&json!({"type": "connect", "app": server.info.pusher.key}))
            .await;
        if admitted {
            assert_eq!(client.next().await["type"], "connected");
        } else {
            let (code, frames) = client.until_close().await;
            assert_eq!(code, 4012, "{frames:?}");
        }
    }
}

#[tokio::test]
async fn frames_that_break_the_websocket_rules_close_with_the_rule_s_code() {
    let server = Server::start();
    let neighbour = neighbour(&server).await;
    let invalid_utf8: &[u8] = &[0xc3, 0x28];
    let rows: [(&str, Vec<u8>, u16); 5] = [
        ("unmasked", vec![0x81, 0x02, b'h', b'i'], 1002),
        ("reserved bits", masked(0xf1, b"hi"), 1002),
        ("unknown opcode", masked(0x83, b"hi"), 1002),
        ("invalid UTF-8", masked(0x81, invalid_utf8), 1007),
        (
            "a control frame of 126 bytes",
            masked(0x89, &[b'x'; 126]),
            1002,
        ),
    ];
    for (name, bytes, code) in rows {
        let mut stream = raw_socket(&server);
        stream.write_all(&bytes).unwrap();
        assert_eq!(close_code(&mut stream), Some(code), "{name}");
    }
    is_undisturbed(&server, neighbour).await;
}

#[tokio::test]
async fn endless_continuation_frames_are_cut_and_memory_stays_flat() {
    let server = Server::start();
    let neighbour = neighbour(&server).await;
    let before = server.resident_kib();
    let attackers: Vec<_> = (0..5)
        .map(|_| raw_socket(&server))
        .map(|stream| std::thread::spawn(|| flood(stream)))
        .collect();
    for attacker in attackers {
        assert_eq!(attacker.join().unwrap(), Some(1009));
    }
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < 20 * 1024, "memory grew by {grown} KiB");
    is_undisturbed(&server, neighbour).await;
}

#[tokio::test]
async fn a_body_that_never_ends_and_a_slow_handshake_are_cut() {
    let server = Server::start();
    let neighbour = neighbour(&server).await;
    let host = server.info.url.trim_start_matches("http://").to_owned();

    let mut endless = TcpStream::connect(&host).unwrap();
    write!(
        endless,
        "POST /v1/channels/a/messages HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
        server.info.api_key
    )
    .unwrap();
    let chunk = [b"1000\r\n".as_slice(), &[b' '; 4096], b"\r\n"].concat();
    let sent = (0..25_000).find(|_| endless.write_all(&chunk).is_err());
    assert!(sent.is_some(), "100 MB of body were taken");

    let mut slow = TcpStream::connect(&host).unwrap();
    slow.set_read_timeout(Some(patience(Duration::from_secs(60))))
        .unwrap();
    slow.write_all(b"GET /v1/connect HTTP/1.1\r\nhos").unwrap();
    let begun = std::time::Instant::now();
    // Byte by byte, never done; the server must not wait for ever.
    let mut answer = Vec::new();
    while begun.elapsed() < patience(Duration::from_secs(50)) {
        if slow.write_all(b"t").is_err() {
            break;
        }
        slow.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let mut buffer = [0; 256];
        match slow.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(_) => {}
        }
    }
    assert!(
        begun.elapsed() < patience(Duration::from_secs(45)),
        "a handshake of a byte every 2 s was waited for"
    );
    is_undisturbed(&server, neighbour).await;
}

#[tokio::test]
async fn bad_http_input_is_a_problem_document() {
    let server = Server::start();
    let key = Some(server.info.api_key.as_str());
    let rows: [(&str, &str, Option<Value>, u16, &str); 7] = [
        (
            "POST",
            "/v1/channels/a%7Bb/messages",
            Some(json!({"data": 1})),
            400,
            "invalid_channel",
        ),
        (
            "POST",
            "/v1/channels/a%07/messages",
            Some(json!({"data": 1})),
            400,
            "invalid_channel",
        ),
        (
            "POST",
            "/v1/channels/a/messages",
            Some(json!([])),
            400,
            "invalid_request",
        ),
        (
            "POST",
            "/v1/channels/a/messages",
            Some(json!({"data": 1, "name": 7})),
            400,
            "invalid_request",
        ),
        (
            "GET",
            "/v1/channels/a/messages?since=nonsense",
            None,
            400,
            "invalid_position",
        ),
        (
            "DELETE",
            "/v1/channels/a/messages",
            None,
            405,
            "method_not_allowed",
        ),
        ("GET", "/v1/nothing", None, 404, "not_found"),
    ];
    for (method, path, body, status, code) in rows {
        let answer = server.api(method, path, key, body.as_ref()).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_eq!(
            answer.headers["content-type"], "application/problem+json",
            "{method} {path}"
        );
        assert_eq!(answer.json()["code"], code, "{method} {path}: {answer:?}");
    }
    let answer = server
        .api(
            "POST",
            "/v1/channels/a/messages",
            None,
            Some(&json!({"data": 1})),
        )
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["code"].as_str()),
        (401, Some("unauthorized"))
    );
}

/// Sends up to 50 MB of continuation frames, whatever the server says, and answers its close code.
fn flood(mut stream: TcpStream) -> Option<u16> {
    let mut sent = stream.write_all(&masked(0x01, &[b'x'; 1024]));
    for _ in 0..50_000 {
        if sent.is_err() {
            break;
        }
        sent = stream.write_all(&masked(0x00, &[b'x'; 1024]));
    }
    close_code(&mut stream)
}

/// A client frame with this first byte, masked.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        long => {
            frame.push(0x80 | 126);
            frame.extend((long as u16).to_be_bytes());
        }
    }
    let mask = [1, 2, 3, 4];
    frame.extend(mask);
    frame.extend(
        payload
            .iter()
            .enumerate()
            .map(|(n, byte)| byte ^ mask[n % 4]),
    );
    frame
}

/// A native socket after its handshake, as bare bytes.
fn raw_socket(server: &Server) -> TcpStream {
    let host = server.info.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).unwrap();
    stream
        .set_read_timeout(Some(patience(Duration::from_secs(20))))
        .unwrap();
    stream
        .set_write_timeout(Some(patience(Duration::from_secs(20))))
        .unwrap();
    write!(
        stream,
        "GET /v1/connect HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: fanline.v1\r\n\r\n"
    )
    .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(
        head.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&head)
    );
    stream
}

/// The code of the close frame that ends the stream.
fn close_code(stream: &mut TcpStream) -> Option<u16> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let at = bytes.iter().position(|byte| *byte == 0x88)?;
    Some(u16::from_be_bytes([
        *bytes.get(at + 2)?,
        *bytes.get(at + 3)?,
    ]))
}
