//! Asks one server what it knows of the cluster.

use std::collections::HashMap;

use redis::{Cmd, Pipeline, Value, from_redis_value};

use super::Topology;
use super::nodes::{self, Node};
use super::view::View;
use crate::connector::Link;

/// What a server is.
pub(crate) enum Sight {
    /// It belongs to no cluster.
    Single(Topology),
    /// It is one of a cluster, and sees it so.
    Cluster(View),
}

/// Why a server was of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookError {
    #[error(transparent)]
    Away(#[from] redis::RedisError),
    #[error("its answer to CLUSTER NODES could not be read")]
    Unreadable,
}

/// One server's sight.
pub(crate) async fn look(link: &Link) -> Result<Sight, LookError> {
    let mut questions = Pipeline::with_capacity(3);
    for subject in ["INFO", "SLOTS", "NODES"] {
        questions.add_command(cluster(subject));
    }
    let live = link.open().await?;
    let answers = link.ask_all(&live, &questions).await?;
    if let Some(Value::ServerError(error)) = answers.first()
        && is_disabled(error)
    {
        return Ok(Sight::Single(Topology::single(link.address().clone())));
    }
    let Ok([info, slots, nodes]) = <[Value; 3]>::try_from(answers) else {
        return Err(LookError::Unreadable);
    };
    let (info, nodes) = (text(info)?, text(nodes)?);
    let endpoints = nodes::endpoints(&slots, link.address());
    let nodes = nodes::read(&nodes, &endpoints, link.address()).ok_or(LookError::Unreadable)?;
    let ok = info.lines().any(|line| line == "cluster_state:ok");
    Ok(Sight::Cluster(View::new(nodes, ok)))
}

/// What one server says of itself, if it is a primary.
pub(super) async fn look_at_itself(link: &Link) -> Result<Option<Node>, LookError> {
    let live = link.open().await?;
    let nodes = text(link.ask(&live, &cluster("NODES")).await?)?;
    let nodes =
        nodes::read(&nodes, &HashMap::new(), link.address()).ok_or(LookError::Unreadable)?;
    Ok(nodes.into_iter().find(|node| node.myself && node.primary))
}

fn cluster(subject: &str) -> Cmd {
    let mut command = redis::cmd("CLUSTER");
    command.arg(subject);
    command
}

fn text(answer: Value) -> Result<String, LookError> {
    let answer = answer.extract_error()?;
    from_redis_value(answer).map_err(|_| LookError::Unreadable)
}

fn is_disabled(error: &redis::ServerError) -> bool {
    let details = error.details().unwrap_or_default();
    details.contains("cluster support disabled")
}
