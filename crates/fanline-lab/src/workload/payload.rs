//! What is in a message: who published it, where, and a mark that no other has.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::log::{Published, Topic};

/// The payload of every message of the lab.
#[derive(Serialize, Deserialize)]
struct Payload {
    tenant: String,
    channel: String,
    mark: String,
    pad: String,
}

/// The text of a payload, and what the log says of it.
pub(crate) fn compose(topic: &Topic, mark: &str, pad: usize) -> (String, Published) {
    let payload = Payload {
        tenant: topic.tenant.clone(),
        channel: topic.channel.clone(),
        mark: mark.to_owned(),
        pad: "x".repeat(pad),
    };
    let text = serde_json::to_string(&payload).unwrap_or_default();
    let published = published(None, &text);
    (text, published)
}

/// What a payload's text says; one that is not of the lab has no mark and is of nobody.
pub(crate) fn published(id: Option<String>, text: &str) -> Published {
    let payload: Option<Payload> = serde_json::from_str(text).ok();
    let (tenant, channel, mark) = payload
        .map(|payload| (payload.tenant, payload.channel, payload.mark))
        .unwrap_or_default();
    Published {
        id,
        mark,
        of: Topic { tenant, channel },
        hash: hash(text),
    }
}

/// Enough of a hash to tell two payloads apart.
fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(8).fold(String::new(), |mut hash, byte| {
        let _ = write!(hash, "{byte:02x}");
        hash
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_says_whose_it_is() {
        let topic = Topic {
            tenant: "alpha".to_owned(),
            channel: "acked.1".to_owned(),
        };
        let (text, composed) = compose(&topic, "p-1", 3);
        let read = published(Some("id".to_owned()), &text);
        assert_eq!((read.of, read.mark), (topic, "p-1".to_owned()));
        assert_eq!(read.hash, composed.hash);
    }

    #[test]
    fn another_byte_is_another_hash() {
        assert_ne!(published(None, "[1]").hash, published(None, "[ 1]").hash);
        assert_eq!(published(None, "[1]").mark, "");
    }
}
