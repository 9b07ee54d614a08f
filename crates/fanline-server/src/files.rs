//! How many files, sockets included, the process may have open.

/// Raises the soft limit to the hard one: every connection is a file, and the usual soft limit of 1,024
/// is meant for programs that use `select`. What cannot be raised is told by the accept loop in time.
#[cfg(unix)]
pub(crate) fn raise_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => tracing::debug!(files = ?limit.maximum, "raised the limit of open files"),
        Err(error) => tracing::warn!(%error, "cannot raise the limit of open files"),
    }
}

/// How many a server may have open once it has raised its limit; none if there is no limit.
#[cfg(unix)]
pub(crate) fn most() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum
}

/// Elsewhere there is no such limit.
#[cfg(not(unix))]
pub(crate) fn most() -> Option<u64> {
    None
}

/// Elsewhere there is no such limit.
#[cfg(not(unix))]
pub(crate) fn raise_limit() {}
