//! `POST /v1/messages`: many messages, or one to many channels or users.

use std::collections::{HashMap, HashSet};

use axum::Json;
use axum::extract::State;
use fanline_model::{Channel, ErrorCode, Limits, UserId};
use fanline_protocol::{PublishCall, PublishResult};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::Api;
use super::body::{JsonBody, JsonText};
use super::caller::{AppHeader, AppParam, Authenticated};
use super::document::{Problems, PublishProblems};
use super::problem::Problem;
use super::publish::{exclude, in_place, message, submit};
use super::results::{BatchResult, MessageResult, no_result};
use super::retry::{Repeatable, RepeatableHeaders};
use super::schema::PublishBatchBody;
use crate::input::{self, Entries};

/// One result per message, in the order of the request.
#[derive(Serialize, ToSchema)]
pub(super) struct BatchResults {
    /// The results.
    results: Vec<BatchResult>,
}

/// Either `messages`, or `message` with `channels` or `users`.
#[derive(Deserialize)]
struct BatchFields<'a> {
    #[serde(borrow)]
    messages: Option<Entries<'a>>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    channels: Option<Entries<'a>>,
    #[serde(borrow)]
    users: Option<Entries<'a>>,
}

/// What stands beside a message's own fields in the list.
#[derive(Deserialize)]
struct Beside {
    id: Option<String>,
    channel: Option<String>,
    exclude: Option<String>,
}

/// The calls, one per channel, and where each message of the request went: call and place within it.
#[derive(Default)]
struct Plan {
    calls: Vec<PublishCall>,
    places: Vec<(usize, usize)>,
}

/// Publishes many messages, or one message to many channels or users.
///
/// The messages of one channel are one act, in their order. A body that is not well formed is refused whole.
/// Answered 201 or 200, every message is in its channel's log; 207 says that some were refused: each has its
/// own result, and the same call with the same `Idempotency-Key` finishes what is missing.
#[utoipa::path(
    post,
    path = "/v1/messages",
    operation_id = "publishBatch",
    tag = "messages",
    params(AppParam, AppHeader, RepeatableHeaders),
    request_body = PublishBatchBody,
    responses(
        (status = 201, description = "All done, and at least one was published now", body = BatchResults),
        (status = 200, description = "All done before, or conditions that do not hold", body = BatchResults),
        (status = 207, description = "Some were refused; the results say which", body = BatchResults),
        PublishProblems,
        Problems,
    ),
)]
pub(super) async fn publish_batch(
    State(api): State<Api>,
    caller: Authenticated,
    repeatable: Repeatable,
    body: JsonBody,
) -> Result<(StatusCode, Json<BatchResults>), Problem> {
    let limits = &caller.app.settings.limits;
    let body = body.read(limits.batch_bytes).await?;
    let Plan { calls, places } = plan(&body, limits)?;
    let channels: Vec<Channel> = calls.iter().map(|call| call.channel.clone()).collect();
    let answers = submit(&api, &caller, calls, repeatable).await?;
    let results = places
        .iter()
        .map(|place| result(*place, &channels, &answers))
        .collect::<Result<Vec<_>, _>>()?;
    Ok((
        BatchResult::http_status(&results),
        Json(BatchResults { results }),
    ))
}

fn result(
    (call, at): (usize, usize),
    channels: &[Channel],
    answers: &[PublishResult],
) -> Result<BatchResult, Problem> {
    let channel = channels.get(call).ok_or_else(no_result)?;
    match answers.get(call).ok_or_else(no_result)? {
        Err(refusal) => Ok(BatchResult::refused(channel, refusal)),
        Ok(published) => {
            let published = published.get(at).ok_or_else(no_result)?;
            Ok(BatchResult::Done(MessageResult::new(channel, published)))
        }
    }
}

fn plan(body: &JsonText, limits: &Limits) -> Result<Plan, Problem> {
    let fields: BatchFields<'_> = body.parse()?;
    match (
        fields.messages,
        fields.message,
        fields.channels,
        fields.users,
    ) {
        (Some(messages), None, None, None) => {
            plan_messages(messages.within(limits.batch_items, "messages")?, limits)
        }
        (None, Some(message), Some(channels), None) => {
            let channels = channels.within(limits.batch_items, "channels")?;
            plan_targets(message, read_channels(&channels)?, limits)
        }
        (None, Some(message), None, Some(users)) => {
            let users = users.within(limits.batch_items, "users")?;
            plan_targets(message, read_users(&users)?, limits)
        }
        _ => {
            let sentence = "send either messages, each with its channel, or message with channels or users \
                            (a user's channel is #user:ID)";
            Err(Problem::new(ErrorCode::InvalidRequest, sentence))
        }
    }
}

/// Many messages, gathered by channel.
fn plan_messages(messages: Vec<&RawValue>, limits: &Limits) -> Result<Plan, Problem> {
    if messages.is_empty() {
        return Err(Problem::new(ErrorCode::InvalidRequest, "messages is empty"));
    }
    let mut plan = Plan::default();
    let mut of_channel: HashMap<Channel, usize> = HashMap::new();
    for (index, text) in messages.into_iter().enumerate() {
        let at = format!("messages[{index}]");
        let fields = message(text.get(), &at)?;
        let beside: Beside = input::parse(text.get()).map_err(|refusal| in_place(&at, refusal))?;
        let Some(channel) = beside.channel else {
            return Err(Problem::new(
                ErrorCode::InvalidRequest,
                format!("{at}: channel is missing"),
            ));
        };
        let channel = input::channel(&channel).map_err(|refusal| in_place(&at, refusal))?;
        let item = fields
            .item_for(&channel, beside.id.as_deref(), limits)
            .map_err(|refusal| in_place(&at, refusal))?;
        let condition = fields
            .condition()
            .map_err(|refusal| in_place(&at, refusal))?;
        let exclude = exclude(beside.exclude.as_deref())?;

        let call = *of_channel
            .entry(channel.clone())
            .or_insert(plan.calls.len());
        match plan.calls.get_mut(call) {
            None => {
                plan.calls.push(PublishCall {
                    channel,
                    items: vec![item],
                    condition,
                    exclude,
                });
                plan.places.push((call, 0));
            }
            Some(others) => {
                if condition.is_some() || others.condition.is_some() || others.exclude != exclude {
                    let sentence = format!(
                        "{at}: the messages of one channel are one act; they have no conditions and the same exclude"
                    );
                    return Err(Problem::new(ErrorCode::InvalidRequest, sentence));
                }
                plan.places.push((call, others.items.len()));
                others.items.push(item);
            }
        }
    }
    Ok(plan)
}

/// One message to many.
fn plan_targets(text: &RawValue, channels: Vec<Channel>, limits: &Limits) -> Result<Plan, Problem> {
    let of_message = |refusal| in_place("message", refusal);
    let fields = message(text.get(), "message")?;
    let beside: Beside = input::parse(text.get()).map_err(of_message)?;
    let item = fields
        .item(beside.id.as_deref(), limits)
        .map_err(of_message)?;
    let condition = fields.condition().map_err(of_message)?;
    let exclude = exclude(beside.exclude.as_deref())?;

    if channels.is_empty() {
        return Err(Problem::new(
            ErrorCode::InvalidRequest,
            "name at least one channel or user",
        ));
    }
    let mut plan = Plan::default();
    let mut seen = HashSet::new();
    for channel in channels {
        if !seen.insert(channel.clone()) {
            return Err(Problem::new(
                ErrorCode::InvalidRequest,
                format!("{channel} stands there twice"),
            ));
        }
        input::check_data(&channel, &item).map_err(of_message)?;
        plan.places.push((plan.calls.len(), 0));
        // The payload's bytes are shared, however many there are.
        let items = vec![item.clone()];
        plan.calls.push(PublishCall {
            channel,
            items,
            condition: condition.clone(),
            exclude,
        });
    }
    Ok(plan)
}

fn read_channels(texts: &[&RawValue]) -> Result<Vec<Channel>, Problem> {
    let read = |(index, text): (usize, &&RawValue)| {
        let at = format!("channels[{index}]");
        input::channel(&string(text, &at)?).map_err(|refusal| in_place(&at, refusal))
    };
    texts.iter().enumerate().map(read).collect()
}

fn read_users(texts: &[&RawValue]) -> Result<Vec<Channel>, Problem> {
    let read = |(index, text): (usize, &&RawValue)| {
        let at = format!("users[{index}]");
        UserId::parse(&string(text, &at)?)
            .map(Channel::User)
            .map_err(|error| Problem::new(ErrorCode::InvalidRequest, format!("{at}: {error}")))
    };
    texts.iter().enumerate().map(read).collect()
}

fn string(text: &RawValue, at: &str) -> Result<String, Problem> {
    serde_json::from_str(text.get())
        .map_err(|_| Problem::new(ErrorCode::InvalidRequest, format!("{at} is not a string")))
}
