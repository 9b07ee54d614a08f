//! Many messages, or one to many.

use std::borrow::Cow;

use serde_json::json;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::message::{BatchMessage, PublishMessage};
use super::{ChannelText, UserText, null};

/// A batch: `messages`, or `message` with `channels`, `users` or both.
pub(in crate::http) struct PublishBatchBody;

// === impl PublishBatchBody ===

impl PartialSchema for PublishBatchBody {
    fn schema() -> RefOr<Schema> {
        let list = |items: RefOr<Schema>| ArrayBuilder::new().items(items).max_items(Some(10_000));
        let channels = list(Ref::from_schema_name(ChannelText::name()).into());
        let users = list(Ref::from_schema_name(UserText::name()).into());
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
            .description(Some("One message to many channels."))
            .property("channels", channels.min_items(Some(1)).unique_items(true))
            .required("channels")
            .property("users", null());
        let to_users = one()
            .description(Some("One message to many users."))
            .property("users", users.min_items(Some(1)).unique_items(true))
            .required("users")
            .property("channels", null());
        OneOfBuilder::new()
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
