//! The half of the engine that the HTTP API asks.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use fanline_model::{Channel, Clock, ConnectionId, ErrorCode, Origin, Timestamp, UserId};
use fanline_protocol::{
    Caller, ChannelInfo, ChannelQuery, HistoryPage, HistoryQuery, Item, PublishBatch,
    PublishResult, Realtime, Refusal,
};
use fanline_tenancy::access::{Action, decide};
use fanline_tenancy::{AppRef, Capabilities, Proof};

use super::{World, check};

#[async_trait]
impl Realtime for World {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn authenticate(&self, app: &AppRef, proof: &Proof) -> Result<Caller, Refusal> {
        let verified = self.verifier.authenticate(app, proof).await?;
        Ok(Caller {
            app: verified.app,
            authority: verified.authority,
        })
    }

    async fn publish(
        &self,
        caller: &Caller,
        batch: PublishBatch,
    ) -> Result<Vec<PublishResult>, Refusal> {
        assert!(
            batch.all_or_nothing,
            "Pusher's API publishes all or nothing"
        );
        for call in &batch.calls {
            decide(
                &caller.app,
                &caller.authority,
                Action::Publish,
                &call.channel,
                false,
            )?;
            check(&call.items)?;
        }
        let publish = |call: fanline_protocol::PublishCall| {
            let origin = Origin {
                exclude: call.exclude,
                ..Origin::default()
            };
            for item in call.items {
                self.publish(&caller.app.id, &call.channel, item, &origin);
            }
            Ok(Vec::new())
        };
        Ok(batch.calls.into_iter().map(publish).collect())
    }

    async fn channel(&self, caller: &Caller, channel: &Channel) -> Result<ChannelInfo, Refusal> {
        decide(
            &caller.app,
            &caller.authority,
            Action::Inspect,
            channel,
            false,
        )?;
        let connections = self
            .occupied(caller)
            .get(channel)
            .copied()
            .unwrap_or_default();
        Ok(info(channel.clone(), connections))
    }

    async fn channels(
        &self,
        caller: &Caller,
        query: ChannelQuery,
    ) -> Result<(Vec<ChannelInfo>, bool), Refusal> {
        let occupied = self.occupied(caller).into_iter().filter(|(channel, _)| {
            let name = channel.to_string();
            name.starts_with(&query.prefix)
                && query.after.as_deref().is_none_or(|after| *name > *after)
        });
        let mut infos: Vec<_> = occupied
            .map(|(channel, count)| info(channel, count))
            .collect();
        // Pages of two, so that the reader must turn them.
        let more = infos.len() > 2;
        infos.truncate(2);
        Ok((infos, more))
    }

    async fn history(&self, _: &Caller, _: HistoryQuery) -> Result<HistoryPage, Refusal> {
        Err(Refusal::new(
            ErrorCode::NotSupported,
            "Pusher's API reads no log",
        ))
    }

    async fn mint(
        &self,
        _: &Caller,
        _: Option<UserId>,
        _: Capabilities,
        _: Vec<Channel>,
        _: Duration,
    ) -> Result<(String, Timestamp), Refusal> {
        Err(Refusal::new(
            ErrorCode::NotSupported,
            "Pusher's API mints no token",
        ))
    }

    async fn deliver(
        &self,
        _: &Caller,
        _: ConnectionId,
        _: &Channel,
        _: Item,
    ) -> Result<bool, Refusal> {
        Err(Refusal::new(
            ErrorCode::NotSupported,
            "Pusher's API speaks to no connection",
        ))
    }
}

impl World {
    fn occupied(&self, caller: &Caller) -> BTreeMap<Channel, u64> {
        let mut occupied = BTreeMap::new();
        for seat in &self.state().seats {
            let own = seat
                .standing
                .as_ref()
                .is_some_and(|(_, own)| own.app.id == caller.app.id);
            for (channel, _) in seat
                .subscriptions
                .iter()
                .filter(|_| own && seat.closed.is_none())
            {
                *occupied.entry(channel.clone()).or_default() += 1;
            }
        }
        occupied
    }
}

fn info(channel: Channel, connections: u64) -> ChannelInfo {
    ChannelInfo {
        channel,
        connections,
        members: 0,
        head: None,
    }
}
