//! The head of the OpenAPI document; the operations add themselves.

use crate::problem::Problem;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder};

/// The name of the security scheme in the operations' attributes.
const OPERATOR_TOKEN: &str = "operator_token";

pub(crate) fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Fanline admin API")
        .version("1")
        .description(Some(
            "Apps, their settings and their rules, and the nodes, for the operators of an installation. It is served on the admin \
             listener alone. Errors are problem details (RFC 9457); unknown fields are refused by name.",
        ))
        .build();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An operator's token, `fl_op_…`"))
        .build();
    let components = ComponentsBuilder::new()
        .schema_from::<Problem>()
        .security_scheme(OPERATOR_TOKEN, SecurityScheme::Http(bearer))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .build()
}
