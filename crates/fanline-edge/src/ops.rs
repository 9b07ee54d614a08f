//! The operator's listener: metrics and health, nothing else.

use std::convert::Infallible;

use fanline_model::ErrorCode;
use fanline_protocol::{HttpBody, HttpService, full_body};
use fanline_telemetry::{Health, Metrics};
use http::{HeaderValue, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use tower::util::BoxCloneSyncService;

use crate::problem::problem;

/// `/metrics` in the OpenMetrics text format; `/healthz`, 200 as long as the process answers;
/// `/readyz`, 200 while the node should be sent clients and 503 with the reason otherwise.
#[must_use]
pub fn service(metrics: Metrics, health: Health) -> HttpService {
    BoxCloneSyncService::new(tower::service_fn(move |request: Request<HttpBody>| {
        let response = answer(&metrics, &health, &request);
        async { Ok::<_, Infallible>(response) }
    }))
}

fn answer(metrics: &Metrics, health: &Health, request: &Request<HttpBody>) -> Response<HttpBody> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return problem(ErrorCode::MethodNotAllowed, "Ask with GET.");
    }
    match request.uri().path() {
        "/metrics" => text(StatusCode::OK, Metrics::MEDIA_TYPE, metrics.encode()),
        "/healthz" => sentence(StatusCode::OK, "alive"),
        "/readyz" => match health.ready() {
            Ok(()) => sentence(StatusCode::OK, "ready"),
            Err(why) => sentence(StatusCode::SERVICE_UNAVAILABLE, &why),
        },
        _ => problem(
            ErrorCode::NotFound,
            "This listener has /metrics, /healthz and /readyz.",
        ),
    }
}

fn sentence(status: StatusCode, sentence: &str) -> Response<HttpBody> {
    text(status, "text/plain; charset=utf-8", format!("{sentence}\n"))
}

fn text(status: StatusCode, media_type: &'static str, text: String) -> Response<HttpBody> {
    let mut response = Response::new(full_body(text));
    *response.status_mut() = status;
    let media_type = HeaderValue::from_static(media_type);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use fanline_protocol::empty_body;
    use fanline_telemetry::State;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    async fn get(service: &HttpService, path: &str) -> (u16, String) {
        let request = Request::get(path).body(empty_body()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_node_that_drains_is_alive_and_not_ready() {
        let health = Health::new();
        let service = service(Metrics::new("1"), health.clone());
        assert_eq!(get(&service, "/readyz").await.0, 503);
        health.enter(State::Serving);
        assert_eq!(get(&service, "/readyz").await, (200, "ready\n".to_owned()));
        health.enter(State::Draining);
        let (status, why) = get(&service, "/readyz").await;
        assert_eq!((status, why.as_str()), (503, "the node is draining\n"));
        assert_eq!(get(&service, "/healthz").await.0, 200);
    }

    #[tokio::test]
    async fn a_node_that_misses_what_it_needs_to_begin_is_alive_and_says_what() {
        let health = Health::new();
        let service = service(Metrics::new("1"), health.clone());
        health.enter(State::Serving);
        health.miss("Redis was not asked yet");
        let (status, why) = get(&service, "/readyz").await;
        assert_eq!((status, why.as_str()), (503, "Redis was not asked yet\n"));
        assert_eq!(get(&service, "/healthz").await.0, 200);
        health.found();
        assert_eq!(get(&service, "/readyz").await.0, 200);
    }

    #[tokio::test]
    async fn the_listener_has_metrics_and_health_and_nothing_else() {
        let service = service(Metrics::new("1"), Health::new());
        let (status, text) = get(&service, "/metrics").await;
        assert!(
            status == 200 && text.contains("fanline_build_info"),
            "{text}"
        );
        assert_eq!(get(&service, "/").await.0, 404);
        let post = Request::post("/metrics").body(empty_body()).unwrap();
        assert_eq!(service.oneshot(post).await.unwrap().status(), 405);
    }
}
