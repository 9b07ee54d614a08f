//! Plain servers that follow each other, without a cluster to decide it.

use anyhow::{Result, ensure};
use redis::InfoDict;

use super::server::RedisServer;
use super::wait;

impl RedisServer {
    /// Makes it a replica of another one, and waits until it has everything and is told of each change.
    pub async fn follow(&self, primary: &Self) -> Result<()> {
        // Else the primary waits for further replicas before it sends anything.
        let mut at_once = redis::cmd("CONFIG");
        at_once.arg("SET").arg("repl-diskless-sync-delay").arg(0);
        primary.ask::<()>(&at_once).await?;
        let (port, _) = primary.ports();
        let mut follow = redis::cmd("REPLICAOF");
        follow.arg(primary.ip().to_string()).arg(port);
        self.ask::<()>(&follow).await?;
        wait::until("a replica follows", || self.must_follow()).await
    }

    /// Makes it a primary, with what it has.
    pub async fn follow_nobody(&self) -> Result<()> {
        let mut stand_alone = redis::cmd("REPLICAOF");
        stand_alone.arg("NO").arg("ONE");
        self.ask(&stand_alone).await
    }

    async fn must_follow(&self) -> Result<()> {
        let state: InfoDict = self.ask(redis::cmd("INFO").arg("replication")).await?;
        let link: Option<String> = state.get("master_link_status");
        ensure!(link.as_deref() == Some("up"), "its link is {link:?}");
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use redis::AsyncCommands as _;

    use super::*;

    #[tokio::test]
    async fn a_replica_has_everything_and_keeps_it_when_it_stands_alone() {
        let (primary, replica) = (
            RedisServer::start().await.unwrap(),
            RedisServer::start().await.unwrap(),
        );
        let () = primary
            .connect()
            .await
            .unwrap()
            .set("foo", 1)
            .await
            .unwrap();
        replica.follow(&primary).await.unwrap();
        let mut connection = replica.connect().await.unwrap();
        assert_eq!(connection.get::<_, u32>("foo").await.unwrap(), 1);
        assert!(connection.set::<_, _, ()>("foo", 2).await.is_err());
        replica.follow_nobody().await.unwrap();
        let () = connection.set("foo", 2).await.unwrap();
    }
}
