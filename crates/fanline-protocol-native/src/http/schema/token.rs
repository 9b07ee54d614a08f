//! A token to mint.

use std::borrow::Cow;

use serde_json::json;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::{ChannelText, USER, nullable, nullable_text};

/// What a token is to allow.
pub(in crate::http) struct MintToken;

// === impl MintToken ===

impl PartialSchema for MintToken {
    fn schema() -> RefOr<Schema> {
        let words = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(["subscribe", "publish", "history", "presence"]));
        let pattern = ObjectBuilder::new().schema_type(Type::String).pattern(Some(
            "^(#user:[^*\\u0000-\\u001f\\u007f-\\u009f]{1,200}|[A-Za-z0-9_=@,.;:/-]{1,200}\\*?|\\*)$",
        ));
        let capabilities = ObjectBuilder::new()
            .description(Some(
                "What the client may do, by channel, or by prefix where the pattern ends in `*`.",
            ))
            .property_names(Some(Schema::from(pattern)))
            .additional_properties(Some(ArrayBuilder::new().items(words)))
            .max_properties(Some(100));
        let channels = ArrayBuilder::new()
            .items(Ref::from_schema_name(ChannelText::name()))
            .max_items(Some(100))
            .description(Some("Channels that the server subscribes for the client."));
        let ttl_seconds = ObjectBuilder::new()
            .schema_type(nullable(Type::Integer))
            .description(Some("How long it lives; an hour without it."))
            .minimum(Some(1))
            .maximum(Some(604_800));
        ObjectBuilder::new()
            .property(
                "subject",
                nullable_text(USER, "The user; missing for an anonymous client."),
            )
            .property("capabilities", capabilities)
            .property("channels", channels)
            .property("ttl_seconds", ttl_seconds)
            .examples([json!({
                "subject": "alice",
                "capabilities": {"orders.*": ["subscribe", "history"]},
                "ttl_seconds": 600,
            })])
            .into()
    }
}

impl ToSchema for MintToken {
    fn name() -> Cow<'static, str> {
        "MintToken".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((ChannelText::name().into_owned(), ChannelText::schema()));
    }
}
