//! `POST /apps/{app_id}/batch_events`: several events, each to one channel.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::attributes::{Attributes, Wanted};
use super::failure::Failures;
use super::publication::{self, Event};
use super::signed::{SignatureParameters, Signed};
use super::{Api, Failure};
use crate::limits::BATCH_EVENTS;

/// Events.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = Batch)]
pub(super) struct Body {
    /// One to ten events. Either all of them are fit to be published, or none is.
    batch: Vec<Entry>,
}

/// One event of a batch.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = BatchEvent)]
pub(super) struct Entry {
    /// The event's name.
    name: String,
    /// Where to.
    channel: String,
    /// The data, at most 10,240 bytes. A string that holds JSON is that JSON for native subscribers.
    #[schema(value_type = String)]
    data: Box<RawValue>,
    /// A connection that is left out, of either protocol.
    socket_id: Option<String>,
    /// What to answer of the channel: `user_count`, `subscription_count`, between commas.
    info: Option<String>,
}

/// What was asked of each event's channel, in their order; empty if nothing was.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[schema(as = BatchPublished)]
pub(super) struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<Vec<Attributes>>,
}

/// Publishes a batch of events.
#[utoipa::path(
    post,
    path = "/apps/{app_id}/batch_events",
    tag = "pusher",
    operation_id = "publish_batch",
    params(("app_id" = String, Path, description = "The app's Pusher id."), SignatureParameters),
    request_body = Body,
    responses((status = 200, description = "Published.", body = Answer), Failures),
)]
pub(super) async fn publish(
    State(api): State<Api>,
    signed: Signed,
) -> Result<Json<Answer>, Failure> {
    let Body { batch } = publication::body(&signed)?;
    if batch.is_empty() || batch.len() > BATCH_EVENTS {
        let message = format!(
            "A batch has 1 to {BATCH_EVENTS} events, not {}",
            batch.len()
        );
        return Err(Failure::bad_request(message));
    }
    let informed = batch.iter().any(|entry| entry.info.is_some());
    let (mut events, mut asked) = (
        Vec::with_capacity(batch.len()),
        Vec::with_capacity(batch.len()),
    );
    for entry in &batch {
        let (channel, family) = publication::channel(&entry.channel)?;
        asked.push((channel.clone(), Wanted::of_publish(entry.info.as_deref())?));
        let event = Event::new(
            &entry.name,
            &entry.data,
            entry.socket_id.as_deref(),
            family.is_encrypted(),
        )?;
        events.push((channel, event));
    }
    publication::publish(&api, &signed, events).await?;

    if !informed {
        return Ok(Json(Answer::default()));
    }
    let mut answer = Vec::with_capacity(asked.len());
    for (channel, wanted) in &asked {
        answer.push(publication::attributes(&api, &signed, channel, *wanted).await);
    }
    Ok(Json(Answer {
        batch: Some(answer),
    }))
}
