//! The library without a broker around it, for measurements.

use fanline_broker::Publish;
use fanline_model::Epoch;
use redis::Cmd;

use super::{LIBRARY, arguments};
use crate::keys;

/// The function library, as every broker loads it: what `FUNCTION LOAD` takes.
pub const FUNCTION_LIBRARY: &str = LIBRARY;

/// The very command that a broker sends for the first attempt of this publish. A `fresh` epoch is taken if the
/// channel has none; a channel holds at most so many idempotency records.
pub fn publish_command(publish: &Publish, fresh: Epoch, idempotency_records: usize) -> Cmd {
    let key = keys::channel(&publish.channel);
    let call = arguments::publish(key, publish, fresh, idempotency_records);
    let mut command = redis::cmd("FCALL");
    command.arg(call.function).arg(1).arg(&*call.key);
    for argument in &call.args {
        command.arg(&**argument);
    }
    command
}
