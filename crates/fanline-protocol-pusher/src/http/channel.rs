//! `GET /apps/{app_id}/channels/{channel}`: one channel.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;

use super::attributes::{Attributes, Wanted};
use super::failure::Failures;
use super::publication;
use super::signed::{SignatureParameters, Signed};
use super::{Api, Failure};
use crate::name::Family;

/// What may be asked.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "stands for the parameters in the OpenAPI document"
)]
struct Parameters {
    /// `user_count` (presence channels), `subscription_count` (all others), between commas.
    info: Option<String>,
}

/// A channel as it is now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Channel)]
pub(super) struct Answer {
    /// Whether anybody follows it. A channel that nobody ever named is not occupied, and no error.
    occupied: bool,
    #[serde(flatten)]
    attributes: Attributes,
}

/// Tells whether a channel is occupied, and how much.
#[utoipa::path(
    get,
    path = "/apps/{app_id}/channels/{channel}",
    tag = "pusher",
    operation_id = "get_channel",
    params(
        ("app_id" = String, Path, description = "The app's Pusher id."),
        ("channel" = String, Path, description = "The channel."),
        Parameters,
        SignatureParameters
    ),
    responses((status = 200, description = "The channel.", body = Answer), Failures),
)]
pub(super) async fn get(
    State(api): State<Api>,
    path: Result<Path<(String, String)>, PathRejection>,
    signed: Signed,
) -> Result<Json<Answer>, Failure> {
    let (channel, family) = publication::channel(&named(path)?)?;
    let wanted = Wanted::parse(signed.parameters.get("info"))?;
    applies(wanted, family)?;
    let info = api.channel(&signed.caller, &channel).await?;
    Ok(Json(Answer {
        occupied: info.connections > 0,
        attributes: wanted.answer(&info),
    }))
}

/// The channel of a path.
pub(super) fn named(
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<String, Failure> {
    let Path((_, channel)) =
        path.map_err(|_| Failure::bad_request("The channel in the path is not UTF-8"))?;
    Ok(channel)
}

fn applies(wanted: Wanted, family: Family) -> Result<(), Failure> {
    if wanted.user_count && !family.is_presence() {
        return Err(Failure::bad_request(
            "user_count is known of presence channels only",
        ));
    }
    if wanted.subscription_count && family.is_presence() {
        return Err(Failure::bad_request(
            "subscription_count is not known of presence channels; ask for user_count",
        ));
    }
    match (wanted.cache, family.is_cache()) {
        (false, _) => Ok(()),
        (true, false) => Err(Failure::bad_request(
            "cache is known of cache channels only",
        )),
        (true, true) => Err(Failure::not_yet(
            "cache is not served over Pusher's API yet",
        )),
    }
}
