//! Commands act in order, one after the other, until one has to wait.

use std::collections::VecDeque;
use std::sync::Arc;

use fanline_model::{CloseReason, ErrorCode};
use fanline_protocol::{Command, Event, Outgoing, PublishCommand, Refusal, UnsubscribeReason};

use super::{Done, End, Hold, MAX_FAULTS, Session};
use crate::publish::Surroundings;

impl Session {
    /// Lets commands act until there are no more or one must wait.
    pub(super) fn act(&mut self) -> Result<(), End> {
        if let Some(reason) = self.end_on.take() {
            return Err(End::Close(reason, None, None));
        }
        while self.hold == Hold::Free {
            let Some(command) = self.commands.pop_front() else {
                self.subscribe_owed();
                // Most sessions say little after their first frame.
                self.commands = VecDeque::new();
                return Ok(());
            };
            self.command(command)?;
        }
        Ok(())
    }

    fn command(&mut self, command: Command) -> Result<(), End> {
        if let Some(channel) = channel_of(&command)
            && let Some(pending) = self.is_pending(channel)
        {
            self.hold = Hold::Channel(pending);
            self.commands.push_front(command);
            return Ok(());
        }
        if self.member.is_none() && !may_come_first(&command) {
            let detail = Some("the first frame must say who is asking".to_owned());
            return Err(End::Close(CloseReason::InvalidConnect, detail, None));
        }
        match command {
            Command::Authenticate {
                app,
                proof,
                connection_key,
                tag,
            } => {
                self.authenticate(app, proof, connection_key, tag);
            }
            Command::Subscribe(subscribe) => self.subscribe(subscribe),
            Command::SetOptions { echo, tag } => {
                if let Some(standing) = &mut self.member {
                    standing.echo = echo;
                }
                self.tell(Event::Accepted { tag });
            }
            Command::Unsubscribe { channel, tag } => {
                self.unsubscribe(channel, UnsubscribeReason::Requested, tag)
            }
            Command::Publish(publish) => self.publish(publish),
            Command::Enter(enter) => self.enter(enter),
            Command::Update { channel, data, tag } => self.update(channel, data, tag),
            Command::Leave { channel, tag } => self.leave(channel, tag),
            Command::SyncPresence { channel, page, tag } => self.sync_presence(channel, page, tag),
            Command::Reply(frame) => self.sending.push_back(Outgoing::Own(frame)),
            Command::Fault(frame) => {
                self.sending.push_back(Outgoing::Own(frame));
                self.faults += 1;
                if self.faults >= MAX_FAULTS {
                    return Err(End::Close(CloseReason::TooManyErrors, None, None));
                }
            }
            Command::Close { frames, close } => return Err(End::Protocol(frames, close)),
        }
        Ok(())
    }

    fn publish(&mut self, publish: PublishCommand) {
        let PublishCommand {
            channel,
            items,
            condition,
            echo,
            subscribed_only,
            tag,
        } = publish;
        let slot = self.subscriptions.find(&channel);
        let signed = slot
            .and_then(|slot| self.subscriptions.get(slot))
            .is_some_and(|one| one.is_signed());
        let Some(standing) = &self.member else { return };
        let settings = &standing.caller.app.settings;
        if subscribed_only && slot.is_none() {
            let detail = format!("connection not subscribed to channel {channel}");
            return self.refuse(
                Refusal::new(ErrorCode::NotSubscribed, detail),
                Some(channel),
                tag,
            );
        }
        if subscribed_only && !settings.client_events {
            let detail = "client events are switched off for this app";
            return self.refuse(
                Refusal::new(ErrorCode::Forbidden, detail),
                Some(channel),
                tag,
            );
        }
        if items.iter().any(|item| item.ephemeral) {
            let rate = settings.limits.client_events_per_second;
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            if let Err(wait) = standing
                .client_events
                .take(count, rate, rate, self.engine.now())
            {
                let detail =
                    format!("a connection publishes at most {rate} ephemeral messages a second");
                let refusal = Refusal {
                    retry_after: Some(wait),
                    ..Refusal::new(ErrorCode::RateLimited, detail)
                };
                return self.refuse(refusal, Some(channel), tag);
            }
        }
        let connection = self.shared.identity().map(|identity| identity.connection);
        let echo = echo.unwrap_or(standing.echo);
        let around = Surroundings {
            connection,
            exclude: connection.filter(|_| !echo),
            condition,
            signed,
            ..Surroundings::default()
        };
        let metered = self.engine.meter_publishes(&standing.caller, items.len());
        let checked = metered.and_then(|()| {
            self.engine
                .check(&standing.caller, &channel, items, &around)
        });
        match checked {
            Err(refusal) => self.refuse(refusal, Some(channel), tag),
            Ok(checked) => {
                let engine = Arc::clone(&self.engine);
                self.hold = Hold::Answer;
                self.start(async move {
                    let result = engine.publish(checked).await;
                    Done::Published {
                        channel,
                        result,
                        tag,
                    }
                });
            }
        }
    }
}

/// The channel whose pending subscription a command must wait for.
fn channel_of(command: &Command) -> Option<&fanline_model::Channel> {
    match command {
        Command::Subscribe(subscribe) => Some(&subscribe.channel),
        Command::Publish(publish) if publish.subscribed_only => Some(&publish.channel),
        Command::Unsubscribe { channel, .. } => Some(channel),
        _ => None,
    }
}

fn may_come_first(command: &Command) -> bool {
    matches!(
        command,
        Command::Authenticate { .. }
            | Command::Reply(_)
            | Command::Fault(_)
            | Command::Close { .. }
    )
}
