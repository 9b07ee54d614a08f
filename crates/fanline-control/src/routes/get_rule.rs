//! `GET /admin/v1/apps/{app_id}/rule?channel=`

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use fanline_model::{Channel, ErrorCode};
use fanline_store::document::{AccessWord, NamespaceDocument};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::caller::Reader;
use crate::path::InApp;
use crate::problem::{Problem, Refusals};
use crate::state::ControlState;

/// Which channel is meant.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhichChannel {
    /// A channel name, or `#user:ID`.
    #[param(pattern = "^([A-Za-z0-9_=@,.;:/-]{1,200}|#user:[A-Za-z0-9]{1,200})$")]
    channel: String,
}

/// What governs a channel.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleDocument {
    /// The channel that was asked about.
    channel: String,
    /// Who may subscribe in effect: `private-`, `presence-` and user channels are never open, whatever
    /// their rule says.
    access: AccessWord,
    /// The rule with the longest prefix that the name begins with.
    rule: NamespaceDocument,
}

/// Find the rule of a channel
#[utoipa::path(
    get,
    path = "/admin/v1/apps/{app_id}/rule",
    tag = "namespaces",
    params(("app_id" = String, Path, description = "The id of the app."), WhichChannel),
    responses((status = 200, description = "The rule of this channel.", body = RuleDocument), Refusals),
    security(("operator_token" = []))
)]
pub(crate) async fn get_rule(
    _: Reader,
    State(state): State<ControlState>,
    InApp(app): InApp,
    which: Result<Query<WhichChannel>, QueryRejection>,
) -> Result<Json<RuleDocument>, Problem> {
    let Query(WhichChannel { channel }) =
        which.map_err(|why| Problem::new(ErrorCode::InvalidRequest, why.body_text()))?;
    let channel = Channel::parse(&channel)
        .map_err(|why| Problem::new(ErrorCode::InvalidChannel, why.to_string()))?;
    let found = async {
        let scope = state.operator().scope_of(&app).await?;
        scope.app(&app).await
    };
    let app = found.await.map_err(|error| state.problem(error))?;
    let rule = NamespaceDocument::of(app.rules.of(&channel));
    let access = if channel.is_never_open() {
        AccessWord::Token
    } else {
        rule.settings.access
    };
    Ok(Json(RuleDocument {
        channel: channel.to_string(),
        access,
        rule,
    }))
}
