//! `PATCH /admin/v1/apps/{app_id}`

use axum::extract::State;
use fanline_store::document::{AppDocument, AppPatch};

use crate::body::Json;
use crate::caller::Writer;
use crate::path::InApp;
use crate::problem::{BodyRefusals, Problem, Refusals, WriteRefusals};
use crate::state::ControlState;

/// Change an app's settings
///
/// What is left out stays as it is. `allowed_origins` and `limits` are replaced whole: a limit that is not
/// in the new list goes back to its default. The change is in force on this node when it is answered.
#[utoipa::path(
    patch,
    path = "/admin/v1/apps/{app_id}",
    tag = "apps",
    params(("app_id" = String, Path, description = "The id of the app.")),
    request_body = AppPatch,
    responses(
        (status = 200, description = "The app as it is now.", body = AppDocument),
        Refusals, WriteRefusals, BodyRefusals
    ),
    security(("operator_token" = []))
)]
pub(crate) async fn patch_app(
    Writer(actor): Writer,
    State(state): State<ControlState>,
    InApp(app): InApp,
    Json(patch): Json<AppPatch>,
) -> Result<axum::Json<AppDocument>, Problem> {
    let operator = state.operator();
    let changed = state.change(app.clone(), async move {
        let scope = operator.scope_of(&app).await?;
        scope.patch_app(&app, &patch, &actor).await
    });
    Ok(axum::Json(AppDocument::of(&changed.await?)))
}
