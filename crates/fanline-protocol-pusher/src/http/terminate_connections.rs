//! `POST /apps/{app_id}/users/{user_id}/terminate_connections`. Not served yet.

use super::Failure;
use super::failure::Failures;
use super::signed::{SignatureParameters, Signed};

/// Ends the connections of a signed-in user. Not served yet.
#[utoipa::path(
    post,
    path = "/apps/{app_id}/users/{user_id}/terminate_connections",
    tag = "pusher",
    operation_id = "terminate_connections",
    params(
        ("app_id" = String, Path, description = "The app's Pusher id."),
        ("user_id" = String, Path, description = "The user."),
        SignatureParameters
    ),
    responses(Failures),
)]
pub(super) async fn terminate(_signed: Signed) -> Failure {
    Failure::not_yet(
        "Signing in, and so ending a user's connections, is not served over Pusher's API yet",
    )
}
