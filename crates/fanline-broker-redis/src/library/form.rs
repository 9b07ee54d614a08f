//! The forms of numbers, texts and lists in calls of functions and in their answers.

use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use fanline_model::Epoch;
use redis::Value;

use crate::cluster::Call;

/// Numbers within Redis are doubles.
const MOST: u64 = 1 << 53;

// === Calls ===

/// A call that does no harm when it is executed twice.
pub(super) fn call(function: &'static str, key: Bytes, args: Vec<Bytes>) -> Call {
    Call {
        function,
        key,
        more_keys: Vec::new(),
        args,
        retry_flag: None,
    }
}

pub(super) fn epoch(epoch: Epoch) -> Bytes {
    Bytes::copy_from_slice(&epoch.as_u64().to_be_bytes())
}

pub(super) fn millis(duration: Duration) -> Bytes {
    text(duration.as_millis().min(MOST.into()))
}

pub(super) fn count(count: usize) -> Bytes {
    text(whole(count))
}

/// A count that Redis can hold.
pub(super) fn whole(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(MOST).min(MOST)
}

pub(super) fn text(value: impl Display) -> Bytes {
    value.to_string().into()
}

// === Answers ===

pub(super) fn is_nothing(value: &Value) -> bool {
    matches!(value, Value::Nil | Value::Boolean(false))
}

pub(super) fn list<const N: usize>(value: Value) -> Option<[Value; N]> {
    match value {
        Value::Array(values) => values.try_into().ok(),
        _ => None,
    }
}

pub(super) fn bytes(value: Value) -> Option<Bytes> {
    match value {
        Value::BulkString(bytes) => Some(bytes.into()),
        _ => None,
    }
}

pub(super) fn integer(value: Value) -> Option<usize> {
    match value {
        Value::Int(number) => number.try_into().ok(),
        _ => None,
    }
}

pub(super) fn digits(value: Value) -> Option<u64> {
    std::str::from_utf8(&bytes(value)?).ok()?.parse().ok()
}
