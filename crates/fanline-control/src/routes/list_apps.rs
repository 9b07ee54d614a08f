//! `GET /admin/v1/apps`

use axum::Json;
use axum::extract::State;
use fanline_store::document::AppDocument;
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::Reader;
use crate::problem::{Problem, Refusals};
use crate::state::ControlState;

/// Every app of the installation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AppList {
    /// In order of id.
    apps: Vec<AppDocument>,
}

/// List apps
///
/// Every app of every tenant.
#[utoipa::path(
    get,
    path = "/admin/v1/apps",
    tag = "apps",
    responses((status = 200, description = "Every app, in order of id.", body = AppList), Refusals),
    security(("operator_token" = []))
)]
pub(crate) async fn list_apps(
    _: Reader,
    State(state): State<ControlState>,
) -> Result<Json<AppList>, Problem> {
    let apps = state
        .operator()
        .apps()
        .await
        .map_err(|error| state.problem(error))?;
    Ok(Json(AppList {
        apps: apps.iter().map(AppDocument::of).collect(),
    }))
}
