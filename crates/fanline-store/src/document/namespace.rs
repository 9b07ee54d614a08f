//! A namespace as JSON: one rule row.

use std::time::Duration;

use fanline_model::{ChannelName, Retention};
use fanline_tenancy::{Access, NamespaceRule};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::object::object_or_null;
use super::retention::{HistoryDocument, StateDocument, within};
use super::whole::whole;
use super::words::{AccessWord, DurabilityWord, SlowConsumerWord};
use crate::error::StoreError;

/// A rule for the channels whose name begins with a prefix; the longest prefix wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceDocument {
    /// What the names begin with; empty for every channel that no other rule covers.
    pub prefix: String,
    /// Whether the rule came with a preset and was not changed since.
    pub preset: bool,
    /// The rule.
    #[serde(flatten)]
    pub settings: NamespaceSettings,
}

/// What a rule says. Whatever is left out has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NamespaceSettings {
    /// Who may subscribe.
    pub access: AccessWord,
    /// The replay buffer; `null` keeps none, and messages have no position.
    #[serde(deserialize_with = "object_or_null")]
    pub history: Option<HistoryDocument>,
    /// How long a position outlives its log.
    #[schema(minimum = 60, maximum = 7_776_000)]
    #[serde(deserialize_with = "whole")]
    pub position_ttl_seconds: u64,
    /// How long a publish with a given id is recognised again.
    #[schema(minimum = 1, maximum = 86_400)]
    #[serde(deserialize_with = "whole")]
    pub idempotency_window_seconds: u64,
    /// Last values per key that outlive the log's trim; `null` keeps none.
    #[serde(deserialize_with = "object_or_null")]
    pub state: Option<StateDocument>,
    /// What happens to a subscriber that reads slower than messages come.
    pub slow_consumer: SlowConsumerWord,
    /// Whose acknowledgement a publish waits for.
    pub durability: DurabilityWord,
}

/// Whether names can begin so: empty, or what a channel name may be.
pub fn check_prefix(prefix: &str) -> Result<(), StoreError> {
    if prefix.is_empty() {
        return Ok(());
    }
    ChannelName::parse(prefix)
        .map(drop)
        .map_err(|why| StoreError::Invalid(format!("no channel begins so: {why}")))
}

// === impl NamespaceDocument ===

impl NamespaceDocument {
    /// The document of a rule.
    pub fn of(rule: &NamespaceRule) -> Self {
        Self {
            prefix: rule.prefix.clone(),
            preset: rule.preset,
            settings: NamespaceSettings::of(rule),
        }
    }

    /// The rule of a document.
    pub fn to_rule(&self) -> NamespaceRule {
        NamespaceRule {
            preset: self.preset,
            ..self.settings.to_rule(&self.prefix)
        }
    }
}

impl PartialSchema for NamespaceDocument {
    /// The settings and two fields more, all of them there. Derived, it would be the settings, which take
    /// no other field, *and* other fields: a schema that nothing fulfils.
    fn schema() -> RefOr<Schema> {
        let RefOr::T(Schema::Object(mut object)) = NamespaceSettings::schema() else {
            return NamespaceSettings::schema();
        };
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "What the names begin with; empty for every channel that no other rule covers.",
            ));
        let flag = ObjectBuilder::new()
            .schema_type(Type::Boolean)
            .description(Some(
                "Whether the rule came with a preset and was not changed since.",
            ));
        object
            .properties
            .insert("prefix".to_owned(), text.build().into());
        object
            .properties
            .insert("preset".to_owned(), flag.build().into());
        object.required = object.properties.keys().cloned().collect();
        object.description = Some(
            "A rule for the channels whose name begins with a prefix; the longest prefix wins."
                .to_owned(),
        );
        RefOr::T(Schema::Object(object))
    }
}

impl ToSchema for NamespaceDocument {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        NamespaceSettings::schemas(schemas);
    }
}

// === impl NamespaceSettings ===

impl Default for NamespaceSettings {
    fn default() -> Self {
        Self::of(&NamespaceRule::new("", Access::Token))
    }
}

impl NamespaceSettings {
    /// What a rule says.
    pub fn of(rule: &NamespaceRule) -> Self {
        let Retention {
            history,
            position_ttl,
            idempotency_window,
            state,
            durability,
        } = rule.retention;
        Self {
            access: rule.access.into(),
            history: history.as_ref().map(HistoryDocument::of),
            position_ttl_seconds: position_ttl.as_secs(),
            idempotency_window_seconds: idempotency_window.as_secs(),
            state: state.as_ref().map(StateDocument::of),
            slow_consumer: rule.slow_consumer.into(),
            durability: durability.into(),
        }
    }

    /// The rule for a prefix.
    pub fn to_rule(&self, prefix: &str) -> NamespaceRule {
        NamespaceRule {
            retention: Retention {
                history: self.history.as_ref().map(HistoryDocument::to_history),
                position_ttl: Duration::from_secs(self.position_ttl_seconds),
                idempotency_window: Duration::from_secs(self.idempotency_window_seconds),
                state: self.state.as_ref().map(StateDocument::to_state),
                durability: self.durability.into(),
            },
            slow_consumer: self.slow_consumer.into(),
            ..NamespaceRule::new(prefix, self.access.into())
        }
    }

    /// Whether every value is in range and the rule may stand for this prefix.
    pub fn check(&self, prefix: &str) -> Result<(), StoreError> {
        check_prefix(prefix)?;
        let idempotency_window = self.idempotency_window_seconds;
        within(
            "position_ttl_seconds",
            self.position_ttl_seconds,
            60,
            7_776_000,
        )?;
        within("idempotency_window_seconds", idempotency_window, 1, 86_400)?;
        self.history
            .as_ref()
            .map_or(Ok(()), HistoryDocument::check)?;
        self.state.as_ref().map_or(Ok(()), StateDocument::check)?;
        let never_open = prefix.starts_with("private-") || prefix.starts_with("presence-");
        if self.access == AccessWord::Open && never_open {
            return Err(StoreError::Conflict(format!(
                "channels that begin with {prefix:?} are never open, in any protocol; leave access at token, \
                 or choose another prefix"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use fanline_model::{History, StateRule};
    use fanline_tenancy::RuleTable;

    use super::*;
    use crate::document::parse;

    fn settings(json: &str) -> NamespaceSettings {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_born_rule_reads_back_from_its_document() {
        for rule in RuleTable::born(true).rows() {
            let json = serde_json::to_string(&NamespaceDocument::of(rule)).unwrap();
            let back: NamespaceDocument = serde_json::from_str(&json).unwrap();
            assert_eq!(back.to_rule(), *rule);
            assert!(back.settings.check(&rule.prefix).is_ok(), "{json}");
        }
    }

    #[test]
    fn what_is_left_out_has_its_default_and_null_keeps_nothing() {
        assert_eq!(
            settings("{}").to_rule("a"),
            NamespaceRule::new("a", Access::Token)
        );
        assert_eq!(
            settings(r#"{"history": null}"#)
                .to_rule("a")
                .retention
                .history,
            None
        );
        let wider = settings(r#"{"history": {"messages": 10}, "state": {}}"#)
            .to_rule("a")
            .retention;
        assert_eq!(
            wider.history,
            Some(History {
                messages: 10,
                ..History::default()
            })
        );
        assert_eq!(
            wider.state,
            Some(StateRule {
                ttl: Duration::from_secs(1_800),
                keys: 1_000
            })
        );
    }

    #[test]
    fn an_unknown_field_or_word_is_refused_by_name() {
        for (json, name) in [
            (r#"{"acces": "open"}"#, "acces"),
            (r#"{"history": {"seconds": 1}}"#, "seconds"),
            (r#"{"access": "public"}"#, "public"),
            (r#"{"history": []}"#, "expected an object"),
            (r#"{"state": [1, 2]}"#, "expected an object"),
            ("[]", "expected an object"),
            ("{} {}", "trailing"),
        ] {
            let error = parse::<NamespaceSettings>(json.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn values_out_of_range_are_refused_by_name() {
        for (json, name) in [
            (
                r#"{"history": {"window_seconds": 0}}"#,
                "history.window_seconds",
            ),
            (r#"{"history": {"bytes": 9999999999}}"#, "history.bytes"),
            (r#"{"state": {"keys": 0}}"#, "state.keys"),
            (
                r#"{"idempotency_window_seconds": 86401}"#,
                "idempotency_window_seconds",
            ),
            (r#"{"position_ttl_seconds": 1}"#, "position_ttl_seconds"),
        ] {
            let error = settings(json).check("a").unwrap_err();
            assert!(
                matches!(&error, StoreError::Invalid(text) if text.starts_with(name)),
                "{error}"
            );
        }
        assert!(matches!(
            settings("{}").check("a b"),
            Err(StoreError::Invalid(_))
        ));
        assert!(matches!(
            settings("{}").check("#user:"),
            Err(StoreError::Invalid(_))
        ));
    }

    #[test]
    fn private_and_presence_cannot_be_set_open() {
        let open = settings(r#"{"access": "open"}"#);
        for prefix in ["private-", "private-open.", "presence-x", "private-cache-"] {
            assert!(
                matches!(open.check(prefix), Err(StoreError::Conflict(_))),
                "{prefix}"
            );
        }
        // A row that covers more than these names; the wall keeps them shut (TENANCY 5).
        assert!(open.check("priv").is_ok() && open.check("").is_ok());
    }
}
