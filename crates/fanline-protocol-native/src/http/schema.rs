//! Schemas that derive cannot say: what is valid here is accepted, and nothing else is.
//!
//! Lengths of texts are counted in bytes by the server and in characters by JSON Schema; a text near the
//! limit that is not ASCII may be valid here and still be refused.

use std::borrow::Cow;

use serde_json::{Value, json};
use utoipa::openapi::schema::{
    AdditionalProperties, AllOfBuilder, AnyOfBuilder, ArrayBuilder, ObjectBuilder, Schema,
    SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

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

/// One message to publish.
pub(super) struct PublishMessage;

/// One message of a batch: with its channel.
pub(super) struct BatchMessage;

/// A batch: `messages`, or `message` with `channels`, `users` or both.
pub(super) struct PublishBatchBody;

/// What a token is to allow.
pub(super) struct MintToken;

/// A page of a channel's log.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a schema only; `history` writes the text")]
pub(super) struct HistoryView {
    /// `fresh` without `since`, else the verdict on it: `kept`, `forked` or `lost`.
    #[schema(pattern = "^(fresh|kept|forked|lost)$", examples("kept"))]
    continuity: String,
    /// With `lost`: `too_old`, `diverged` or `unknown_epoch`.
    #[schema(required = false, examples("too_old"))]
    reason: String,
    /// With `forked`: the last position before the fork that is still true.
    #[schema(required = false)]
    forked_at: GivenPosition,
    /// The position before the first message of the page.
    #[schema(required = true)]
    from: Option<GivenPosition>,
    /// The channel's last position at that moment.
    #[schema(required = true)]
    head: Option<GivenPosition>,
    /// The messages, oldest first.
    messages: Vec<MessageView>,
    /// Whether more follow.
    more: bool,
}

/// A message, as in `message` frames.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "a schema only; `encode::message_fields` writes the text"
)]
pub(super) struct MessageView {
    /// Its id.
    #[schema(examples("msg_0123456789abcdefABCDEF"))]
    id: String,
    /// The event name.
    #[schema(required = false, examples("created"))]
    name: String,
    /// The key whose last value it is.
    #[schema(required = false)]
    key: String,
    /// The payload: the JSON value itself, or a string where `encoding` says so.
    #[schema(value_type = AnyValue)]
    data: Value,
    /// `text` or `base64`; missing where `data` is the value itself.
    #[schema(required = false, pattern = "^(text|base64)$")]
    encoding: String,
    /// The user who published it.
    #[schema(required = false)]
    client_id: String,
    /// Free headers.
    #[schema(required = false, value_type = std::collections::BTreeMap<String, String>)]
    headers: (),
    /// When the server took it, in milliseconds since 1970.
    timestamp: u64,
    /// The numbering; missing without a log.
    #[schema(required = false, examples("00c0ffee00c0ffee"))]
    epoch: String,
    /// The number within it.
    #[schema(required = false, examples(43))]
    seq: u64,
    /// It deleted its key's last value.
    #[schema(required = false)]
    removed: bool,
    /// It was not logged.
    #[schema(required = false)]
    ephemeral: bool,
}

/// Any JSON value.
pub(super) struct AnyValue;

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

// === impl PublishBatchBody ===

impl PartialSchema for PublishBatchBody {
    fn schema() -> RefOr<Schema> {
        let list = |items: RefOr<Schema>| ArrayBuilder::new().items(items).max_items(Some(10_000));
        let channels =
            || list(Ref::from_schema_name(ChannelText::name()).into()).unique_items(true);
        let users = || list(Ref::from_schema_name(UserText::name()).into()).unique_items(true);
        let or_null = || SchemaType::Array(vec![Type::Array, Type::Null]);
        let messages = list(Ref::from_schema_name(BatchMessage::name()).into()).min_items(Some(1));
        let many = ObjectBuilder::new()
            .description(Some("Many messages; those of one channel are one act."))
            .property("messages", messages)
            .required("messages")
            .property("message", null())
            .property("channels", null())
            .property("users", null());
        let one = || {
            ObjectBuilder::new()
                .property("messages", null())
                .property("message", Ref::from_schema_name(PublishMessage::name()))
                .required("message")
        };
        let to_channels = one()
            .description(Some(
                "One message to many channels, and users: 10,000 together at most.",
            ))
            .property("channels", channels().min_items(Some(1)))
            .required("channels")
            .property("users", users().schema_type(or_null()));
        let to_users = one()
            .description(Some(
                "One message to many users, and channels: 10,000 together at most.",
            ))
            .property("users", users().min_items(Some(1)))
            .required("users")
            .property("channels", channels().schema_type(or_null()));
        AnyOfBuilder::new()
            .item(many)
            .item(to_channels)
            .item(to_users)
            .examples([json!({
                "messages": [
                    {"channel": "orders.42", "name": "created", "data": {"total": 12}},
                    {"channel": "orders.43", "name": "created", "data": {"total": 7}},
                ],
            })])
            .into()
    }
}

impl ToSchema for PublishBatchBody {
    fn name() -> Cow<'static, str> {
        "PublishBatch".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((BatchMessage::name().into_owned(), BatchMessage::schema()));
        schemas.push((
            PublishMessage::name().into_owned(),
            PublishMessage::schema(),
        ));
        schemas.push((UserText::name().into_owned(), UserText::schema()));
        BatchMessage::schemas(schemas);
    }
}

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

// === impl AnyValue ===

impl PartialSchema for AnyValue {
    fn schema() -> RefOr<Schema> {
        any()
    }
}

impl ToSchema for AnyValue {}

const USER: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]{1,200}$";
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
