//! Schemas that derive cannot say: what is valid here is accepted, and nothing else is.
//!
//! Lengths of texts are counted in bytes by the server and in characters by JSON Schema; a text near the
//! limit that is not ASCII may be valid here and still be refused.

mod batch;
mod message;
mod token;
mod view;

use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

pub(super) use batch::PublishBatchBody;
pub(super) use message::PublishMessage;
pub(super) use token::MintToken;
pub(super) use view::HistoryView;

/// A channel: its name, or `#user:` and the id of a user.
#[derive(ToSchema)]
#[schema(
    pattern = "^(#user:[^\\u0000-\\u001f\\u007f-\\u009f]{1,200}|[A-Za-z0-9_=@,.;:/-]{1,200})$",
    examples("orders.42")
)]
#[expect(dead_code, reason = "a schema only")]
pub(super) struct ChannelText(String);

/// A user id, as the identity provider makes it: no control characters.
#[derive(ToSchema)]
#[schema(
    pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]{1,200}$",
    examples("auth0|5f7c8ec7c33c6c004bbafe82")
)]
#[expect(dead_code, reason = "a schema only")]
pub(super) struct UserText(String);

/// A position that a server gave.
#[derive(ToSchema)]
#[schema(title = "Position")]
#[expect(dead_code, reason = "a schema only")]
pub(super) struct GivenPosition {
    /// The numbering.
    #[schema(pattern = "^[0-9A-Fa-f]{16}$", examples("00c0ffee00c0ffee"))]
    epoch: String,
    /// The number within it.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_u64, examples(42))]
    seq: u64,
}

/// Any JSON value.
struct AnyValue;

// === impl AnyValue ===

impl PartialSchema for AnyValue {
    fn schema() -> RefOr<Schema> {
        any()
    }
}

impl ToSchema for AnyValue {}

const USER: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]{1,200}$";

fn null() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Null)
}

fn any() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .into()
}

fn any_with(description: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .description(Some(description))
        .into()
}

fn any_of_values(values: Vec<Value>) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .enum_values(Some(values))
}

fn nullable(kind: Type) -> SchemaType {
    SchemaType::Array(vec![kind, Type::Null])
}

fn nullable_text(pattern: &str, description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(nullable(Type::String))
        .pattern(Some(pattern))
        .description(Some(description))
}
