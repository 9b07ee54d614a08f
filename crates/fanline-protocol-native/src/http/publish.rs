//! `POST /v1/channels/{channel}/messages`

use axum::Json;
use axum::extract::State;
use fanline_model::{Channel, ConnectionId, ErrorCode, Limits};
use fanline_protocol::{PublishBatch, PublishCall};
use http::StatusCode;
use serde::Deserialize;

use super::Api;
use super::body::{JsonBody, JsonText};
use super::caller::{AppHeader, AppParam, Authenticated};
use super::document::{Problems, PublishProblems};
use super::path::ChannelPath;
use super::problem::Problem;
use super::results::{MessageResult, no_result};
use super::retry::{Repeatable, RepeatableHeaders};
use super::schema::{ChannelText, PublishMessage};
use crate::input::{self, MessageFields};

/// What stands beside the message's own fields.
#[derive(Deserialize)]
struct Beside {
    id: Option<String>,
    exclude: Option<String>,
}

/// Publishes one message to a channel.
///
/// Answered 201 or 200, the message is in the channel's replay log, if its namespace keeps one and it is not
/// ephemeral.
#[utoipa::path(
    post,
    path = "/v1/channels/{channel}/messages",
    operation_id = "publish",
    tag = "messages",
    params(("channel" = ChannelText, Path, description = "The channel, percent-encoded"), AppParam, AppHeader, RepeatableHeaders),
    request_body = PublishMessage,
    responses(
        (status = 201, description = "Published", body = MessageResult),
        (status = 200, description = "Published before under this id, or the condition does not hold", body = MessageResult),
        PublishProblems,
        Problems,
    ),
)]
pub(super) async fn publish(
    State(api): State<Api>,
    caller: Authenticated,
    ChannelPath(channel): ChannelPath,
    repeatable: Repeatable,
    body: JsonBody,
) -> Result<(StatusCode, Json<MessageResult>), Problem> {
    let body = body.read(caller.app.settings.limits.frame_bytes).await?;
    publish_one(&api, &caller, channel, repeatable, &body).await
}

/// Publishes the message of a body to a channel.
pub(super) async fn publish_one(
    api: &Api,
    caller: &Authenticated,
    channel: Channel,
    repeatable: Repeatable,
    body: &JsonText,
) -> Result<(StatusCode, Json<MessageResult>), Problem> {
    let call = call(channel.clone(), body, &caller.app.settings.limits)?;
    let results = submit(api, caller, vec![call], repeatable)
        .await?
        .pop()
        .ok_or_else(no_result)?;
    let results = results.map_err(|refusal| limited(caller, refusal))?;
    let result = MessageResult::only(&channel, &results)?;
    Ok((result.http_status(), Json(result)))
}

/// Hands calls to the engine.
pub(super) async fn submit(
    api: &Api,
    caller: &Authenticated,
    calls: Vec<PublishCall>,
    repeatable: Repeatable,
) -> Result<Vec<fanline_protocol::PublishResult>, Problem> {
    let batch = PublishBatch {
        calls,
        idempotency_key: repeatable.key,
        retry: repeatable.retry,
        all_or_nothing: false,
        traceparent: repeatable.traceparent,
    };
    api.realtime
        .publish(caller, batch)
        .await
        .map_err(|refusal| limited(caller, refusal))
}

/// The connection that a publisher leaves out.
pub(super) fn exclude(text: Option<&str>) -> Result<Option<ConnectionId>, Problem> {
    text.map(ConnectionId::parse)
        .transpose()
        .map_err(|error| Problem::new(ErrorCode::InvalidRequest, format!("exclude: {error}")))
}

fn call(channel: Channel, body: &JsonText, limits: &Limits) -> Result<PublishCall, Problem> {
    let fields: MessageFields<'_> = body.parse()?;
    let beside: Beside = body.parse()?;
    let item = fields.item_for(&channel, beside.id.as_deref(), limits)?;
    Ok(PublishCall {
        channel,
        items: vec![item],
        condition: fields.condition()?,
        exclude: exclude(beside.exclude.as_deref())?,
    })
}

fn limited(caller: &Authenticated, refusal: fanline_protocol::Refusal) -> Problem {
    let rate = caller.app.settings.limits.publishes_per_second;
    Problem::from(refusal).with_publish_rate(rate)
}

/// Reads one message of a list.
pub(super) fn message<'a>(text: &'a str, at: &str) -> Result<MessageFields<'a>, Problem> {
    input::parse(text).map_err(|refusal| in_place(at, refusal))
}

/// A refusal that says which part of the body it means.
pub(super) fn in_place(at: &str, mut refusal: fanline_protocol::Refusal) -> Problem {
    refusal.detail = format!("{at}: {}", refusal.detail);
    refusal.into()
}
