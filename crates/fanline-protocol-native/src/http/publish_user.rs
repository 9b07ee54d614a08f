//! `POST /v1/users/{id}/messages`

use axum::Json;
use axum::extract::State;
use fanline_model::Channel;
use http::StatusCode;

use super::Api;
use super::body::JsonBody;
use super::caller::{AppHeader, AppParam, Authenticated};
use super::document::{Problems, PublishProblems};
use super::path::UserPath;
use super::problem::Problem;
use super::publish::publish_one;
use super::results::MessageResult;
use super::retry::{Repeatable, RepeatableHeaders};
use super::schema::{PublishMessage, UserText};

/// Publishes one message to a user, on whatever connections they are.
///
/// The user reads it in their own channel, `#user:ID`, with a token whose subject is that id.
#[utoipa::path(
    post,
    path = "/v1/users/{id}/messages",
    operation_id = "publishToUser",
    tag = "messages",
    params(("id" = UserText, Path, description = "The user, percent-encoded"), AppParam, AppHeader, RepeatableHeaders),
    request_body = PublishMessage,
    responses(
        (status = 201, description = "Published", body = MessageResult),
        (status = 200, description = "Published before under this id, or the condition does not hold", body = MessageResult),
        PublishProblems,
        Problems,
    ),
)]
pub(super) async fn publish_user(
    State(api): State<Api>,
    caller: Authenticated,
    UserPath(user): UserPath,
    repeatable: Repeatable,
    body: JsonBody,
) -> Result<(StatusCode, Json<MessageResult>), Problem> {
    let body = body.read(caller.app.settings.limits.frame_bytes).await?;
    publish_one(&api, &caller, Channel::User(user), repeatable, &body).await
}
