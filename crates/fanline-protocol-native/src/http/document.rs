//! `GET /v1/openapi.json`, and what is common to every operation of the document.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use fanline_model::ErrorCode;
use http::header::CONTENT_TYPE;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref,
    RefOr, ResponseBuilder,
};
use utoipa::{IntoResponses, ToSchema};

use super::Api;
use super::problem::ProblemView;

/// What any operation may be refused with.
pub(super) struct Problems;

/// What an operation with a body may be refused with, beside that.
pub(super) struct BodyProblems;

/// What a publish may be refused with, beside that.
pub(super) struct PublishProblems;

type Response_ = RefOr<utoipa::openapi::Response>;

/// The head of the document.
pub(super) fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Fanline")
        .version("1")
        .description(Some(
            "Publish to channels, read their logs, mint tokens for clients. Subscribing is a WebSocket's: \
             docs/protocol/native.md. Unknown fields and parameters are ignored.",
        ))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build()))
        .build();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "An API key, `fl_…`, or a JWT of the app that `?app=` or `X-Fanline-App` names.",
        ))
        .build();
    let components = ComponentsBuilder::new()
        .security_scheme("bearer", SecurityScheme::Http(bearer))
        .schema_from::<ProblemView>()
        .build();
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .security(Some([SecurityRequirement::new::<_, [&str; 0], &str>(
            "bearer",
            [],
        )]))
        .build()
}

/// This document.
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    operation_id = "openapi",
    tag = "document",
    security(()),
    responses((status = 200, description = "The OpenAPI document of this API", body = Object)),
)]
pub(super) async fn document(State(api): State<Api>) -> Response {
    ([(CONTENT_TYPE, "application/json")], api.document).into_response()
}

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, Response_> {
        of_statuses(&[400, 401, 403, 404, 408, 429, 500, 501, 503])
    }
}

impl IntoResponses for BodyProblems {
    fn responses() -> BTreeMap<String, Response_> {
        of_statuses(&[413, 415])
    }
}

impl IntoResponses for PublishProblems {
    fn responses() -> BTreeMap<String, Response_> {
        of_statuses(&[409, 413, 415, 422])
    }
}

fn of_statuses(statuses: &[u16]) -> BTreeMap<String, Response_> {
    statuses
        .iter()
        .map(|status| (status.to_string(), problem(*status).into()))
        .collect()
}

fn problem(status: u16) -> utoipa::openapi::Response {
    let codes = ErrorCode::ALL.iter().filter(|code| code.status() == status);
    let names: Vec<String> = codes.map(|code| format!("`{}`", code.name())).collect();
    let schema = Ref::from_schema_name(ProblemView::name());
    ResponseBuilder::new()
        .description(names.join(", "))
        .content(
            "application/problem+json",
            ContentBuilder::new().schema(Some(schema)).build(),
        )
        .build()
}
