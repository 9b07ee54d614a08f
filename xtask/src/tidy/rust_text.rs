//! Enough of Rust's lexical grammar to tell code from comments and strings.
//!
//! Blanked text keeps its line breaks, so that line numbers stay true.

/// Comments blanked, strings kept.
pub(crate) fn without_comments(source: &str) -> String {
    blank(source, false)
}

/// Comments and what stands in quotes blanked.
pub(crate) fn code_only(source: &str) -> String {
    blank(source, true)
}

/// Blanks every `#[cfg(test)] mod … { … }`. Takes and gives what [`code_only`] gives.
pub(crate) fn without_test_modules(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut text = code.to_owned();
    let mut from = 0;
    while let Some(found) = text[from..].find(MARK) {
        let start = from + found;
        let after = start + MARK.len();
        from = after;
        // An item without a body before its first `;` (an import, `mod tests;`) has nothing inside.
        let Some(open) = text[after..].find(['{', ';']).map(|at| after + at) else {
            break;
        };
        if text.as_bytes()[open] == b';' {
            continue;
        }
        let end = closing_brace(&text, open);
        let blanked: String = text[start..end]
            .chars()
            .map(|c| if c == '\n' { '\n' } else { ' ' })
            .collect();
        text.replace_range(start..end, &blanked);
        from = start + blanked.len();
    }
    text
}

/// The lines, counted from one, on which `path` (`env::var`, `pool`) stands as a whole.
pub(crate) fn lines_with(code: &str, path: &str) -> Vec<usize> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(path)
        .filter(|(at, _)| {
            let before = code[..*at].chars().next_back();
            let after = code[at + path.len()..].chars().next();
            !before.is_some_and(is_word) && !after.is_some_and(is_word)
        })
        .map(|(at, _)| code[..at].matches('\n').count() + 1)
        .collect()
}

fn closing_brace(text: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in text[open..].bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return open + offset + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

fn blank(source: &str, strings_too: bool) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let (length, blanked) = match token(rest, out.chars().next_back()) {
            Token::Comment(length) => (length, true),
            Token::Quoted(length) => (length, strings_too),
            Token::Other => (first.len_utf8(), false),
        };
        let (text, after) = rest.split_at(length);
        if blanked {
            out.extend(text.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        } else {
            out.push_str(text);
        }
        rest = after;
    }
    out
}

/// What begins at the start of the text, and how many bytes it is long.
enum Token {
    Comment(usize),
    Quoted(usize),
    Other,
}

fn token(rest: &str, before: Option<char>) -> Token {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        Token::Comment(rest.find('\n').unwrap_or(rest.len()))
    } else if rest.starts_with("/*") {
        Token::Comment(block_comment(rest))
    } else if rest.starts_with('"') {
        Token::Quoted(string(rest))
    } else if let Some(length) = raw_string(rest).filter(|_| !in_word) {
        Token::Quoted(length)
    } else if let Some(length) = character(rest) {
        Token::Quoted(length)
    } else {
        Token::Other
    }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        let tail = &rest.as_bytes()[at..];
        if tail.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn raw_string(rest: &str) -> Option<usize> {
    let prefix = ["r", "br", "cr"]
        .into_iter()
        .find(|prefix| rest.starts_with(prefix) && rest[prefix.len()..].starts_with(['"', '#']))?;
    let hashes = rest[prefix.len()..]
        .bytes()
        .take_while(|b| *b == b'#')
        .count();
    let open = prefix.len() + hashes;
    // `r#type` is a name, not a string.
    rest[open..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let body = &rest[open + 1..];
    Some(
        body.find(&end)
            .map_or(rest.len(), |at| open + 1 + at + end.len()),
    )
}

/// A character literal; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let mut chars = rest.strip_prefix('\'')?.char_indices();
    let (_, first) = chars.next()?;
    if first == '\\' {
        let (_, _escaped) = chars.next()?;
        let (at, _) = chars.find(|(_, c)| *c == '\'')?;
        return Some(at + 2);
    }
    let (at, next) = chars.next()?;
    (next == '\'').then_some(at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_blanked_and_strings_stay() {
        let source = "a(\"// no\"); // yes\n/* one /* two */ three */ b";
        let text = without_comments(source);
        assert_eq!(text.len(), source.len());
        assert_eq!(
            text.split_whitespace().collect::<Vec<_>>(),
            ["a(\"//", "no\");", "b"]
        );
    }

    #[test]
    fn strings_are_blanked_whatever_their_form() {
        for source in [
            r#"x("pool")"#,
            r##"x(r#"a "pool" b"#)"##,
            r#"x(b"\"pool")"#,
            "x(br\"pool\")",
            "x('\"', \"pool\")",
            r"x('\'', b'\\') // pool",
        ] {
            assert_eq!(
                lines_with(&code_only(source), "pool"),
                [] as [usize; 0],
                "{source}"
            );
        }
    }

    #[test]
    fn lifetimes_and_raw_names_are_code() {
        let code = code_only("fn f<'a>(r#type: &'a str) { pool(); }");
        assert_eq!(lines_with(&code, "pool"), [1]);
    }

    #[test]
    fn a_word_is_found_only_as_a_whole() {
        let code = "spool\nenv::var_os()\nstd::env::var()\n";
        assert_eq!(lines_with(code, "pool"), [] as [usize; 0]);
        assert_eq!(lines_with(code, "env::var"), [3]);
    }

    #[test]
    fn test_modules_are_left_out_and_what_follows_stays() {
        let code = "a;\n#[cfg(test)]\nmod tests {\n fn b() { pool }\n}\npool\n";
        assert_eq!(lines_with(&without_test_modules(code), "pool"), [6]);
        let file = "#[cfg(test)]\nmod tests;\nfn c() { pool }\n";
        assert_eq!(lines_with(&without_test_modules(file), "pool"), [3]);
    }
}
