//! What every operation is given.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use fanline_broker::Nodes;
use fanline_model::{AppId, ErrorCode, Random};
use fanline_store::{Operator, Store, StoreError};

use crate::changes::AppChanges;
use crate::problem::Problem;

/// The store, who must hear of changes, and which nodes there are.
#[derive(Clone)]
pub struct ControlState {
    store: Store,
    changes: Arc<dyn AppChanges>,
    nodes: Arc<dyn Nodes>,
    random: Arc<dyn Random>,
}

// === impl ControlState ===

impl ControlState {
    /// The state of an admin API over this store.
    pub fn new(
        store: Store,
        changes: Arc<dyn AppChanges>,
        nodes: Arc<dyn Nodes>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self {
            store,
            changes,
            nodes,
            random,
        }
    }

    /// The scope of every tenant.
    pub(crate) fn operator(&self) -> Operator {
        self.store.operator()
    }

    /// The registry of nodes.
    pub(crate) fn nodes(&self) -> &dyn Nodes {
        &*self.nodes
    }

    /// What a caller is told where something that the operation needs does not answer.
    pub(crate) fn unavailable(&self, error: &dyn std::error::Error) -> Problem {
        Problem::logged(ErrorCode::Unavailable, error, &*self.random)
    }

    /// What a caller is told of a failure. Faults of ours are told by number only; the log has the rest.
    pub(crate) fn problem(&self, error: StoreError) -> Problem {
        Problem::of_store(error, &*self.random)
    }

    /// Makes a change and tells of it. Both happen even if the caller goes away meanwhile: a change that
    /// nobody heard of would be in force only at the next one.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        app: AppId,
        change: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, Problem> {
        let changes = self.changes.clone();
        let whole = tokio::spawn(async move {
            let done = change.await?;
            changes.changed(&app).await;
            Ok(done)
        });
        match whole.await {
            Ok(outcome) => outcome.map_err(|error| self.problem(error)),
            Err(fault) => Err(Problem::internal(&fault, &*self.random)),
        }
    }
}

impl fmt::Debug for ControlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlState").finish_non_exhaustive()
    }
}
