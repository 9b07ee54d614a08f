//! Pusher's HTTP API, as every server SDK of Pusher calls it: one operation a file.
//!
//! Every request is signed and verified before it is read any further. Success is exactly 200 with a JSON
//! object; an error is one plain sentence, which the SDKs put into their exceptions.

mod attributes;
mod batch_events;
mod channel;
mod channels;
mod events;
mod failure;
mod publication;
mod signature;
mod signed;
mod terminate_connections;
mod users;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use fanline_protocol::{HttpBody, HttpService, Realtime};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use tower::util::BoxCloneSyncService;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::failure::Failure;

/// What every operation asks.
type Api = Arc<dyn Realtime>;

/// The HTTP API, to be mounted at `/apps`; it sees whole paths.
pub fn http(realtime: Arc<dyn Realtime>) -> HttpService {
    let (router, _) = operations().split_for_parts();
    let router: Router = router
        .fallback(nothing_here)
        .method_not_allowed_fallback(no_such_method)
        .with_state(realtime);
    let service = tower::service_fn(move |request: Request<HttpBody>| {
        let router = router.clone();
        async move {
            let response: Result<Response<Body>, Infallible> =
                router.oneshot(request.map(Body::new)).await;
            response.map(|response| response.map(|body| body.map_err(Into::into).boxed_unsync()))
        }
    });
    BoxCloneSyncService::new(service)
}

/// The OpenAPI document of [`http()`].
pub fn openapi() -> utoipa::openapi::OpenApi {
    let (_, document) = operations().split_for_parts();
    document
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Fanline, Pusher's HTTP API",
        description = "What Pusher's server SDKs call. Every request is signed with a Pusher key of the app, as the SDKs do it; see docs/protocol/pusher.md for what is served and what not yet."
    ),
    tags((name = "pusher", description = "Publish events, ask for channels."))
)]
struct Document;

fn operations() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(events::publish))
        .routes(routes!(batch_events::publish))
        .routes(routes!(channels::list))
        .routes(routes!(channel::get))
        .routes(routes!(users::list))
        .routes(routes!(terminate_connections::terminate))
}

async fn nothing_here(uri: Uri) -> Failure {
    let message = format!(
        "There is nothing at {}; the HTTP API is under /apps/{{app_id}}",
        uri.path()
    );
    Failure::new(StatusCode::NOT_FOUND, message)
}

async fn no_such_method(method: Method, uri: Uri) -> Failure {
    Failure::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{} does not take {method}", uri.path()),
    )
}
