//! `GET /apps/{app_id}/channels/{channel}/users`: the members of a presence channel. Not served yet.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;

use super::Failure;
use super::channel::named;
use super::failure::Failures;
use super::publication;
use super::signed::{SignatureParameters, Signed};

/// Lists the members of a presence channel. Not served yet.
#[utoipa::path(
    get,
    path = "/apps/{app_id}/channels/{channel}/users",
    tag = "pusher",
    operation_id = "list_users",
    params(
        ("app_id" = String, Path, description = "The app's Pusher id."),
        ("channel" = String, Path, description = "The presence channel."),
        SignatureParameters
    ),
    responses(Failures),
)]
pub(super) async fn list(
    path: Result<Path<(String, String)>, PathRejection>,
    _signed: Signed,
) -> Failure {
    match named(path).and_then(|channel| publication::channel(&channel)) {
        Ok((_, family)) if !family.is_presence() => {
            Failure::bad_request("Only presence channels have users")
        }
        Ok(_) => {
            Failure::not_yet("The users of presence channels are not served over Pusher's API yet")
        }
        Err(failure) => failure,
    }
}
