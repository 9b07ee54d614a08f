//! What the request that opens a socket says: the app's key in its path, the version in its query.

use std::sync::Arc;

use fanline_protocol::Open;
use percent_encoding::percent_decode_str;

use crate::ending::{BAD_VERSION, Ending, NO_VERSION, PATH_NOT_FOUND, UNSUPPORTED_VERSION};

/// The versions that are spoken. From 4 on they differ in nothing that a server must know.
const VERSIONS: std::ops::RangeInclusive<u32> = 4..=7;

/// The key that the client names, or how the connection ends.
///
/// Unknown parameters are ignored, and so is `version`: libraries write what they like into it.
pub(crate) fn read(open: &Open) -> Result<Arc<str>, Ending> {
    let key = percent_decode_str(&open.path)
        .decode_utf8()
        .map_err(|_| PATH_NOT_FOUND)?;
    if key.is_empty() || key.contains('/') {
        return Err(PATH_NOT_FOUND);
    }
    let parameters = open
        .query
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    let (_, version) = parameters
        .into_iter()
        .find(|(name, _)| *name == "protocol")
        .ok_or(NO_VERSION)?;
    let all_digits = version.bytes().all(|byte| byte.is_ascii_digit());
    match version.parse::<u32>() {
        Ok(number) if all_digits && VERSIONS.contains(&number) => Ok(key.into()),
        Ok(_) if all_digits => Err(UNSUPPORTED_VERSION),
        _ => Err(BAD_VERSION),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use fanline_protocol::Transport;

    use super::*;

    fn open(path: &str, query: &str) -> Result<String, u16> {
        let bare = Open::bare(Transport::WebSocket, IpAddr::V4(Ipv4Addr::LOCALHOST));
        let open = Open {
            path: path.to_owned(),
            query: query.to_owned(),
            ..bare
        };
        read(&open)
            .map(|key| key.to_string())
            .map_err(|ending| ending.code)
    }

    #[test]
    fn parameters_come_in_any_order_with_others_between() {
        for query in [
            "protocol=7&client=js&version=8.6.0&flash=false",
            "client=Pysher&version=1.0.7&protocol=6",
            "client=java-client&protocol=5&version=",
            "protocol=4",
        ] {
            assert_eq!(open("key", query), Ok("key".to_owned()), "{query}");
        }
    }

    #[test]
    fn versions_that_are_not_spoken_have_codes_of_their_own() {
        for (query, code) in [
            ("", 4008),
            ("client=js", 4008),
            ("protocol", 4008),
            ("protocol=", 4006),
            ("protocol=abc", 4006),
            ("protocol=-7", 4006),
            ("protocol=+7", 4006),
            ("protocol=7.0", 4006),
            ("protocol=99999999999", 4006),
            ("protocol=3", 4007),
            ("protocol=8", 4007),
        ] {
            assert_eq!(open("key", query), Err(code), "{query}");
        }
    }

    #[test]
    fn a_path_is_one_key_and_nothing_more() {
        assert_eq!(open("k%65y", "protocol=7"), Ok("key".to_owned()));
        for path in ["", "key/", "key/more", "a%2Fb", "%ff"] {
            assert_eq!(open(path, "protocol=7"), Err(4005), "{path}");
        }
    }
}
