//! Whether there is room for everything that a call would leave behind.

use std::collections::HashSet;

use fanline_model::Draft;

use super::super::channel::Channel;
use super::super::records::Records;
use super::super::values::key_of;
use super::dedupe::is_recorded;
use super::{Surroundings, is_logged, open_drafts};
use crate::broker::{BrokerError, Outcome, Publish, PublishError};

impl Channel {
    /// Asks for room for records, keys, and the app's bytes. What is given back on the way (an older
    /// message, a value that is replaced) is reckoned in; the app's counters themselves are exact.
    pub(super) fn check_room(
        &mut self,
        publish: &Publish,
        drafts: &[Draft],
        outcomes: &[Outcome],
        around: &Surroundings<'_>,
    ) -> Result<(), PublishError> {
        let records = self.check_records(publish, drafts, around)?;
        let logged = open_drafts(drafts, outcomes).filter(|draft| is_logged(publish, draft));
        self.check_keys(logged.clone())?;

        let (count, bytes) = logged.clone().fold((0, 0), |(count, bytes), draft| {
            (count + 1, bytes + draft.weight())
        });
        let evicted = self
            .retention
            .history
            .map_or(0, |history| self.log.would_free(&history, count, bytes));
        let (values, replaced) = match self.retention.state {
            Some(_) => {
                let before = logged.filter_map(|draft| self.values.get(key_of(draft)));
                (bytes, before.map(|message| message.draft.weight()).sum())
            }
            None => (0, 0),
        };
        if around
            .budgets
            .allows(&self.charge, bytes + values + records, evicted + replaced)
        {
            Ok(())
        } else {
            Err(BrokerError::OverBudget.into())
        }
    }

    /// Asks for room for the ids to record, and answers what they weigh.
    fn check_records(
        &mut self,
        publish: &Publish,
        drafts: &[Draft],
        around: &Surroundings<'_>,
    ) -> Result<usize, PublishError> {
        let unrecorded = drafts
            .iter()
            .filter(|draft| is_recorded(publish, draft))
            .map(|draft| &draft.id);
        let unrecorded: Vec<_> = unrecorded
            .filter(|id| self.records.get(id, around.now).is_none())
            .collect();
        if self.records.len() + unrecorded.len() > around.records {
            // Now it is worth to look closely: at ids given twice, and at records that expired out of turn.
            let distinct = unrecorded.iter().collect::<HashSet<_>>().len();
            self.records.retain(|record| record.expires > around.now);
            if self.records.len() + distinct > around.records {
                return Err(PublishError::RecordsFull);
            }
        }
        Ok(unrecorded.into_iter().map(Records::weight).sum())
    }

    fn check_keys<'a>(
        &self,
        logged: impl Iterator<Item = &'a Draft> + Clone,
    ) -> Result<(), PublishError> {
        let Some(rule) = self.retention.state else {
            return Ok(());
        };
        let unknown = logged
            .map(key_of)
            .filter(|key| self.values.get(key).is_none());
        let fits = self.values.len() + unknown.clone().count() <= rule.keys
            || self.values.len() + unknown.collect::<HashSet<_>>().len() <= rule.keys;
        if fits {
            Ok(())
        } else {
            Err(PublishError::KeysFull)
        }
    }
}
