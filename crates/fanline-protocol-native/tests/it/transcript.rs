//! The format of `fixtures/protocol/native/*.jsonl`, as its README describes it.

use std::collections::HashMap;

use serde_json::Value;

/// What the variables of a transcript stand for so far.
#[derive(Clone, Default)]
pub(crate) struct Bindings(pub(crate) HashMap<String, Value>);

impl Bindings {
    /// The value with its variables put in.
    pub(crate) fn fill(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => match text.strip_prefix('$') {
                Some(variable) => self
                    .lookup(variable)
                    .unwrap_or_else(|| panic!("${variable} is not bound yet")),
                None => value.clone(),
            },
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(key, value)| (key.clone(), self.fill(value)))
                .collect(),
            other => other.clone(),
        }
    }

    /// Whether `actual` is what `expected` says; free variables are bound.
    pub(crate) fn matches(&mut self, expected: &Value, actual: &Value) -> bool {
        match (expected, actual) {
            (Value::String(text), actual) if text.starts_with('$') => match &text[1..] {
                "_" => true,
                variable => match self.lookup(variable) {
                    Some(bound) => bound == *actual,
                    None => {
                        self.0.insert(variable.to_owned(), actual.clone());
                        true
                    }
                },
            },
            (Value::Array(expected), Value::Array(actual)) => {
                expected.len() == actual.len()
                    && expected
                        .iter()
                        .zip(actual)
                        .all(|(expected, actual)| self.matches(expected, actual))
            }
            (Value::Object(expected), Value::Object(actual)) => {
                expected.len() == actual.len()
                    && expected.iter().all(|(key, expected)| {
                        actual
                            .get(key)
                            .is_some_and(|actual| self.matches(expected, actual))
                    })
            }
            (expected, actual) => expected == actual,
        }
    }

    /// `name`, or `name+n` for a number that was bound before.
    fn lookup(&self, variable: &str) -> Option<Value> {
        match variable.split_once('+') {
            None => self.0.get(variable).cloned(),
            Some((name, more)) => {
                let number = self
                    .0
                    .get(name)
                    .unwrap_or_else(|| panic!("${name} is not bound yet"));
                Some((number.as_u64().unwrap() + more.parse::<u64>().unwrap()).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_variable_is_bound_once_and_then_compared() {
        let mut bindings = Bindings::default();
        assert!(bindings.matches(
            &json!({"seq": "$n", "x": "$_"}),
            &json!({"seq": 4, "x": [1]})
        ));
        assert!(bindings.matches(&json!(["$n", "$n+1"]), &json!([4, 5])));
        assert!(!bindings.matches(&json!("$n"), &json!(5)));
        assert!(
            !bindings.matches(&json!({"a": 1}), &json!({"a": 1, "b": 2})),
            "no field is overlooked"
        );
        assert_eq!(
            bindings.fill(&json!({"since": "$n+2"})),
            json!({"since": 6})
        );
    }
}
