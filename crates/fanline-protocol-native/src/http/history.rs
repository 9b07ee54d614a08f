//! `GET /v1/channels/{channel}/messages`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use fanline_protocol::{HistoryPage, HistoryQuery};
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Api;
use super::caller::{AppHeader, AppParam, Authenticated};
use super::document::Problems;
use super::path::ChannelPath;
use super::problem::Problem;
use super::query::{Query, page_size};
use super::schema::{ChannelText, HistoryView};
use crate::encode;
use crate::json::{Object, Sink as _};
use crate::position;

/// Which part of the log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryParams {
    /// The position of the last message that is known, `epoch:seq`; without it the oldest kept messages come.
    #[param(
        required = false,
        nullable = false,
        pattern = "^[0-9A-Fa-f]{16}:[0-9]{1,15}$",
        example = "00c0ffee00c0ffee:42"
    )]
    since: Option<String>,
    /// At most so many messages; 100 without it.
    #[param(
        required = false,
        nullable = false,
        minimum = 1,
        maximum = 1000,
        example = 100
    )]
    limit: Option<usize>,
}

/// The messages of a channel since a position, oldest first.
///
/// What a subscriber with this position would be sent, and the same verdict on the position.
#[utoipa::path(
    get,
    path = "/v1/channels/{channel}/messages",
    operation_id = "history",
    tag = "messages",
    params(("channel" = ChannelText, Path, description = "The channel, percent-encoded"), HistoryParams, AppParam, AppHeader),
    responses((status = 200, description = "A page of the log", body = HistoryView), Problems),
)]
pub(super) async fn history(
    State(api): State<Api>,
    caller: Authenticated,
    ChannelPath(channel): ChannelPath,
    Query(HistoryParams { since, limit }): Query<HistoryParams>,
) -> Result<Response, Problem> {
    let since = since.as_deref().map(position::from_pair).transpose()?;
    let query = HistoryQuery {
        channel,
        since,
        limit: page_size(limit)?,
    };
    let page = api.realtime.history(&caller, query).await?;
    Ok(([(CONTENT_TYPE, "application/json")], text(&page)).into_response())
}

/// Written as frames are, so that a message reads the same from both.
fn text(page: &HistoryPage) -> Vec<u8> {
    let mut text = Vec::with_capacity(256 * (page.messages.len() + 1));
    let mut object = Object::begin(&mut text);
    encode::continuity_fields(&mut object, page.continuity, page.from, page.head);
    object.list("messages", &page.messages, |sink, message| {
        let mut object = Object::begin(sink);
        encode::message_fields(&mut object, message);
        object.end();
    });
    object.boolean("more", page.more);
    object.end();
    text.put(b"\n");
    text
}
