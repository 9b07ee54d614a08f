//! `GET /v1/channels`

use axum::Json;
use axum::extract::State;
use fanline_model::{ChannelName, ErrorCode};
use fanline_protocol::ChannelQuery;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::caller::{AppHeader, AppParam, Authenticated};
use super::channel::ChannelView;
use super::document::Problems;
use super::problem::Problem;
use super::query::{Query, page_size};

/// Which channels.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ChannelsParams {
    /// What their names begin with.
    #[param(
        required = false,
        nullable = false,
        pattern = "^[A-Za-z0-9_=@,.;:/-]{1,200}$",
        example = "orders."
    )]
    prefix: Option<String>,
    /// Names after this one: the last name of the page before.
    #[param(
        required = false,
        nullable = false,
        pattern = "^[A-Za-z0-9_=@,.;:/-]{1,200}$",
        example = "orders.41"
    )]
    after: Option<String>,
    /// At most so many; 100 without it.
    #[param(
        required = false,
        nullable = false,
        minimum = 1,
        maximum = 1000,
        example = 100
    )]
    limit: Option<usize>,
}

/// A page of occupied channels.
#[derive(Serialize, ToSchema)]
pub(super) struct ChannelsView {
    /// In order of their names.
    channels: Vec<ChannelView>,
    /// Whether more follow.
    more: bool,
}

/// The channels that somebody is subscribed to, in order of their names.
#[utoipa::path(
    get,
    path = "/v1/channels",
    operation_id = "channels",
    tag = "channels",
    params(ChannelsParams, AppParam, AppHeader),
    responses((status = 200, description = "A page of occupied channels", body = ChannelsView), Problems),
)]
pub(super) async fn channels(
    State(api): State<Api>,
    caller: Authenticated,
    Query(params): Query<ChannelsParams>,
) -> Result<Json<ChannelsView>, Problem> {
    let query = ChannelQuery {
        prefix: params.prefix.map(name).transpose()?.unwrap_or_default(),
        after: params.after.map(name).transpose()?.map(Box::from),
        limit: page_size(params.limit)?,
    };
    let (channels, more) = api.realtime.channels(&caller, query).await?;
    Ok(Json(ChannelsView {
        channels: channels.into_iter().map(ChannelView::from).collect(),
        more,
    }))
}

/// A text that can be a name, or the beginning of one.
fn name(text: String) -> Result<String, Problem> {
    match ChannelName::parse(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Problem::new(ErrorCode::InvalidChannel, error.to_string())),
    }
}
