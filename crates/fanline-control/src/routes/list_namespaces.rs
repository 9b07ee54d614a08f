//! `GET /admin/v1/apps/{app_id}/namespaces`

use axum::Json;
use axum::extract::State;
use fanline_store::document::NamespaceDocument;
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::Reader;
use crate::path::InApp;
use crate::problem::{Problem, Refusals};
use crate::state::ControlState;

/// The rules of an app.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NamespaceList {
    /// Longest prefix first: the first one that a channel's name begins with is its rule.
    namespaces: Vec<NamespaceDocument>,
}

/// List the namespaces of an app
#[utoipa::path(
    get,
    path = "/admin/v1/apps/{app_id}/namespaces",
    tag = "namespaces",
    params(("app_id" = String, Path, description = "The id of the app.")),
    responses((status = 200, description = "Every rule, longest prefix first.", body = NamespaceList), Refusals),
    security(("operator_token" = []))
)]
pub(crate) async fn list_namespaces(
    _: Reader,
    State(state): State<ControlState>,
    InApp(app): InApp,
) -> Result<Json<NamespaceList>, Problem> {
    let found = async {
        let scope = state.operator().scope_of(&app).await?;
        scope.namespaces(&app).await
    };
    let namespaces = found.await.map_err(|error| state.problem(error))?;
    Ok(Json(NamespaceList { namespaces }))
}
