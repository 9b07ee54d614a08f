//! `DELETE /admin/v1/apps/{app_id}/namespaces/{prefix}`

use axum::extract::State;
use http::StatusCode;

use crate::caller::Writer;
use crate::path::InNamespace;
use crate::problem::{Problem, Refusals, WriteRefusals};
use crate::state::ControlState;

/// Remove a namespace
///
/// Its channels fall to the next shorter prefix. The rule of the empty prefix cannot be removed.
#[utoipa::path(
    delete,
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
    responses((status = 204, description = "The rule is gone."), Refusals, WriteRefusals),
    security(("operator_token" = []))
)]
pub(crate) async fn delete_namespace(
    Writer(actor): Writer,
    State(state): State<ControlState>,
    InNamespace { app, prefix }: InNamespace,
) -> Result<StatusCode, Problem> {
    let operator = state.operator();
    let changed = state.change(app.clone(), async move {
        let scope = operator.scope_of(&app).await?;
        scope.delete_namespace(&app, &prefix, &actor).await
    });
    changed.await.map(|()| StatusCode::NO_CONTENT)
}
