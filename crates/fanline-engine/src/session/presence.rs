//! Being there: entering, changing, leaving, and asking who else is.

use std::sync::Arc;

use bytes::Bytes;
use fanline_broker::{ChannelId, Entry, PresenceError};
use fanline_model::{Channel, ErrorCode, UserId};
use fanline_protocol::{Enter, Event, Refusal, Tag};
use fanline_tenancy::access::{Action, decide};

use super::{Done, Hold, Session};
use crate::sweep::LEASE;

/// The most entries of one page of a roster.
const MAX_PAGE: usize = 1_000;

impl Session {
    pub(super) fn enter(&mut self, enter: Enter) {
        let Enter {
            channel,
            member,
            info,
            data,
            proof,
            tag,
        } = enter;
        let entry = match self.vouch(&channel, member, info, data, proof.as_ref()) {
            Ok(entry) => entry,
            Err(refusal) => return self.refuse(refusal, Some(channel), tag),
        };
        let Some((id, limit)) = self.place(&channel) else {
            return;
        };
        let presence = Arc::clone(&self.engine.presence);
        self.hold = Hold::Answer;
        self.start(async move {
            let member = entry.member.clone();
            match presence.enter(&id, entry, LEASE, limit).await {
                Ok(_) => Done::Presence {
                    events: vec![Event::Accepted { tag }],
                    entered: Some((channel, member)),
                    left: None,
                },
                Err(error) => refused(&error, channel, tag),
            }
        });
    }

    pub(super) fn update(&mut self, channel: Channel, data: Option<Bytes>, tag: Tag) {
        let Some((id, member)) = self.entry_of(&channel) else {
            return self.refuse(refusal(&PresenceError::NotEntered), Some(channel), tag);
        };
        let Some(connection) = self.shared.identity().map(|identity| identity.connection) else {
            return;
        };
        let presence = Arc::clone(&self.engine.presence);
        self.hold = Hold::Answer;
        self.start(async move {
            match presence.update(&id, &member, connection, data).await {
                Ok(_) => Done::Presence {
                    events: vec![Event::Accepted { tag }],
                    entered: None,
                    left: None,
                },
                Err(error) => refused(&error, channel, tag),
            }
        });
    }

    pub(super) fn leave(&mut self, channel: Channel, tag: Tag) {
        // Leaving where one is not is no fault: the end is the same.
        let Some((id, member)) = self.entry_of(&channel) else {
            return self.tell(Event::Accepted { tag });
        };
        let Some(connection) = self.shared.identity().map(|identity| identity.connection) else {
            return;
        };
        let presence = Arc::clone(&self.engine.presence);
        self.hold = Hold::Answer;
        self.start(async move {
            match presence.leave(&id, &member, connection).await {
                Ok(_) => Done::Presence {
                    events: vec![Event::Accepted { tag }],
                    entered: None,
                    left: Some(channel),
                },
                Err(error) => refused(&error, channel, tag),
            }
        });
    }

    pub(super) fn sync_presence(&mut self, channel: Channel, page: usize, tag: Tag) {
        let Some(standing) = &self.member else { return };
        let signed = self
            .subscriptions
            .find(&channel)
            .and_then(|slot| self.subscriptions.get(slot))
            .is_some_and(|one| one.signed);
        let caller = &standing.caller;
        if let Err(denied) = decide(
            &caller.app,
            &caller.authority,
            Action::Presence,
            &channel,
            signed,
        ) {
            return self.refuse(denied.into(), Some(channel), tag);
        }
        let id = ChannelId::new(caller.app.id.clone(), channel.clone());
        let presence = Arc::clone(&self.engine.presence);
        let limit = page.clamp(1, MAX_PAGE);
        self.hold = Hold::Answer;
        self.start(async move {
            let (mut events, mut after) = (Vec::new(), None);
            loop {
                let roster = match presence.roster(&id, after.take(), limit).await {
                    Ok(roster) => roster,
                    Err(error) => return refused(&error, channel, tag),
                };
                after = roster
                    .entries
                    .last()
                    .map(|entry| (entry.member.clone(), entry.connection));
                let last = !roster.more || after.is_none();
                events.push(Event::PresencePage {
                    channel: channel.clone(),
                    entries: roster.entries,
                    revision: roster.revision,
                    members: roster.members,
                    last,
                    tag: tag.clone(),
                });
                if last {
                    return Done::Presence {
                        events,
                        entered: None,
                        left: None,
                    };
                }
            }
        });
    }

    pub(super) fn presence_done(
        &mut self,
        events: Vec<Event>,
        entered: Option<(Channel, UserId)>,
        left: Option<Channel>,
    ) {
        let connection = self.shared.identity().map(|identity| identity.connection);
        if let (Some(standing), Some(connection)) = (&mut self.member, connection) {
            let app = standing.caller.app.id.clone();
            if let Some((channel, member)) = entered {
                let id = ChannelId::new(app.clone(), channel.clone());
                self.engine
                    .entries
                    .lock()
                    .insert((id, member.clone(), connection), self.key);
                standing.entered.retain(|(other, _)| *other != channel);
                standing.entered.push((channel, member));
            }
            if let Some(channel) = left {
                for (channel, member) in standing
                    .entered
                    .extract_if(.., |(other, _)| *other == channel)
                {
                    let id = ChannelId::new(app.clone(), channel);
                    self.engine.entries.lock().remove(&(id, member, connection));
                }
            }
        }
        for event in events {
            self.tell(event);
        }
    }

    /// The entry that is vouched for: the member id is verified, or there is no presence.
    fn vouch(
        &self,
        channel: &Channel,
        member: Option<UserId>,
        info: Option<Bytes>,
        data: Option<Bytes>,
        proof: Option<&fanline_tenancy::Proof>,
    ) -> Result<Entry, Refusal> {
        let Some(standing) = &self.member else {
            return Err(Refusal::new(ErrorCode::Unauthorized, "connect first"));
        };
        let Some(identity) = self.shared.identity() else {
            return Err(Refusal::new(ErrorCode::Unauthorized, "connect first"));
        };
        let caller = &standing.caller;
        if let Some(proof) = proof {
            self.engine.verifier.verify_signature(&caller.app, proof)?;
        }
        decide(
            &caller.app,
            &caller.authority,
            Action::Presence,
            channel,
            proof.is_some(),
        )?;
        let member = match (proof, member) {
            (Some(_), Some(member)) => member,
            _ => caller.authority.subject.clone().ok_or_else(|| {
                let detail = "presence needs a verified user: a token with a subject, or signed channel data";
                Refusal::new(ErrorCode::Forbidden, detail)
            })?,
        };
        let info = info.filter(|_| proof.is_some());
        Ok(Entry {
            member,
            connection: identity.connection,
            info,
            data,
        })
    }

    fn place(&self, channel: &Channel) -> Option<(ChannelId, usize)> {
        let app = &self.member.as_ref()?.caller.app;
        Some((
            ChannelId::new(app.id.clone(), channel.clone()),
            app.settings.limits.presence_members,
        ))
    }

    fn entry_of(&self, channel: &Channel) -> Option<(ChannelId, UserId)> {
        let standing = self.member.as_ref()?;
        let (_, member) = standing
            .entered
            .iter()
            .find(|(other, _)| other == channel)?;
        Some((
            ChannelId::new(standing.caller.app.id.clone(), channel.clone()),
            member.clone(),
        ))
    }
}

fn refusal(error: &PresenceError) -> Refusal {
    let code = match error {
        PresenceError::Full(_) => ErrorCode::LimitReached,
        PresenceError::NotEntered => ErrorCode::InvalidRequest,
        PresenceError::Broker(_) => ErrorCode::Unavailable,
    };
    Refusal::new(code, error.to_string())
}

fn refused(error: &PresenceError, channel: Channel, tag: Tag) -> Done {
    let event = Event::Refused {
        refusal: refusal(error),
        channel: Some(channel),
        tag,
    };
    Done::Presence {
        events: vec![event],
        entered: None,
        left: None,
    }
}
