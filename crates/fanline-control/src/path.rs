//! Names in paths.

use axum::extract::{FromRequestParts, Path};
use fanline_model::{AppId, ErrorCode};
use fanline_store::StoreError;
use http::request::Parts;
use serde::Deserialize;

use crate::problem::Problem;
use crate::state::ControlState;

/// How the empty prefix is written in a path: `*`, which no channel name holds.
const EMPTY_PREFIX: &str = "*";

/// `/apps/{app_id}/…`
pub(crate) struct InApp(pub(crate) AppId);

/// `/apps/{app_id}/namespaces/{prefix}`
pub(crate) struct InNamespace {
    pub(crate) app: AppId,
    /// Empty for `*`.
    pub(crate) prefix: String,
}

#[derive(Deserialize)]
struct AppSegment {
    app_id: String,
}

#[derive(Deserialize)]
struct NamespaceSegments {
    app_id: String,
    prefix: String,
}

impl FromRequestParts<ControlState> for InApp {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ControlState) -> Result<Self, Problem> {
        let AppSegment { app_id } = segments(parts, state).await?;
        app(&app_id).map(Self)
    }
}

impl FromRequestParts<ControlState> for InNamespace {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ControlState) -> Result<Self, Problem> {
        let NamespaceSegments { app_id, prefix } = segments(parts, state).await?;
        let prefix = if prefix == EMPTY_PREFIX {
            String::new()
        } else {
            prefix
        };
        Ok(Self {
            app: app(&app_id)?,
            prefix,
        })
    }
}

async fn segments<T: serde::de::DeserializeOwned + Send>(
    parts: &mut Parts,
    state: &ControlState,
) -> Result<T, Problem> {
    let path = Path::<T>::from_request_parts(parts, state).await;
    path.map(|Path(segments)| segments)
        .map_err(|why| Problem::new(ErrorCode::InvalidRequest, why.body_text()))
}

/// A text that is no id names no app.
fn app(text: &str) -> Result<AppId, Problem> {
    AppId::parse(text)
        .map_err(|_| Problem::new(ErrorCode::NotFound, StoreError::NotFound("app").to_string()))
}
