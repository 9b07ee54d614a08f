//! The operations, one file each.

mod delete_namespace;
mod get_app;
mod get_namespace;
mod get_rule;
mod list_apps;
mod list_namespaces;
mod list_nodes;
mod patch_app;
mod put_namespace;

use axum::extract::DefaultBodyLimit;
use axum::middleware::map_response;
use axum::response::Response;
use fanline_model::ErrorCode;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::MAX_BYTES;
use crate::document;
use crate::problem::Problem;
use crate::state::ControlState;

/// The admin API. It answers full paths, `/admin/v1/…`; every operation asks for an operator's token.
pub fn router(state: ControlState) -> axum::Router {
    let (router, _) = operations().split_for_parts();
    router
        .fallback(nothing_here)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BYTES))
        .layer(map_response(for_its_caller_alone))
        .with_state(state)
}

/// The OpenAPI document of [`router`].
pub fn openapi() -> utoipa::openapi::OpenApi {
    operations().into_openapi()
}

fn operations() -> OpenApiRouter<ControlState> {
    OpenApiRouter::with_openapi(document::head())
        .routes(routes!(list_apps::list_apps))
        .routes(routes!(get_app::get_app, patch_app::patch_app))
        .routes(routes!(get_rule::get_rule))
        .routes(routes!(list_namespaces::list_namespaces))
        .routes(routes!(
            get_namespace::get_namespace,
            put_namespace::put_namespace,
            delete_namespace::delete_namespace
        ))
        .routes(routes!(list_nodes::list_nodes))
}

async fn nothing_here() -> Problem {
    Problem::new(
        ErrorCode::NotFound,
        "there is no such path; `fanline openapi` prints them all",
    )
}

async fn no_such_method() -> Problem {
    Problem::new(
        ErrorCode::MethodNotAllowed,
        "the header Allow lists the methods of this path",
    )
}

/// Nothing of this API may lie in a cache or be taken for a page.
async fn for_its_caller_alone(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
