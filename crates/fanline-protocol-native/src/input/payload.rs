//! The payload: `data`, and how to read it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use fanline_model::{Channel, ErrorCode, Payload, ReadableJson};
use fanline_protocol::Refusal;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::AsObject;

/// What Pusher's end-to-end encryption makes.
#[derive(Deserialize)]
struct Encrypted {
    #[serde(rename = "nonce")]
    _nonce: String,
    #[serde(rename = "ciphertext")]
    _ciphertext: String,
}

/// Reads a payload of the kind that `encoding` names: `json` unless it says otherwise.
pub(super) fn read(data: Option<&RawValue>, encoding: Option<&str>) -> Result<Payload, Refusal> {
    let data = data
        .ok_or_else(|| refused("data is missing; for no value send null"))?
        .get();
    match encoding {
        None | Some("json") => {
            serde_json::from_str::<ReadableJson>(data).map_err(|error| {
                refused(format!(
                    "not every reader takes this data: {}",
                    super::sentence(&error)
                ))
            })?;
            // A copy: a slice would hold the whole frame for as long as the message is kept.
            Ok(Payload::json(Bytes::copy_from_slice(data.as_bytes())))
        }
        Some("text") => text(data, "text").map(Payload::text),
        Some("base64") => STANDARD
            .decode(text(data, "base64")?)
            .map(Payload::bytes)
            .map_err(|_| refused("data is not base64 with the standard alphabet and padding")),
        Some(_) => Err(Refusal::new(
            ErrorCode::InvalidRequest,
            "encoding is json (the default), text or base64, nothing else",
        )),
    }
}

/// Refuses what is not encrypted where everything is (PROTOCOL, Users, names, presence).
pub(super) fn check_encrypted(channel: &Channel, payload: &Payload) -> Result<(), Refusal> {
    let must_be = channel
        .name()
        .is_some_and(|name| name.as_str().starts_with("private-encrypted-"));
    if must_be && serde_json::from_slice::<AsObject<Encrypted>>(&payload.bytes).is_err() {
        return Err(refused(
            "data of a private-encrypted- channel is an object with nonce and ciphertext, made by the publisher",
        ));
    }
    Ok(())
}

fn text(data: &str, encoding: &str) -> Result<String, Refusal> {
    serde_json::from_str(data)
        .map_err(|_| refused(format!("with encoding {encoding} data is a string")))
}

fn refused(sentence: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::InvalidData, sentence)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn json_that_some_reader_would_choke_on_is_refused() {
        let nested = format!("{}1{}", "[".repeat(128), "]".repeat(128));
        for text in [r#""\ud800""#, "1e999", &nested] {
            let refusal = read(Some(&raw(text)), None).unwrap_err();
            assert_eq!(refusal.code, ErrorCode::InvalidData, "{text}");
        }
        for text in [
            "-0.0",
            r#""\ud83d\ude00""#,
            "123456789012345678901234567890",
            r#"{"a":[{}]}"#,
        ] {
            assert_eq!(
                read(Some(&raw(text)), None).unwrap(),
                Payload::json(text.to_owned())
            );
        }
    }

    #[test]
    fn an_encrypted_channel_takes_nothing_plain() {
        let channel = Channel::parse("private-encrypted-a").unwrap();
        assert!(
            check_encrypted(
                &channel,
                &Payload::json(r#"{"nonce":"n","ciphertext":"c"}"#)
            )
            .is_ok()
        );
        for plain in ["1", r#"{"nonce":"n"}"#, r#"["n","c"]"#] {
            let refused = check_encrypted(&channel, &Payload::json(plain)).is_err();
            assert!(refused, "{plain}");
        }
        assert!(
            check_encrypted(&Channel::parse("private-a").unwrap(), &Payload::json("1")).is_ok()
        );
    }

    #[test]
    fn bytes_have_one_text() {
        for bad in [r#""AB==""#, r#""AAE""#, r#""AA E""#, r#""-_==""#] {
            assert!(read(Some(&raw(bad)), Some("base64")).is_err(), "{bad}");
        }
    }
}
