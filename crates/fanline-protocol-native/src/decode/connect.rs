//! `connect`: who is asking, and everything it subscribes, in one round trip.

use fanline_model::{Cursor, ErrorCode, Limits};
use fanline_protocol::Refusal;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::input::{self, Entries};

/// The longest `connection_key`; ours are shorter.
const MAX_CONNECTION_KEY: usize = 256;

/// `connect`, with the entries of `subscribe` not yet read.
#[derive(Debug)]
pub(crate) struct Connect<'a> {
    pub(crate) app: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) connection_key: Option<Box<str>>,
    pub(crate) echo: Option<bool>,
    pub(crate) cursor: Option<Cursor>,
    pub(crate) subscribe: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct ConnectFields<'a> {
    app: Option<String>,
    token: Option<String>,
    connection_key: Option<String>,
    echo: Option<bool>,
    cursor: Option<String>,
    #[serde(borrow)]
    subscribe: Option<Entries<'a>>,
}

/// Reads the frame.
pub(crate) fn connect<'a>(text: &'a str, limits: &Limits) -> Result<Connect<'a>, Refusal> {
    let fields: ConnectFields<'a> = input::parse(text)?;
    if fields
        .connection_key
        .as_ref()
        .is_some_and(|key| key.len() > MAX_CONNECTION_KEY)
    {
        let sentence = "connection_key is longer than any that a server gave: leave it out for a new connection id";
        return Err(Refusal::new(ErrorCode::InvalidRequest, sentence));
    }
    Ok(Connect {
        app: fields.app,
        token: fields.token,
        connection_key: fields.connection_key.map(Box::from),
        echo: fields.echo,
        cursor: fields.cursor.as_deref().map(cursor).transpose()?,
        subscribe: fields
            .subscribe
            .unwrap_or_default()
            .within(limits.subscriptions_per_frame, "subscriptions")?,
    })
}

/// Reads a cursor.
pub(super) fn cursor(text: &str) -> Result<Cursor, Refusal> {
    Cursor::parse(text).map_err(|error| Refusal::new(ErrorCode::InvalidPosition, error.to_string()))
}
