//! `PUT /admin/v1/apps/{app_id}/namespaces/{prefix}`

use axum::extract::State;
use fanline_store::Put;
use fanline_store::document::{NamespaceDocument, NamespaceSettings};
use http::StatusCode;

use crate::body::Json;
use crate::caller::Writer;
use crate::path::InNamespace;
use crate::problem::{BodyRefusals, Problem, Refusals, WriteRefusals};
use crate::state::ControlState;

/// Make or replace a namespace
///
/// The body is the whole rule: what is left out has its default. Prefixes that begin with `private-` or
/// `presence-` cannot be set open. The rule is in force on this node when it is answered.
#[utoipa::path(
    put,
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
    request_body = NamespaceSettings,
    responses(
        (status = 200, description = "A former rule was replaced.", body = NamespaceDocument),
        (status = 201, description = "There was no rule for this prefix before.", body = NamespaceDocument),
        Refusals, WriteRefusals, BodyRefusals
    ),
    security(("operator_token" = []))
)]
pub(crate) async fn put_namespace(
    Writer(actor): Writer,
    State(state): State<ControlState>,
    InNamespace { app, prefix }: InNamespace,
    Json(settings): Json<NamespaceSettings>,
) -> Result<(StatusCode, axum::Json<NamespaceDocument>), Problem> {
    let operator = state.operator();
    let changed = state.change(app.clone(), async move {
        let scope = operator.scope_of(&app).await?;
        scope.put_namespace(&app, &prefix, &settings, &actor).await
    });
    let (document, put) = changed.await?;
    let status = match put {
        Put::Created => StatusCode::CREATED,
        Put::Replaced => StatusCode::OK,
    };
    Ok((status, axum::Json(document)))
}
