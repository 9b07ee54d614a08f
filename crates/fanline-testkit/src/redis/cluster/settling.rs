//! When nothing is going on any more: what is left of the cluster agrees with itself.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use anyhow::{Result, ensure};
use redis::InfoDict;

use super::view::View;
use super::{Node, RedisCluster};
use crate::redis::wait;

/// Of each running node, by id, whom it follows and which slots it serves.
type Roles = BTreeMap<String, (Option<String>, Vec<RangeInclusive<u16>>)>;

impl RedisCluster {
    /// Waits until running nodes serve all slots, agree about it, suspect none of each other, and every
    /// running replica follows. So after a kill it waits for the election; a freeze that was thawed
    /// before anybody noticed is settled at once; and a shard without any running node never settles.
    pub async fn wait_until_settled(&self) -> Result<()> {
        wait::until("the cluster settles", || self.must_be_settled()).await
    }

    async fn must_be_settled(&self) -> Result<()> {
        let mut agreed = None;
        for node in self.running() {
            let roles = self.roles_if_settled(node).await?;
            ensure!(
                *agreed.get_or_insert_with(|| roles.clone()) == roles,
                "{} disagrees about who does what",
                self.address(node)
            );
        }
        Ok(())
    }

    async fn roles_if_settled(&self, node: Node) -> Result<Roles> {
        let address = self.address(node);
        let information: String = self.ask(node, redis::cmd("CLUSTER").arg("INFO")).await?;
        ensure!(
            information.contains("cluster_state:ok"),
            "{address} says {}",
            information.lines().next().unwrap_or_default()
        );

        let view = self.view(node).await?;
        let roles = self.roles(&view);
        ensure!(
            roles.len() == self.running().count(),
            "{address} does not see every running node well"
        );
        let served: usize = roles
            .values()
            .flat_map(|(_, slots)| slots)
            .map(ExactSizeIterator::len)
            .sum();
        ensure!(
            served == 16_384,
            "{address} sees only {served} slots served by running nodes"
        );
        if let Some(primary) = &view.own()?.follows {
            ensure!(
                roles.contains_key(primary),
                "{address} follows a node that does not run"
            );
            let state: InfoDict = self
                .ask(node, redis::cmd("INFO").arg("replication"))
                .await?;
            let link: Option<String> = state.get("master_link_status");
            ensure!(
                link.as_deref() == Some("up"),
                "{address} has no link to its primary"
            );
        }
        Ok(roles)
    }

    /// Of those that run and are seen well.
    fn roles(&self, view: &View) -> Roles {
        view.nodes()
            .iter()
            .filter(|seen| seen.is_well && self.running().any(|node| self.id(node) == seen.id))
            .map(|seen| {
                let role = (seen.follows.clone(), seen.slots.clone());
                (seen.id.clone(), role)
            })
            .collect()
    }
}
