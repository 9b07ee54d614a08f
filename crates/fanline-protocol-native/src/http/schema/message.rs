//! A message to publish.

use std::borrow::Cow;

use serde_json::{Value, json};
use utoipa::openapi::schema::{
    AdditionalProperties, AllOfBuilder, AnyOfBuilder, ObjectBuilder, Schema, Type,
};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::{
    ChannelText, GivenPosition, USER, any_of_values, any_with, null, nullable, nullable_text,
};

/// One message to publish.
pub(in crate::http) struct PublishMessage;

/// One message of a batch: with its channel.
pub(in crate::http) struct BatchMessage;

// === impl PublishMessage ===

impl PartialSchema for PublishMessage {
    fn schema() -> RefOr<Schema> {
        message(
            ObjectBuilder::new(),
            vec![json!({"name": "created", "data": {"total": 12}})],
        )
    }
}

impl ToSchema for PublishMessage {
    fn name() -> Cow<'static, str> {
        "PublishMessage".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((GivenPosition::name().into_owned(), GivenPosition::schema()));
    }
}

// === impl BatchMessage ===

impl PartialSchema for BatchMessage {
    fn schema() -> RefOr<Schema> {
        let with_channel = ObjectBuilder::new()
            .property("channel", Ref::from_schema_name(ChannelText::name()))
            .required("channel");
        message(
            with_channel,
            vec![json!({"channel": "orders.42", "name": "created", "data": {"total": 12}})],
        )
    }
}

impl ToSchema for BatchMessage {
    fn name() -> Cow<'static, str> {
        "BatchMessage".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((ChannelText::name().into_owned(), ChannelText::schema()));
        PublishMessage::schemas(schemas);
    }
}

const BASE64: &str =
    "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";
const EVENT_NAME: &str =
    "^(?!pusher:|pusher_internal:|fanline:)[^\\u0000-\\u001f\\u007f-\\u009f]{1,200}$";
const CONNECTION_ID: &str = "^(0|[1-9][0-9]{0,18})\\.(0|[1-9][0-9]{0,18})$";

/// A message of these further fields: the fields, one of three encodings, at most one condition.
fn message(further: ObjectBuilder, examples: Vec<Value>) -> RefOr<Schema> {
    AllOfBuilder::new()
        .item(fields(further))
        .item(encodings())
        .item(conditions())
        .examples(examples)
        .into()
}

fn fields(further: ObjectBuilder) -> ObjectBuilder {
    let header_names = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[a-z0-9._-]{1,64}$"));
    let header_values = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[^\\u0000-\\u001f\\u007f-\\u009f]*$"))
        .max_length(Some(1024));
    let headers = ObjectBuilder::new()
        .schema_type(nullable(Type::Object))
        .description(Some("Free headers, 4 KiB together."))
        .property_names(Some(Schema::from(header_names)))
        .additional_properties(Some(AdditionalProperties::RefOr(header_values.into())))
        .max_properties(Some(16));
    let flag = |description: &str| {
        ObjectBuilder::new()
            .schema_type(Type::Boolean)
            .description(Some(description))
    };
    further
        .property("data", any_with("The payload: any JSON value; a string where `encoding` says so."))
        .required("data")
        .property("encoding", ObjectBuilder::new().schema_type(nullable(Type::String)).description(Some(
            "`json` (the default) keeps the text of `data` byte for byte; `text` and `base64` say what the string holds.",
        )))
        .property("name", nullable_text(EVENT_NAME, "The event name."))
        .property("id", nullable_text("^[!-~]{1,128}$", "The message's own id, for recognising it when it comes again."))
        .property("key", nullable_text(USER, "The key whose last value the message becomes."))
        .property("headers", headers)
        .property("client_id", nullable_text(USER, "In whose name; only an API key may name one."))
        .property("exclude", nullable_text(CONNECTION_ID, "A connection that does not get the message."))
        .property("ephemeral", flag("Not logged: no position, no replay."))
        .property("removed", flag("Deletes the key's last value."))
        .property("unless_equal", flag("Publish unless the key's last value is byte for byte this payload."))
        .property("if_position", any_with("Publish only if the channel's last position is this one."))
        .property("version", ObjectBuilder::new()
            .schema_type(nullable(Type::Integer))
            .description(Some("Publish only if it is greater than that of the last publish with a version."))
            .minimum(Some(0))
            .maximum(Some(9_007_199_254_740_991_u64 as f64)))
}

fn encodings() -> AnyOfBuilder {
    let encoding =
        |words: Vec<Value>| ObjectBuilder::new().property("encoding", any_of_values(words));
    let text = |encoding: ObjectBuilder, pattern: Option<&str>| {
        let data = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(pattern);
        encoding.required("encoding").property("data", data)
    };
    AnyOfBuilder::new()
        .item(encoding(vec![json!("json"), Value::Null]))
        .item(text(encoding(vec![json!("text")]), None))
        .item(text(encoding(vec![json!("base64")]), Some(BASE64)))
}

/// At most one of `if_position`, `unless_equal` and `version`.
fn conditions() -> AnyOfBuilder {
    let no_equal = || any_of_values(vec![Value::Bool(false)]);
    let position = AnyOfBuilder::new()
        .item(null())
        .item(Ref::from_schema_name(GivenPosition::name()));
    AnyOfBuilder::new()
        .item(
            ObjectBuilder::new()
                .property("if_position", null())
                .property("version", null()),
        )
        .item(
            ObjectBuilder::new()
                .property("if_position", null())
                .property("unless_equal", no_equal()),
        )
        .item(
            ObjectBuilder::new()
                .property("if_position", position)
                .property("unless_equal", no_equal())
                .property("version", null()),
        )
}
