//! `GET /apps/{app_id}/channels`: the occupied channels.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use fanline_protocol::ChannelQuery;
use serde::Serialize;

use super::attributes::{Attributes, Wanted};
use super::failure::Failures;
use super::signed::{SignatureParameters, Signed};
use super::{Api, Failure};
use crate::limits::LISTED_CHANNELS;
use crate::name;

/// How many channels are asked for at once.
const PAGE: usize = 1_000;

/// What may be asked.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "stands for the parameters in the OpenAPI document"
)]
struct Parameters {
    /// Only channels whose name begins so.
    filter_by_prefix: Option<String>,
    /// `user_count` (with a prefix that begins with presence-), `subscription_count`, between commas.
    info: Option<String>,
}

/// The occupied channels, by name.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Channels)]
pub(super) struct Answer {
    channels: BTreeMap<String, Attributes>,
}

/// Lists the channels that somebody follows now, in either protocol.
///
/// Channels whose names this protocol cannot say are not among them.
#[utoipa::path(
    get,
    path = "/apps/{app_id}/channels",
    tag = "pusher",
    operation_id = "list_channels",
    params(("app_id" = String, Path, description = "The app's Pusher id."), Parameters, SignatureParameters),
    responses((status = 200, description = "The channels.", body = Answer), Failures),
)]
pub(super) async fn list(State(api): State<Api>, signed: Signed) -> Result<Json<Answer>, Failure> {
    let prefix = signed
        .parameters
        .get("filter_by_prefix")
        .unwrap_or_default();
    let wanted = Wanted::parse(signed.parameters.get("info"))?;
    if wanted.user_count && !prefix.starts_with("presence-") {
        let message =
            "user_count may be asked for with a filter_by_prefix that begins with presence-";
        return Err(Failure::bad_request(message));
    }
    if wanted.cache {
        return Err(Failure::bad_request(
            "cache may be asked for of one channel, not of a list",
        ));
    }
    let mut channels = BTreeMap::new();
    let mut after = None;
    loop {
        let query = ChannelQuery {
            prefix: prefix.to_owned(),
            after: after.take(),
            limit: PAGE,
        };
        let (page, more) = api.channels(&signed.caller, query).await?;
        after = page
            .last()
            .map(|info| info.channel.to_string().into_boxed_str());
        for info in page {
            if let Some(name) = info
                .channel
                .name()
                .filter(|name| name::is_sayable(name.as_str()))
            {
                channels.insert(name.to_string(), wanted.answer(&info));
            }
        }
        if channels.len() > LISTED_CHANNELS {
            let message = format!(
                "More than {LISTED_CHANNELS} channels are occupied; narrow them by filter_by_prefix"
            );
            return Err(Failure::bad_request(message));
        }
        if !more || after.is_none() {
            return Ok(Json(Answer { channels }));
        }
    }
}
