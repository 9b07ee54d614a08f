//! `POST /apps/{app_id}/events`: one event to one or more channels.

use std::collections::{BTreeMap, HashSet};

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::attributes::{Attributes, Wanted};
use super::failure::Failures;
use super::publication::{self, Event};
use super::signed::{SignatureParameters, Signed};
use super::{Api, Failure};
use crate::limits::CHANNELS_PER_EVENT;

/// An event.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = Event)]
pub(super) struct Body {
    /// The event's name.
    name: String,
    /// The data, at most 10,240 bytes. A string that holds JSON is that JSON for native subscribers.
    #[schema(value_type = String)]
    data: Box<RawValue>,
    /// Where to: 1 to 100 channels.
    channels: Option<Vec<String>>,
    /// Where to, if it is one channel.
    channel: Option<String>,
    /// A connection that is left out, of either protocol.
    socket_id: Option<String>,
    /// What to answer of each channel: `user_count`, `subscription_count`, between commas.
    info: Option<String>,
}

/// What was asked of each channel; empty if nothing was.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
#[schema(as = EventPublished)]
pub(super) struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<BTreeMap<String, Attributes>>,
}

/// Publishes an event.
#[utoipa::path(
    post,
    path = "/apps/{app_id}/events",
    tag = "pusher",
    operation_id = "publish_event",
    params(("app_id" = String, Path, description = "The app's Pusher id."), SignatureParameters),
    request_body = Body,
    responses((status = 200, description = "Published.", body = Answer), Failures),
)]
pub(super) async fn publish(
    State(api): State<Api>,
    signed: Signed,
) -> Result<Json<Answer>, Failure> {
    let body: Body = publication::body(&signed)?;
    let wanted = Wanted::of_publish(body.info.as_deref())?;
    let channels = channels(&body)?
        .into_iter()
        .map(publication::channel)
        .collect::<Result<Vec<_>, _>>()?;
    let encrypted = channels.iter().any(|(_, family)| family.is_encrypted());
    let event = Event::new(&body.name, &body.data, body.socket_id.as_deref(), encrypted)?;
    let events = channels
        .iter()
        .map(|(channel, _)| (channel.clone(), event.again()))
        .collect();
    publication::publish(&api, &signed, events).await?;

    if body.info.is_none() {
        return Ok(Json(Answer::default()));
    }
    let mut answer = BTreeMap::new();
    for (channel, _) in &channels {
        answer.insert(
            channel.to_string(),
            publication::attributes(&api, &signed, channel, wanted).await,
        );
    }
    Ok(Json(Answer {
        channels: Some(answer),
    }))
}

/// The channels, each once, in their order.
fn channels(body: &Body) -> Result<Vec<&str>, Failure> {
    let mut channels: Vec<&str> = match (&body.channels, &body.channel) {
        (Some(channels), _) => channels.iter().map(|name| &**name).collect(),
        (None, Some(channel)) => vec![channel],
        (None, None) => {
            return Err(Failure::bad_request(
                "The event needs channels, a list, or channel",
            ));
        }
    };
    if channels.is_empty() || channels.len() > CHANNELS_PER_EVENT {
        let message = format!(
            "An event goes to 1 to {CHANNELS_PER_EVENT} channels, not to {}",
            channels.len()
        );
        return Err(Failure::bad_request(message));
    }
    let mut seen = HashSet::new();
    channels.retain(|name| seen.insert(*name));
    Ok(channels)
}
