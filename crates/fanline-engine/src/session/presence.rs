//! Being there: entering, changing, leaving, and asking who else is.

use std::sync::Arc;

use bytes::Bytes;
use fanline_broker::{BrokerError, ChannelId, Entry, PresenceError};
use fanline_model::{Channel, ErrorCode, UserId};
use fanline_protocol::{Enter, Event, Refusal, Tag};
use fanline_tenancy::access::{Action, decide};

use super::{Done, Hold, Session};
use crate::engine::Engine;
use crate::entries::{EntryKey, Held, LEASE};

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
        let held = Held {
            session: self.key,
            entry: Arc::new(entry.clone()),
            limit,
        };
        self.start(async move {
            match presence.enter(&id, entry, LEASE, limit).await {
                Ok(_) => Done::Presence {
                    events: vec![Event::Accepted { tag }],
                    entered: Some((channel, held)),
                    left: None,
                },
                Err(error) => refused(&error, channel, tag),
            }
        });
    }

    pub(super) fn update(&mut self, channel: Channel, data: Option<Bytes>, tag: Tag) {
        let Some(entry) = self.entry_of(&channel) else {
            return self.refuse(refusal(&PresenceError::NotEntered), Some(channel), tag);
        };
        let engine = Arc::clone(&self.engine);
        self.hold = Hold::Answer;
        self.start(async move {
            match update(&engine, &entry, data).await {
                Ok(()) => Done::Presence {
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
        let Some(entry) = self.entry_of(&channel) else {
            return self.tell(Event::Accepted { tag });
        };
        let (engine, session) = (Arc::clone(&self.engine), self.key);
        self.hold = Hold::Answer;
        // Let go first, or a renewal could enter again who has just left. Whatever comes of it, the lease ends.
        engine.entries.release(&entry, session);
        // In a task of its own: a session that ends on the way does not leave a second time.
        let leaving = tokio::spawn(async move {
            let left = engine.presence.leave(&entry.0, &entry.1, entry.2).await;
            left.map(|_| ())
        });
        self.start(async move {
            let away = PresenceError::Broker(BrokerError::Unavailable);
            match leaving.await.unwrap_or(Err(away)) {
                Ok(()) => Done::Presence {
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
            .is_some_and(|one| one.is_signed());
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
        let limit = page.clamp(1, MAX_PAGE);
        if let Some(slot) = self.watching(&channel) {
            return self.owe_roster(slot, limit, tag);
        }
        let presence = Arc::clone(&self.engine.presence);
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
        entered: Option<(Channel, Held)>,
        left: Option<Channel>,
    ) {
        if let Some(standing) = &mut self.member {
            if let Some((channel, held)) = entered {
                let member = held.entry.member.clone();
                let id = ChannelId::new(standing.caller.app.id.clone(), channel.clone());
                let key = (id, member.clone(), held.entry.connection);
                self.engine.entries.hold(key, held);
                standing.entered.retain(|(other, _)| *other != channel);
                standing.entered.push((channel, member));
            }
            if let Some(channel) = left {
                standing.entered.retain(|(other, _)| *other != channel);
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

    /// The entry of this session on a channel.
    fn entry_of(&self, channel: &Channel) -> Option<EntryKey> {
        let standing = self.member.as_ref()?;
        let connection = self.shared.identity()?.connection;
        let (_, member) = standing
            .entered
            .iter()
            .find(|(other, _)| other == channel)?;
        Some((
            ChannelId::new(standing.caller.app.id.clone(), channel.clone()),
            member.clone(),
            connection,
        ))
    }
}

/// Replaces the data of an entry. One that was lost and not missed yet is entered again with it.
async fn update(engine: &Engine, key: &EntryKey, data: Option<Bytes>) -> Result<(), PresenceError> {
    let presence = &engine.presence;
    match presence.update(&key.0, &key.1, key.2, data.clone()).await {
        Err(PresenceError::NotEntered) => {
            let held = engine.entries.with_data(key, data);
            let held = held.ok_or(PresenceError::NotEntered)?;
            let entry = Entry::clone(&held.entry);
            presence.enter(&key.0, entry, LEASE, held.limit).await?;
        }
        Err(error) => return Err(error),
        Ok(_) => {
            engine.entries.with_data(key, data);
        }
    }
    Ok(())
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
