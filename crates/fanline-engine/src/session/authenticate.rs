//! Who is on the line: the first credential, its refreshes, and what becomes of both when the app changes.

use std::sync::Arc;

use fanline_model::{CloseReason, ConnectionId, ErrorCode};
use fanline_protocol::{Caller, Event, Refusal, Start, Subscribe, Tag, UnsubscribeReason};
use fanline_tenancy::{AppRef, AppSnapshot, AuthError, Proof, Verified};

use super::{Done, End, Hold, Session, Standing};
use crate::outbox::Slot;
use crate::rate::Bucket;
use crate::shared::Identity;

impl Session {
    /// Judges a credential; what follows waits for the answer.
    pub(super) fn authenticate(
        &mut self,
        app_ref: AppRef,
        proof: Proof,
        connection_key: Option<Box<str>>,
        tag: Tag,
    ) {
        self.hold = Hold::Answer;
        let engine = Arc::clone(&self.engine);
        // A refresh stays with the app that the session was opened for.
        let refresh = self
            .member
            .as_ref()
            .map(|standing| standing.app_ref.clone());
        self.start(async move {
            let (verified, app_ref) = match refresh {
                Some(app_ref) => (engine.verifier.refresh(&app_ref, &proof).await, app_ref),
                None => (
                    engine.verifier.authenticate(&app_ref, &proof).await,
                    app_ref,
                ),
            };
            Done::Authenticated {
                verified,
                app_ref,
                connection_key,
                tag,
            }
        });
    }

    pub(super) fn authenticated(
        &mut self,
        verified: Result<Verified, AuthError>,
        app_ref: AppRef,
        connection_key: Option<&str>,
        tag: Tag,
    ) -> Result<(), End> {
        if self.member.is_some() {
            self.refreshed(verified, tag);
            return Ok(());
        }
        let verified = verified.map_err(|error| {
            let refusal = Refusal::from(error);
            End::Close(
                refusal.close_reason(),
                Some(refusal.detail),
                refusal.retry_after,
            )
        })?;
        self.open(verified, app_ref, connection_key, tag)
    }

    fn open(
        &mut self,
        verified: Verified,
        app_ref: AppRef,
        connection_key: Option<&str>,
        tag: Tag,
    ) -> Result<(), End> {
        let Verified { app, authority } = verified;
        if !app.admits_origin(self.origin.as_deref()) {
            let origin = self.origin.as_deref().unwrap_or_default();
            let detail = format!("origin {origin} is not on the app's list of allowed origins");
            return Err(End::Close(
                CloseReason::OriginNotAllowed,
                Some(detail),
                None,
            ));
        }
        let limits = &app.settings.limits;
        let meter = self.engine.sessions.meter(&app.id);
        meter.admit(limits, self.engine.now()).map_err(|refusal| {
            End::Close(
                refusal.close_reason(),
                Some(refusal.detail),
                refusal.retry_after,
            )
        })?;
        let subject = authority.subject.clone();
        let kept =
            connection_key.and_then(|key| self.engine.keys.check(key, &app.id, subject.as_ref()));
        let connection = kept.unwrap_or_else(|| ConnectionId::generate(&*self.engine.random));
        let connection_key = self.engine.keys.make(connection, &app.id, subject.as_ref());
        self.shared.outbox.set_limit(limits.outbox_bytes);
        if let Some(link) = &mut self.link {
            link.set_frame_limit(limits.frame_bytes);
        }
        let (limits, expires_at) = (Arc::new(limits.clone()), authority.expires_at);
        let channels = authority.channels.clone();
        self.shared
            .judged(app.revision, expires_at, self.engine.clock.now());
        self.shared.identify(Identity {
            connection,
            app: app.id.clone(),
        });
        self.engine
            .sessions
            .identify(connection, Arc::clone(&self.shared));
        let (id, revision) = (app.id.clone(), app.revision);
        self.member = Some(Box::new(Standing {
            caller: Caller { app, authority },
            app_ref,
            meter,
            client_events: Bucket::new(),
            echo: true,
            entered: Vec::new(),
            rosters: Vec::new(),
            owed: channels,
        }));
        tracing::debug!(%connection, app = %id, peer = %self.peer, protocol = self.protocol.name(), "session opened");
        let kept = kept.is_some();
        self.tell(Event::Opened {
            connection,
            connection_key,
            kept,
            subject,
            limits,
            expires_at,
            tag,
        });
        self.tell_availability();
        // What was taken back between the judgement and the joining of the index is seen now.
        if self
            .engine
            .directory
            .held(&id)
            .is_some_and(|held| held.revision != revision)
        {
            self.recheck()?;
        }
        Ok(())
    }

    /// A new credential for a session that stands. A refused one leaves the old one in force.
    fn refreshed(&mut self, verified: Result<Verified, AuthError>, tag: Tag) {
        let Some(standing) = &mut self.member else {
            return;
        };
        let verified = match verified {
            Ok(verified) => verified,
            Err(error) => return self.refuse(error.into(), None, tag),
        };
        let before = &standing.caller.authority;
        if verified.app.id != before.app || verified.authority.subject != before.subject {
            let detail = "a refresh keeps app and subject; connect again to change them";
            return self.refuse(Refusal::new(ErrorCode::Forbidden, detail), None, tag);
        }
        let expires_at = verified.authority.expires_at;
        let channels = verified.authority.channels.clone();
        self.shared
            .judged(verified.app.revision, expires_at, self.engine.clock.now());
        standing.owed = channels;
        standing.caller = Caller {
            app: Arc::clone(&verified.app),
            authority: verified.authority,
        };
        self.tell(Event::Refreshed { expires_at, tag });
        self.take_away(&verified.app, UnsubscribeReason::NotAllowed);
    }

    /// Subscribes what the credential names and the client did not: after everything that the client said
    /// in the same breath, since that may name positions for these very channels.
    pub(super) fn subscribe_owed(&mut self) {
        let owed = self
            .member
            .as_mut()
            .map(|standing| std::mem::take(&mut standing.owed));
        for channel in owed.into_iter().flatten() {
            if self.subscriptions.find(&channel).is_none() {
                self.subscribe(Subscribe::new(channel, Start::Fresh, None));
            }
        }
    }

    /// The app changed: the whole decision is made again on its present snapshot.
    pub(super) fn recheck(&mut self) -> Result<(), End> {
        let Some(standing) = &mut self.member else {
            return Ok(());
        };
        let Some(app) = self.engine.directory.held(&standing.caller.app.id) else {
            return Ok(());
        };
        if !app.is_serving() {
            return Err(End::Close(CloseReason::AppDisabled, None, None));
        }
        if !standing.caller.authority.stands(&app) {
            return Err(End::Close(CloseReason::Revoked, None, None));
        }
        let expires_at = standing.caller.authority.expires_at;
        standing.caller.app = Arc::clone(&app);
        self.shared
            .judged(app.revision, expires_at, self.engine.clock.now());
        self.take_away(&app, UnsubscribeReason::RuleChanged);
        Ok(())
    }

    /// Ends the subscriptions that are no longer permitted.
    fn take_away(&mut self, app: &AppSnapshot, reason: UnsubscribeReason) {
        let gone: Vec<Slot> = self
            .subscriptions
            .iter()
            .filter(|(_, subscription)| !self.still_permitted(app, subscription))
            .map(|(slot, _)| slot)
            .collect();
        for slot in gone {
            let Some(subscription) = self.subscriptions.get(slot) else {
                continue;
            };
            let channel = subscription.feed.id.channel.clone();
            self.unsubscribe(channel, reason, None);
        }
    }
}
