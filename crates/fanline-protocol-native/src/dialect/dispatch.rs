//! The frames after the first one, by their type.

use fanline_model::ErrorCode;
use fanline_protocol::{Command, Refusal};
use fanline_tenancy::AppRef;

use super::refused::refused_credential;
use crate::credential::Credential;
use crate::decode::{self, Decoder, Head, Options, Refresh};
use crate::encode;
use crate::input;

/// Reads a frame of the type that its head names.
pub(super) fn dispatch(
    decoder: &mut Decoder<'_>,
    app: &AppRef,
    head: &Head,
    text: &str,
) -> Result<(), Refusal> {
    match &*head.kind {
        "subscribe" => decode::subscribe(decoder, head, text),
        "unsubscribe" => decode::unsubscribe(decoder, head, text),
        "publish" => decode::publish(decoder, head, text),
        "refresh" => refresh(decoder, app, head, text),
        "options" => {
            let Options { echo } = input::parse(text)?;
            decoder.push(Command::SetOptions {
                echo,
                tag: head.tag.clone(),
            });
            Ok(())
        }
        "ping" => {
            decoder.push(Command::Reply(encode::pong(&head.tag)));
            Ok(())
        }
        // The transport has noted the sign of life.
        "pong" => Ok(()),
        "connect" => {
            let sentence = "the connection is open already: refresh exchanges its token, subscribe adds channels";
            Err(Refusal::new(ErrorCode::InvalidRequest, sentence))
        }
        "enter" | "update" | "leave" | "presence" => {
            decoder.not_supported("presence is not built yet", &head.tag);
            Ok(())
        }
        _ => {
            let sentence = "there is no such frame type; clients send connect, subscribe, unsubscribe, publish, \
                            refresh, options, ping and pong";
            Err(Refusal::new(ErrorCode::InvalidRequest, sentence))
        }
    }
}

/// `refresh`: another credential for the same app and subject.
fn refresh(
    decoder: &mut Decoder<'_>,
    app: &AppRef,
    head: &Head,
    text: &str,
) -> Result<(), Refusal> {
    let Refresh { token } = input::parse(text)?;
    let name = match app {
        AppRef::Key(key) => Some(&**key),
        _ => None,
    };
    let Credential { app: named, proof } =
        Credential::read(name, Some(&token)).map_err(|error| refused_credential(error).1)?;
    decoder.push(Command::Authenticate {
        app: named,
        proof,
        connection_key: None,
        tag: head.tag.clone(),
    });
    Ok(())
}
