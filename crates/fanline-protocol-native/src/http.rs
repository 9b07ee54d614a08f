//! The HTTP API, one operation a file.
//!
//! A request becomes a question to [`Realtime`], and every refusal a problem of RFC 9457, the extractors'
//! too. Who is asking is judged before a byte of the body is read. Time limits are the transport's.

mod body;
mod caller;
mod channel;
mod channels;
mod cors;
mod document;
mod history;
mod path;
mod problem;
mod publish;
mod publish_batch;
mod publish_user;
mod query;
mod results;
mod retry;
mod schema;
mod tokens;

use std::sync::Arc;

use axum::body::Body;
use axum::middleware;
use axum::response::Response;
use bytes::Bytes;
use fanline_model::ErrorCode;
use fanline_protocol::{HttpBody, HttpService, Realtime};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::problem::Problem;

/// What every operation is given.
#[derive(Clone)]
struct Api {
    realtime: Arc<dyn Realtime>,
    /// The OpenAPI document, as text.
    document: Bytes,
}

/// The native HTTP API over this engine. It answers full paths, `/v1/…`.
pub fn http(realtime: Arc<dyn Realtime>) -> HttpService {
    let (router, openapi) = router().split_for_parts();
    let document = Bytes::from(serde_json::to_vec(&openapi).unwrap_or_default());
    let router = router
        .fallback(nothing_here)
        .method_not_allowed_fallback(no_such_method)
        .layer(middleware::from_fn(cors::open_to_every_origin))
        .with_state(Api { realtime, document });
    let service = router.map_request(|request: http::Request<HttpBody>| request.map(Body::new));
    BoxCloneSyncService::new(service.map_response(into_http_body))
}

/// The OpenAPI document of [`http`].
pub fn openapi() -> utoipa::openapi::OpenApi {
    router().into_openapi()
}

fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(document::head())
        .routes(routes!(publish::publish, history::history))
        .routes(routes!(publish_batch::publish_batch))
        .routes(routes!(publish_user::publish_user))
        .routes(routes!(channels::channels))
        .routes(routes!(channel::channel))
        .routes(routes!(tokens::mint_token))
        .routes(routes!(document::document))
}

async fn nothing_here() -> Problem {
    Problem::new(
        ErrorCode::NotFound,
        "there is no such path; GET /v1/openapi.json lists them",
    )
}

async fn no_such_method() -> Problem {
    Problem::new(
        ErrorCode::MethodNotAllowed,
        "the header Allow lists the methods of this path",
    )
}

fn into_http_body(response: Response) -> http::Response<HttpBody> {
    response.map(|body: Body| body.map_err(Into::into).boxed_unsync())
}
