//! What became of published messages.

use fanline_broker::Outcome;
use fanline_model::{Channel, ErrorCode, Position};
use fanline_protocol::{Published, Refusal};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use crate::encode;

/// A place in a channel's one order.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct PositionView {
    /// The numbering, 16 hexadecimal digits.
    #[schema(pattern = "^[0-9a-f]{16}$", examples("00c0ffee00c0ffee"))]
    epoch: String,
    /// The number within it.
    #[schema(minimum = 0, examples(42))]
    seq: u64,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// It was published by this call.
    Published,
    /// Its id was published before; epoch and seq are those of then.
    Duplicate,
    /// The condition does not hold; nothing happened.
    Unchanged,
}

/// What became of one message.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct MessageResult {
    /// The channel.
    #[schema(examples("orders.42"))]
    channel: String,
    /// The message's id.
    #[schema(examples("msg_0123456789abcdefABCDEF"))]
    id: String,
    /// What became of it.
    status: Status,
    /// Its numbering; missing where the channel keeps no log, or the message is ephemeral.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples("00c0ffee00c0ffee"))]
    epoch: Option<String>,
    /// Its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples(42))]
    seq: Option<u64>,
    /// With `unchanged`: which condition does not hold, `position`, `equal` or `version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// With `unchanged`: the last position of the channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<PositionView>,
}

/// A message of a batch that was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct RefusedResult {
    /// The channel.
    channel: String,
    /// `refused`.
    #[schema(pattern = "^refused$")]
    status: &'static str,
    /// Why.
    error: ItemError,
}

/// Why one message of a batch was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ItemError {
    /// The stable name (docs/errors.md).
    #[schema(examples("forbidden"))]
    code: &'static str,
    /// This case, in a sentence.
    detail: String,
    /// Whether the same message may be accepted later.
    retryable: bool,
    /// With `outcome_unknown`: the ids to send the channel's messages again under.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    message_ids: Vec<String>,
}

/// One result of a batch.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum BatchResult {
    /// It is in the channel, or nothing was to be done.
    Done(MessageResult),
    /// Nothing happened.
    Refused(RefusedResult),
}

// === impl PositionView ===

impl From<Position> for PositionView {
    fn from(position: Position) -> Self {
        Self {
            epoch: position.epoch.to_string(),
            seq: position.seq,
        }
    }
}

// === impl MessageResult ===

impl MessageResult {
    pub(super) fn new(channel: &Channel, published: &Published) -> Self {
        let (status, position, reason, head) = match &published.outcome {
            Outcome::Appended { position } => (Status::Published, *position, None, None),
            Outcome::Duplicate { position } => (Status::Duplicate, *position, None, None),
            Outcome::Unchanged { reason, head } => (Status::Unchanged, None, Some(*reason), *head),
        };
        Self {
            channel: channel.to_string(),
            id: published.id.to_string(),
            status,
            epoch: position.map(|position| position.epoch.to_string()),
            seq: position.map(|position| position.seq),
            reason: reason.map(encode::unchanged_reason),
            head: head.map(PositionView::from),
        }
    }

    /// The one result of a call with one message.
    pub(super) fn only(channel: &Channel, results: &[Published]) -> Result<Self, Problem> {
        let first = results.first();
        first
            .map(|published| Self::new(channel, published))
            .ok_or_else(no_result)
    }

    /// 201 if the message was published now, 200 if it was before, or nothing was to be done.
    pub(super) fn http_status(&self) -> StatusCode {
        if self.status == Status::Published {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        }
    }
}

// === impl BatchResult ===

impl BatchResult {
    pub(super) fn refused(channel: &Channel, refusal: &Refusal) -> Self {
        Self::Refused(RefusedResult {
            channel: channel.to_string(),
            status: "refused",
            error: ItemError {
                code: refusal.code.name(),
                detail: refusal.detail.clone(),
                retryable: refusal.code.retryable(),
                message_ids: refusal
                    .message_ids
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
            },
        })
    }

    /// 201 or 200 promise that every message is in its channel's log; 207 says: read the results.
    pub(super) fn http_status(results: &[Self]) -> StatusCode {
        let published =
            |result: &Self| matches!(result, Self::Done(done) if done.status == Status::Published);
        if results
            .iter()
            .any(|result| matches!(result, Self::Refused(_)))
        {
            StatusCode::MULTI_STATUS
        } else if results.iter().any(published) {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        }
    }
}

/// The engine answered less than was asked: a fault of ours.
pub(super) fn no_result() -> Problem {
    Problem::new(
        ErrorCode::Internal,
        "the server lost the result; publish again with the same key",
    )
}
