//! JSON strings by hand, where a serializer would allocate twice, and what of JSON is let in.

use fanline_model::ReadableJson;

/// What stands for each byte inside a JSON string (RFC 8259, 7): itself (0), `\` and this letter, or, for
/// `u`, `\u00XX`.
const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = b'u';
        control += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

/// Whether the text is one JSON value that every reader takes.
pub(crate) fn is_readable(text: &str) -> bool {
    serde_json::from_str::<ReadableJson>(text).is_ok()
}

/// How many bytes [`push_quoted`] will append for the text.
pub(crate) fn quoted_len(text: &str) -> usize {
    let extra = |byte: u8| match ESCAPES[usize::from(byte)] {
        0 => 0,
        b'u' => 5,
        _ => 1,
    };
    text.len() + 2 + text.bytes().map(extra).sum::<usize>()
}

/// Appends prefix and text as one JSON string, with its quotes. The prefix is our own and needs no escape.
pub(crate) fn push_quoted(out: &mut String, prefix: &'static str, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push('"');
    out.push_str(prefix);
    let mut rest = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = ESCAPES[usize::from(byte)];
        if escape == 0 {
            continue;
        }
        // What is escaped is ASCII, so both ends of the slice are boundaries of characters.
        out.push_str(&text[rest..at]);
        rest = at + 1;
        out.push('\\');
        out.push(char::from(escape));
        if escape == b'u' {
            out.push_str("00");
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    out.push_str(&text[rest..]);
    out.push('"');
}

/// The text as a JSON string, with its quotes.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(quoted_len(text));
    push_quoted(&mut out, "", text);
    out
}

/// The first characters of a text that a client chose, for a sentence that names it.
pub(crate) fn clip(text: &str) -> &str {
    const CHARACTERS: usize = 500;
    text.char_indices()
        .nth(CHARACTERS)
        .map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_reads_back_and_its_length_is_foretold(text in any::<String>()) {
            let out = quoted(&text);
            prop_assert_eq!(out.len(), quoted_len(&text));
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }

    #[test]
    fn every_control_character_is_escaped_as_everybody_does() {
        for byte in 0..0x80_u8 {
            let text = char::from(byte).to_string();
            assert_eq!(quoted(&text), serde_json::to_string(&text).unwrap());
        }
    }

    #[test]
    fn a_long_word_of_a_client_is_clipped_between_characters() {
        assert_eq!(clip(&"é".repeat(600)).chars().count(), 500);
        assert_eq!(clip("short"), "short");
    }
}
