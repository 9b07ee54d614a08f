//! `GET /admin/v1/apps/{app_id}`

use axum::Json;
use axum::extract::State;
use fanline_store::document::AppDocument;

use crate::caller::Reader;
use crate::path::InApp;
use crate::problem::{Problem, Refusals};
use crate::state::ControlState;

/// Look at an app
#[utoipa::path(
    get,
    path = "/admin/v1/apps/{app_id}",
    tag = "apps",
    params(("app_id" = String, Path, description = "The id of the app.")),
    responses((status = 200, description = "The app as it is now.", body = AppDocument), Refusals),
    security(("operator_token" = []))
)]
pub(crate) async fn get_app(
    _: Reader,
    State(state): State<ControlState>,
    InApp(app): InApp,
) -> Result<Json<AppDocument>, Problem> {
    let found = async {
        let scope = state.operator().scope_of(&app).await?;
        scope.app(&app).await
    };
    let app = found.await.map_err(|error| state.problem(error))?;
    Ok(Json(AppDocument::of(&app)))
}
