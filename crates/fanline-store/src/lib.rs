//! Where tenants, apps, keys and rules are kept: SQL behind a tenant's [`Scope`].
//!
//! No statement runs without a scope: a [`Scope`] names its tenant in every statement, and what crosses
//! tenants goes through the visibly named [`Operator`] scope. Every statement, single reads too, runs in
//! an explicit transaction (TENANCY 13). Secrets are hashed or sealed before they come to a statement.

mod apps;
mod audit;
mod bootstrap;
mod directory;
pub mod document;
mod error;
mod namespaces;
mod operators;
mod scope;
mod snapshot;
mod vault;

pub use audit::{Actor, AuditLine};
pub use bootstrap::{BootstrapRequest, Bootstrapped, PusherCredentials, SigningCredentials};
pub use directory::StoreDirectory;
pub use error::StoreError;
pub use namespaces::Put;
pub use operators::{OperatorAccess, OperatorToken};
pub use scope::{Operator, Scope, Store};
pub use vault::Vault;
