//! axum's routers as the services that the edge mounts.

use axum::{Router, body::Body};
use fanline_protocol::{HttpBody, HttpService};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use tower::{ServiceExt as _, util::BoxCloneSyncService};

/// The service of a router.
pub(crate) fn of(router: Router) -> HttpService {
    let service = router.map_request(|request: Request<HttpBody>| request.map(Body::new));
    BoxCloneSyncService::new(service.map_response(|response: Response<Body>| {
        response.map(|body| body.map_err(Into::into).boxed_unsync())
    }))
}
