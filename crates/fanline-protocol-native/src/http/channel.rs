//! `GET /v1/channels/{channel}`

use axum::Json;
use axum::extract::State;
use fanline_protocol::ChannelInfo;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::caller::{AppHeader, AppParam, Authenticated};
use super::document::Problems;
use super::path::ChannelPath;
use super::problem::Problem;
use super::results::PositionView;
use super::schema::ChannelText;

/// What is known of a channel now.
#[derive(Serialize, ToSchema)]
pub(super) struct ChannelView {
    /// The channel.
    #[schema(examples("orders.42"))]
    channel: String,
    /// How many connections follow it.
    #[schema(minimum = 0, examples(3))]
    connections: u64,
    /// How many distinct members are present.
    #[schema(minimum = 0, examples(0))]
    members: u64,
    /// The position of its last message; `null` where it keeps no log or was never heard of.
    head: Option<PositionView>,
}

/// What is known of a channel now.
///
/// A channel needs no making: one that nobody has used yet has no connections and no head.
#[utoipa::path(
    get,
    path = "/v1/channels/{channel}",
    operation_id = "channel",
    tag = "channels",
    params(("channel" = ChannelText, Path, description = "The channel, percent-encoded"), AppParam, AppHeader),
    responses((status = 200, description = "The channel", body = ChannelView), Problems),
)]
pub(super) async fn channel(
    State(api): State<Api>,
    caller: Authenticated,
    ChannelPath(channel): ChannelPath,
) -> Result<Json<ChannelView>, Problem> {
    Ok(Json(api.realtime.channel(&caller, &channel).await?.into()))
}

// === impl ChannelView ===

impl From<ChannelInfo> for ChannelView {
    fn from(info: ChannelInfo) -> Self {
        Self {
            channel: info.channel.to_string(),
            connections: info.connections,
            members: info.members,
            head: info.head.map(PositionView::from),
        }
    }
}
