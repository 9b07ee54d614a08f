//! `GET /admin/v1/apps/{app_id}/namespaces/{prefix}`

use axum::Json;
use axum::extract::State;
use fanline_store::document::NamespaceDocument;

use crate::caller::Reader;
use crate::path::InNamespace;
use crate::problem::{Problem, Refusals};
use crate::state::ControlState;

/// Look at a namespace
#[utoipa::path(
    get,
    path = "/admin/v1/apps/{app_id}/namespaces/{prefix}",
    tag = "namespaces",
    params(
        ("app_id" = String, Path, description = "The id of the app."),
        (
            "prefix" = String, Path,
            description = "What the names begin with, percent-encoded; `*` stands for the empty prefix.",
            pattern = "^([*]|[A-Za-z0-9_=@,.;:/-]{1,200})$",
        ),
    ),
    responses((status = 200, description = "The rule of exactly this prefix.", body = NamespaceDocument), Refusals),
    security(("operator_token" = []))
)]
pub(crate) async fn get_namespace(
    _: Reader,
    State(state): State<ControlState>,
    InNamespace { app, prefix }: InNamespace,
) -> Result<Json<NamespaceDocument>, Problem> {
    let found = async {
        let scope = state.operator().scope_of(&app).await?;
        scope.namespace(&app, &prefix).await
    };
    found.await.map(Json).map_err(|error| state.problem(error))
}
