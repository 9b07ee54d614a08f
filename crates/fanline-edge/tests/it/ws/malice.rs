//! What a hostile or broken client sends, and the close code and error that it gets.

use fanline_edge::ws::{DecodeError, Decoder, Incoming, encoder, is_close_code};

use super::frames::{
    BINARY, CLOSE, FIN, Frame, Length, PING, PONG, TEXT, closed, decode, frame, header, text,
};
use crate::heap;

const LIMIT: usize = 1_000;

/// Bytes, what is still understood of them, and the error that ends the connection.
type Row = (&'static str, Vec<u8>, Vec<Incoming>, DecodeError);

fn rows() -> Vec<Row> {
    let unmasked = |first| Frame {
        first,
        mask: None,
        length: Length::Minimal,
        payload: b"hello".to_vec(),
    };
    let mut rows: Vec<Row> = Vec::new();
    let mut row = |name, bytes: Vec<u8>, error| rows.push((name, bytes, Vec::new(), error));

    row(
        "unmasked text",
        unmasked(FIN | TEXT).bytes(),
        DecodeError::Unmasked,
    );
    row(
        "unmasked close",
        unmasked(FIN | CLOSE).bytes(),
        DecodeError::Unmasked,
    );
    for (name, bit) in [("RSV1", 0x40), ("RSV2", 0x20), ("RSV3", 0x10)] {
        row(
            name,
            frame(FIN | bit | TEXT, b"x"),
            DecodeError::ReservedBits,
        );
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        row(
            "opcode",
            frame(FIN | opcode, b"x"),
            DecodeError::Opcode(opcode),
        );
    }
    for control in [CLOSE, PING, PONG] {
        row(
            "long control",
            frame(FIN | control, &[b'x'; 126]),
            DecodeError::ControlTooLong,
        );
        row(
            "fragmented control",
            frame(control, b""),
            DecodeError::ControlFragmented,
        );
    }
    row(
        "continuation of nothing",
        frame(FIN, b"x"),
        DecodeError::UnexpectedContinuation,
    );
    row(
        "continuation of nothing",
        frame(0, b"x"),
        DecodeError::UnexpectedContinuation,
    );
    for second in [TEXT, FIN | TEXT, BINARY, FIN | BINARY] {
        let bytes = [frame(TEXT, b"begun"), frame(second, b"new")].concat();
        row(
            "interrupted message",
            bytes,
            DecodeError::MessageInterrupted,
        );
    }
    let long_winded = header(FIN | TEXT, Length::In16Bits(125));
    row("125 in 16 bits", long_winded, DecodeError::LengthNotMinimal);
    let long_winded = header(FIN | TEXT, Length::In64Bits(65_535));
    row(
        "65,535 in 64 bits",
        long_winded,
        DecodeError::LengthNotMinimal,
    );
    let negative = header(FIN | BINARY, Length::In64Bits(1 << 63));
    row(
        "top bit of the length",
        negative,
        DecodeError::LengthOutOfRange,
    );

    let too_big = DecodeError::TooBig { limit: LIMIT };
    row(
        "announced 1,001",
        header(FIN | BINARY, Length::In16Bits(1_001)),
        too_big,
    );
    row(
        "announced 2^62",
        header(FIN | BINARY, Length::In64Bits(1 << 62)),
        too_big,
    );
    let fragments = [frame(BINARY, &[0; 999]), frame(0, b"x"), frame(FIN, b"x")];
    row("1,001 in three fragments", fragments.concat(), too_big);

    for (name, payload) in [
        ("overlong slash", &b"ab\xC0\xAF"[..]),
        ("surrogate", b"\xED\xA0\x80"),
        ("beyond Unicode", b"\xF4\x90\x80\x80"),
        ("half a character", b"ab\xE2\x82"),
    ] {
        row(name, frame(FIN | TEXT, payload), DecodeError::NotUtf8);
    }
    let bytes = [frame(TEXT, b"\xE2\x82"), frame(FIN, b"")].concat();
    row(
        "half a character at the end of a fragmented text",
        bytes,
        DecodeError::NotUtf8,
    );

    row(
        "half a close code",
        frame(FIN | CLOSE, &[3]),
        DecodeError::CloseWithHalfACode,
    );
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
        row(
            "close code",
            frame(FIN | CLOSE, &code.to_be_bytes()),
            DecodeError::CloseCode(code),
        );
    }
    let reason = [&1000_u16.to_be_bytes()[..], b"\xC3"].concat();
    row(
        "close reason",
        frame(FIN | CLOSE, &reason),
        DecodeError::CloseReasonNotUtf8,
    );

    rows.push((
        "a good message before a bad one",
        [frame(FIN | TEXT, b"good"), unmasked(FIN | TEXT).bytes()].concat(),
        vec![text("good")],
        DecodeError::Unmasked,
    ));
    rows
}

#[test]
fn each_kind_of_malice_has_its_error_however_it_arrives() {
    for (name, bytes, understood, error) in rows() {
        let expected = (understood, Some(error));
        assert_eq!(decode(&bytes, LIMIT, &[]), expected, "{name}");
        assert_eq!(
            decode(&bytes, LIMIT, &vec![1; bytes.len()]),
            expected,
            "{name}, dripping"
        );
    }
}

#[test]
fn every_error_has_a_close_code_and_a_sentence_that_fits_into_a_close_frame() {
    let huge = DecodeError::TooBig { limit: usize::MAX };
    for error in rows().into_iter().map(|row| row.3).chain([huge]) {
        let expected = match error {
            DecodeError::NotUtf8 | DecodeError::CloseReasonNotUtf8 => 1007,
            DecodeError::TooBig { .. } => 1009,
            _ => 1002,
        };
        assert_eq!(error.close_code(), expected);
        let sentence = error.to_string();
        let frame = encoder::close(error.close_code(), &sentence);
        assert_eq!(frame[4..], *sentence.as_bytes(), "the sentence is cut");
    }
}

#[test]
fn the_limit_itself_is_allowed() {
    let whole = frame(FIN | BINARY, &[7; LIMIT]);
    let fragments = [
        frame(BINARY, &[7; LIMIT - 1]),
        frame(0, &[7]),
        frame(FIN, b""),
    ]
    .concat();
    for bytes in [whole, fragments] {
        let message = Incoming::Binary(vec![7; LIMIT].into());
        assert_eq!(decode(&bytes, LIMIT, &[]), (vec![message], None));
    }
}

#[test]
fn a_close_code_that_may_be_sent_is_understood() {
    for code in (0..=u16::MAX).filter(|&code| is_close_code(code)) {
        let payload = [&code.to_be_bytes()[..], b"bye"].concat();
        let decoded = decode(&frame(FIN | CLOSE, &payload), LIMIT, &[]);
        assert_eq!(decoded, (vec![closed(code, "bye")], None));
    }
    assert_eq!(
        decode(&frame(FIN | CLOSE, b""), LIMIT, &[]),
        (vec![Incoming::Close(None)], None)
    );
}

#[test]
fn a_text_is_refused_at_its_first_wrong_byte() {
    let mut decoder = Decoder::new(LIMIT);
    let bytes = frame(FIN | TEXT, b"\xCE\xBA\xF4\x90\x80\x80 and a long tail");
    let header = 6;
    assert_eq!(decoder.decode(&mut &bytes[..header + 3]), Ok(None));
    let error = decoder.decode(&mut &bytes[header + 3..header + 4]);
    assert_eq!(error, Err(DecodeError::NotUtf8));
}

#[test]
fn a_control_frame_amid_a_message_comes_first() {
    let bytes = [
        frame(TEXT, b"one "),
        frame(FIN | PING, b"?"),
        frame(FIN, b"two"),
    ]
    .concat();
    let expected = vec![Incoming::Ping("?".into()), text("one two")];
    assert_eq!(decode(&bytes, LIMIT, &[]), (expected, None));
}

#[test]
fn an_announced_length_allocates_nothing() {
    let mut decoder = Decoder::new(usize::MAX);
    let bytes = [header(FIN | BINARY, Length::In64Bits(1 << 62)), vec![0; 10]].concat();
    let (decoded, peak) = heap::peak(|| decoder.decode(&mut &bytes[..]));
    assert_eq!(decoded, Ok(None));
    assert!(peak < 512, "{peak} bytes for 10 that arrived");
}

#[test]
fn endless_continuation_frames_stay_within_the_limit() {
    const LIMIT: usize = 64 * 1024;
    let mut decoder = Decoder::new(LIMIT);
    let (first, next) = (frame(BINARY, &[0; 1_000]), frame(0, &[0; 1_000]));
    let (refused_after, peak) = heap::peak(|| {
        decoder.decode(&mut &first[..]).unwrap();
        (2..100).find(|_| decoder.decode(&mut &next[..]).is_err())
    });
    assert_eq!(refused_after, Some(66));
    assert!(peak < 3 * LIMIT as isize, "{peak} bytes");
}

#[test]
fn endless_empty_fragments_cost_no_memory() {
    let mut decoder = Decoder::new(LIMIT);
    decoder.decode(&mut &frame(TEXT, b"x")[..]).unwrap();
    let next = frame(0, b"");
    let ((), peak) = heap::peak(|| {
        for _ in 0..100_000 {
            assert_eq!(decoder.decode(&mut &next[..]), Ok(None));
        }
    });
    assert_eq!(peak, 0);
}

#[test]
fn a_lowered_limit_holds_for_a_message_that_has_begun() {
    let mut decoder = Decoder::new(LIMIT);
    decoder.decode(&mut &frame(BINARY, &[0; 900])[..]).unwrap();
    decoder.set_limit(100);
    let refused = decoder.decode(&mut &frame(FIN, b"x")[..]);
    assert_eq!(refused, Err(DecodeError::TooBig { limit: 100 }));
}
