//! The WebSocket as the engine's link.

use std::{
    collections::VecDeque,
    future::poll_fn,
    task::{Context, Waker},
};

use bytes::Bytes;
use fanline_edge::{
    WebSocketLink,
    ws::{WebSocketStream, encoder},
};
use fanline_engine::{Link, Received};
use fanline_protocol::{CloseFrame, Frame, Outgoing, SharedFrame};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use crate::ws::frames::{CLOSE, FIN, PING, TEXT, frame};

const LIMIT: usize = 64 * 1024;

/// A link, and the client's end of its line, which holds so many bytes that nobody has read.
fn line(capacity: usize) -> (WebSocketLink<DuplexStream>, DuplexStream) {
    let (server, client) = duplex(capacity);
    let stream = WebSocketStream::new(server, Bytes::new(), LIMIT);
    (WebSocketLink::new(stream), client)
}

fn own(text: &str) -> Outgoing {
    Outgoing::Own(Frame::text(text))
}

async fn receive(link: &mut impl Link) -> Received {
    poll_fn(|cx| link.poll_receive(cx)).await
}

async fn send(link: &mut impl Link, queue: &mut VecDeque<Outgoing>) {
    poll_fn(|cx| link.poll_send(cx, queue)).await.unwrap();
}

fn idle() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

#[tokio::test]
async fn frames_go_both_ways() {
    let (mut link, mut client) = line(1024);
    client.write_all(&frame(FIN | TEXT, b"hi")).await.unwrap();
    match receive(&mut link).await {
        Received::Frame(frame) => assert_eq!(frame, Frame::text("hi")),
        other => panic!("{other:?}"),
    }
    let shared = SharedFrame::new(Frame::text("shared"));
    let mut queue = VecDeque::from([
        own("own"),
        Outgoing::Shared(shared.clone()),
        Outgoing::Own(Frame::Binary(Bytes::from_static(&[7]))),
    ]);
    send(&mut link, &mut queue).await;
    assert!(queue.is_empty());
    let expected = [
        encoder::text(b"own"),
        encoder::text(b"shared"),
        encoder::binary(&[7]),
    ]
    .concat();
    let mut sent = vec![0; expected.len()];
    client.read_exact(&mut sent).await.unwrap();
    assert_eq!(sent, expected);
    let framed = shared.framed(|_| panic!("it was framed when it was sent"));
    assert_eq!(*framed, encoder::text(b"shared"));
}

#[tokio::test]
async fn a_ping_is_answered_without_anybody_sending() {
    let (mut link, mut client) = line(1024);
    client.write_all(&frame(FIN | PING, b"?")).await.unwrap();
    assert!(matches!(receive(&mut link).await, Received::Alive));
    let mut pong = [0; 3];
    client.read_exact(&mut pong).await.unwrap();
    assert_eq!(pong[..], encoder::pong(b"?"));
}

#[tokio::test]
async fn a_close_is_answered_and_is_the_end() {
    let (mut link, mut client) = line(1024);
    let goodbye = [0x03, 0xE8, b'b', b'y', b'e'];
    client
        .write_all(&frame(FIN | CLOSE, &goodbye))
        .await
        .unwrap();
    assert!(matches!(receive(&mut link).await, Received::Closed));
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, encoder::close(1000, ""));
}

#[tokio::test]
async fn a_client_that_breaks_the_rules_is_told_which_and_cut() {
    let (mut link, mut client) = line(1024);
    let mut unmasked = encoder::text(b"no mask").to_vec();
    client.write_all(&unmasked).await.unwrap();
    let close = match receive(&mut link).await {
        Received::Violation(close) => close,
        other => panic!("{other:?}"),
    };
    assert_eq!(close.code, 1002);
    drop_rest(&mut client, &mut link, &close, &mut unmasked).await;
    assert_eq!(unmasked, encoder::close(close.code, &close.reason));
}

#[tokio::test]
async fn a_frame_above_the_limit_that_the_engine_set_is_a_violation() {
    let (mut link, mut client) = line(1024);
    link.set_frame_limit(4);
    client
        .write_all(&frame(FIN | TEXT, b"12345"))
        .await
        .unwrap();
    match receive(&mut link).await {
        Received::Violation(close) => assert_eq!(close.code, 1009),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_last_word_comes_after_the_frame_that_was_begun() {
    let (mut link, mut client) = line(8);
    let mut queue = VecDeque::from([own("0123456789")]);
    assert!(link.poll_send(&mut idle(), &mut queue).is_pending());
    assert!(
        queue.is_empty(),
        "a frame that was begun stays with the link"
    );
    let close = CloseFrame {
        code: 4200,
        reason: "drain".to_owned(),
    };
    let mut sent = Vec::new();
    drop_rest(&mut client, &mut link, &close, &mut sent).await;
    let expected = [encoder::text(b"0123456789"), encoder::close(4200, "drain")].concat();
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn a_line_that_broke_is_lost_and_does_not_send() {
    let (mut link, client) = line(8);
    drop(client);
    assert!(matches!(receive(&mut link).await, Received::Lost));
    let mut queue = VecDeque::from([own("too late")]);
    let sent = poll_fn(|cx| link.poll_send(cx, &mut queue)).await;
    assert!(sent.is_err());
}

/// Closes the link, as a client that answers and reads to the end.
async fn drop_rest(
    client: &mut DuplexStream,
    link: &mut WebSocketLink<DuplexStream>,
    close: &CloseFrame,
    sent: &mut Vec<u8>,
) {
    sent.clear();
    let reading = async {
        client
            .write_all(&frame(FIN | CLOSE, &close.code.to_be_bytes()))
            .await
            .ok();
        client.read_to_end(sent).await.unwrap();
        client.shutdown().await.ok();
    };
    let closing = async {
        poll_fn(|cx| link.poll_close(cx, close)).await;
    };
    tokio::join!(closing, reading);
}

proptest! {
    /// Whatever room the socket has and however the frames come, each is sent once and in order.
    #[test]
    fn no_frame_is_lost_repeated_or_torn(
        frames in prop::collection::vec((any::<bool>(), 0..300_usize), 1..150),
        capacity in 1..400_usize,
        reads in prop::collection::vec(1..500_usize, 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut link, mut client) = line(capacity);
            let payloads: Vec<String> = frames
                .iter()
                .enumerate()
                .map(|(index, (_, length))| format!("{index}:{}", "x".repeat(*length)))
                .collect();
            let mut queue: VecDeque<Outgoing> = frames
                .iter()
                .zip(&payloads)
                .map(|((shared, _), payload)| match shared {
                    true => Outgoing::Shared(SharedFrame::new(Frame::text(payload.as_str()))),
                    false => own(payload),
                })
                .collect();
            let expected: Vec<u8> = payloads
                .iter()
                .flat_map(|payload| encoder::text(payload.as_bytes()))
                .collect();
            let mut received = Vec::new();
            let sending = async {
                send(&mut link, &mut queue).await;
                assert!(queue.is_empty());
            };
            let reading = async {
                let mut sizes = reads.iter().cycle();
                while received.len() < expected.len() {
                    let mut piece = vec![0; *sizes.next().unwrap()];
                    let count = client.read(&mut piece).await.unwrap();
                    received.extend_from_slice(&piece[..count]);
                }
            };
            tokio::join!(sending, reading);
            assert_eq!(received, expected);
        });
    }
}
