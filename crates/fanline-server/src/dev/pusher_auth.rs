//! `POST /dev/pusher/auth` and `/dev/pusher/user-auth`: what a backend does for its pusher-js clients
//! with the secret that it shares with the server.
//!
//! A real one decides whether its user may; this one signs for every page of this machine.

use aws_lc_rs::hmac;
use axum::{Json, extract::State};
use fanline_model::{Channel, ConnectionId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Dev,
    token::{Problem, invalid},
};

/// Who signs in where nobody said.
const SOMEBODY: &str = "dev-user";

/// What pusher-js sends, as a form or as JSON.
#[derive(Debug, Deserialize)]
struct Wish {
    socket_id: String,
    channel_name: Option<String>,
    user_id: Option<String>,
}

/// Signs a private or presence channel for a connection.
pub(super) async fn channel(State(dev): State<Dev>, body: String) -> Result<Json<Value>, Problem> {
    let wish = read(&body)?;
    let channel = wish.channel_name.as_deref().unwrap_or_default();
    Channel::parse(channel)
        .map_err(|error| invalid(format!("channel_name names no channel: {error}")))?;
    if !channel.starts_with("presence-") {
        let auth = dev.sign(&format!("{}:{channel}", wish.socket_id));
        return Ok(Json(json!({ "auth": auth })));
    }
    let user = wish.user_id.as_deref().unwrap_or(SOMEBODY);
    let data = json!({ "user_id": user, "user_info": { "name": user } }).to_string();
    let auth = dev.sign(&format!("{}:{channel}:{data}", wish.socket_id));
    Ok(Json(json!({ "auth": auth, "channel_data": data })))
}

/// Signs a user in for a connection.
pub(super) async fn user(State(dev): State<Dev>, body: String) -> Result<Json<Value>, Problem> {
    let wish = read(&body)?;
    let user = wish.user_id.as_deref().unwrap_or(SOMEBODY);
    let data = json!({ "id": user, "user_info": { "name": user } }).to_string();
    let auth = dev.sign(&format!("{}::user::{data}", wish.socket_id));
    Ok(Json(json!({ "auth": auth, "user_data": data })))
}

fn read(body: &str) -> Result<Wish, Problem> {
    let wish: Result<Wish, String> = if body.trim_start().starts_with('{') {
        serde_json::from_str(body).map_err(|error| error.to_string())
    } else {
        form(body)
    };
    let wish =
        wish.map_err(|error| invalid(format!("send socket_id and channel_name: {error}")))?;
    // It becomes part of what is signed: anything else could be taken for another kind of grant.
    if ConnectionId::parse(&wish.socket_id).is_err() {
        return Err(invalid(
            "socket_id is not one that the server gave".to_owned(),
        ));
    }
    Ok(wish)
}

/// Reads `application/x-www-form-urlencoded`.
fn form(body: &str) -> Result<Wish, String> {
    let uri: http::Uri = format!("/?{}", body.trim())
        .parse()
        .map_err(|_| "the body is no form".to_owned())?;
    axum::extract::Query::<Wish>::try_from_uri(&uri)
        .map(|query| query.0)
        .map_err(|error| error.body_text())
}

impl Dev {
    /// `key:signature` of a text (pusher.md, 14).
    fn sign(&self, text: &str) -> String {
        let pusher = &self.made.pusher;
        let key = hmac::Key::new(hmac::HMAC_SHA256, pusher.secret.as_bytes());
        let signature = hmac::sign(&key, text.as_bytes());
        let digits: String = signature
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{}:{digits}", pusher.key)
    }
}
