//! One connection: what it reads, what it writes, and in which order.

use std::{
    collections::VecDeque,
    task::{Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use fanline_edge::ws::{DecodeError, Incoming, ReceiveError, WebSocketStream, encoder};
use proptest::{collection::vec, prelude::*};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    frames::{CLOSE, FIN, PING, TEXT, closed, conversations, frame, noise, text},
    script::{Script, idle_context},
};

const LIMIT: usize = 70_000;
const PATIENCE: Duration = Duration::from_secs(5);

fn connection(reads: impl IntoIterator<Item = Vec<u8>>) -> WebSocketStream<Script> {
    WebSocketStream::new(Script::reading(reads), Bytes::new(), LIMIT)
}

fn receive(stream: &mut WebSocketStream<Script>) -> Poll<Incoming> {
    Poll::Ready(ready!(stream.poll_receive(&mut idle_context())).unwrap())
}

fn texts(count: usize) -> VecDeque<Bytes> {
    (0..count)
        .map(|n| encoder::text(format!("message {n}").as_bytes()))
        .collect()
}

fn send_until_blocked(stream: &mut WebSocketStream<Script>, queue: &mut VecDeque<Bytes>) {
    while !queue.is_empty() || !stream.is_flushed() {
        match stream.poll_send(&mut idle_context(), queue) {
            Poll::Ready(sent) => assert!(sent.unwrap() > 0),
            Poll::Pending => return,
        }
    }
}

#[test]
fn all_that_is_queued_goes_out_in_one_write() {
    let mut stream = connection([]);
    let mut queue = texts(200);
    let expected = queue.iter().flatten().copied().collect::<Vec<_>>();
    let sent = stream.poll_send(&mut idle_context(), &mut queue);
    assert!(matches!(sent, Poll::Ready(Ok(sent)) if sent == expected.len()));
    assert!(queue.is_empty());
    assert_eq!(stream.socket().writes, [1]);
    assert_eq!(stream.socket().written, expected);
}

#[test]
fn large_frames_go_out_from_where_they_are_and_small_ones_side_by_side() {
    let mut stream = connection([]);
    let mut queue = texts(4);
    queue.insert(2, encoder::binary(&[1; 10_000]));
    queue.insert(3, encoder::binary(&[2; 10_000]));
    let expected = queue.iter().flatten().copied().collect::<Vec<_>>();
    assert!(stream.poll_send(&mut idle_context(), &mut queue).is_ready());
    assert!(queue.is_empty());
    assert_eq!(stream.socket().writes, [4]);
    assert_eq!(stream.socket().written, expected);
}

#[test]
fn a_pong_goes_before_the_queue_but_never_into_a_frame() {
    let mut stream = connection([[frame(FIN | PING, b"a"), frame(FIN | PING, b"b")].concat()]);
    stream.socket_mut().windows = [5].into();
    let mut queue = texts(2);
    let [first, second] = [queue[0].clone(), queue[1].clone()];
    assert!(stream.poll_send(&mut idle_context(), &mut queue).is_ready());
    assert!(stream.is_inside_frame());
    for _ in 0..2 {
        assert!(matches!(
            receive(&mut stream),
            Poll::Ready(Incoming::Ping(_))
        ));
    }
    send_until_blocked(&mut stream, &mut queue);
    let pongs = [encoder::pong(b"a"), encoder::pong(b"b")].concat();
    assert_eq!(
        stream.socket().written,
        [&first[..], &pongs, &second].concat()
    );
}

#[test]
fn a_client_that_pings_and_does_not_read_is_not_read_from() {
    let pings: Vec<_> = (0..10_000_u32)
        .map(|n| frame(FIN | PING, &n.to_be_bytes()))
        .collect();
    let mut stream = connection(pings);
    stream.socket_mut().is_full = true;
    let mut answered = 0;
    while receive(&mut stream).is_ready() {
        answered += 1;
    }
    assert!((600..1_000).contains(&answered), "{answered} pings taken");
    assert!(stream.buffered() < 8 * 1024);

    stream.socket_mut().is_full = false;
    while receive(&mut stream).is_ready() {
        answered += 1;
    }
    send_until_blocked(&mut stream, &mut VecDeque::new());
    assert_eq!(answered, 10_000);
    let pongs: Vec<_> = (0..10_000_u32)
        .map(|n| encoder::pong(&n.to_be_bytes()))
        .collect();
    assert_eq!(stream.socket().written, pongs.concat());
}

#[test]
fn frames_that_arrive_together_are_read_once_and_received_one_by_one() {
    let together = (0..50)
        .map(|n| frame(FIN | TEXT, format!("{n}").as_bytes()))
        .collect::<Vec<_>>();
    let mut stream = connection([together.concat()]);
    for n in 0..50 {
        assert_eq!(receive(&mut stream), Poll::Ready(text(&n.to_string())));
    }
    assert!(receive(&mut stream).is_pending());
    assert_eq!(stream.buffered(), 0);
}

#[test]
fn what_came_with_the_handshake_comes_first() {
    let bytes = [frame(FIN | TEXT, b"first"), frame(FIN | TEXT, b"second")].concat();
    let (with_handshake, later) = bytes.split_at(15);
    let with_handshake = Bytes::copy_from_slice(with_handshake);
    let script = Script::reading([later.to_vec()]);
    let mut stream = WebSocketStream::new(script, with_handshake, LIMIT);
    assert_eq!(receive(&mut stream), Poll::Ready(text("first")));
    assert_eq!(receive(&mut stream), Poll::Ready(text("second")));
}

#[test]
fn nothing_is_received_after_a_close_an_end_or_an_error() {
    let closing = [
        frame(FIN | CLOSE, &[0x03, 0xE8]),
        frame(FIN | TEXT, b"late"),
    ]
    .concat();
    let mut stream = connection([closing]);
    assert_eq!(receive(&mut stream), Poll::Ready(closed(1000, "")));
    let expect_end = |stream: &mut WebSocketStream<Script>| {
        let received = stream.poll_receive(&mut idle_context());
        assert!(matches!(
            received,
            Poll::Ready(Err(ReceiveError::Disconnected))
        ));
    };
    expect_end(&mut stream);

    expect_end(&mut connection([
        frame(FIN | TEXT, b"cut")[..5].to_vec(),
        Vec::new(),
    ]));

    let mut stream = connection([[vec![FIN | TEXT, 1, b'x'], frame(FIN | TEXT, b"late")].concat()]);
    let received = stream.poll_receive(&mut idle_context());
    let error = DecodeError::Unmasked;
    assert!(matches!(received, Poll::Ready(Err(ReceiveError::Invalid(is))) if is == error));
    expect_end(&mut stream);
}

#[tokio::test(start_paused = true)]
async fn a_close_sends_the_queue_waits_for_the_client_and_reads_to_the_end() {
    let reads = [
        frame(FIN | TEXT, b"ignored"),
        frame(FIN | CLOSE, &[0x03, 0xE8]),
        Vec::new(),
    ];
    let (queue, farewell) = (texts(2), encoder::close(1001, "the node drains"));
    let expected = [&queue[0][..], &queue[1], &farewell].concat();
    let (mut client, server) = tokio::io::duplex(1024);
    let stream = WebSocketStream::new(server, Bytes::new(), LIMIT);
    let closing = tokio::spawn(stream.close(queue, farewell, PATIENCE));

    let mut received = vec![0; expected.len()];
    client.read_exact(&mut received).await.unwrap();
    assert_eq!(received, expected);
    assert!(!closing.is_finished());
    client.write_all(&reads.concat()).await.unwrap();
    let end = client.read(&mut [0]).await.unwrap();
    assert_eq!(end, 0, "the server shuts down first");
    drop(client);
    closing.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_broke_the_protocol_is_read_to_its_end() {
    let (mut client, server) = tokio::io::duplex(1024);
    let mut stream = WebSocketStream::new(server, Bytes::new(), LIMIT);
    let closing = tokio::spawn(async move {
        assert!(stream.receive().await.is_err());
        stream
            .close(VecDeque::new(), encoder::close(1002, ""), PATIENCE)
            .await
    });
    client.write_all(&[0xFF; 100_000]).await.unwrap();
    let mut received = [0; 4];
    client.read_exact(&mut received).await.unwrap();
    assert_eq!(received, *encoder::close(1002, ""));
    drop(client);
    closing.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_close_does_not_wait_for_ever() {
    let stream = connection([]);
    let closed = stream
        .close(VecDeque::new(), encoder::close(1000, ""), PATIENCE)
        .await;
    assert_eq!(closed.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_closed_first_is_answered_and_not_waited_for() {
    let mut stream = connection([frame(FIN | CLOSE, &[0x0F, 0xA0]), Vec::new()]);
    let Incoming::Close(received) = stream.receive().await.unwrap() else {
        panic!("the client did not close");
    };
    let answer = encoder::close_answer(received.as_ref());
    stream
        .close(VecDeque::new(), answer, PATIENCE)
        .await
        .unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_queue_arrives_whole_and_in_order_however_the_socket_takes_it(
        messages in vec(prop_oneof![9 => noise(0..300), 1 => noise(1_000..5_000)], 0..200),
        windows in vec(prop_oneof![1_usize..400, 1_usize..20_000], 0..100),
        pings in vec(0_usize..60, 0..5),
    ) {
        let mut stream = connection([]);
        stream.socket_mut().windows = windows.into();
        let mut queue: VecDeque<_> = messages.iter().map(|m| encoder::binary(m)).collect();
        let (mut turn, mut pinged) = (0, 0);
        while !queue.is_empty() || !stream.is_flushed() {
            if pings.contains(&turn) {
                stream.socket_mut().reads.push_back(frame(FIN | PING, b"amid"));
                prop_assert!(receive(&mut stream).is_ready());
                pinged += 1;
            }
            prop_assert!(stream.poll_send(&mut idle_context(), &mut queue).is_ready());
            turn += 1;
            prop_assert!(turn < 10_000, "the queue does not drain");
        }
        let (data, pongs) = as_a_client_reads(&stream.socket().written);
        prop_assert_eq!(data, messages);
        prop_assert_eq!(pongs, pinged);
    }

    #[test]
    fn a_conversation_is_received_whole_though_every_receive_is_abandoned(
        (bytes, said) in conversations(),
        sizes in vec(1_usize..5_000, 1..50),
    ) {
        let mut stream = connection([]);
        let (mut received, mut rest) = (Vec::new(), &bytes[..]);
        for size in sizes.iter().copied().cycle() {
            // A future of its own for each step, dropped whether it was ready or not.
            let mut receiving = Box::pin(stream.receive());
            if let Poll::Ready(incoming) = receiving.as_mut().poll(&mut idle_context()) {
                received.push(incoming.unwrap());
                continue;
            }
            drop(receiving);
            if rest.is_empty() {
                break;
            }
            let (piece, later) = rest.split_at(size.min(rest.len()));
            stream.socket_mut().reads.push_back(piece.to_vec());
            rest = later;
        }
        prop_assert_eq!(received, said);
        prop_assert_eq!(stream.buffered() > 0, !stream.is_flushed());
    }
}

/// The payloads of data frames, and the number of pongs, in what a server wrote.
fn as_a_client_reads(mut bytes: &[u8]) -> (Vec<Vec<u8>>, usize) {
    let (mut data, mut pongs) = (Vec::new(), 0);
    while let [first, second, rest @ ..] = bytes {
        let (length, rest) = match *second {
            126 => (
                usize::from(u16::from_be_bytes([rest[0], rest[1]])),
                &rest[2..],
            ),
            short => (usize::from(short), rest),
        };
        let (payload, rest) = rest.split_at(length);
        match first & 0x0F {
            10 => pongs += 1,
            _ => data.push(payload.to_vec()),
        }
        bytes = rest;
    }
    (data, pongs)
}
