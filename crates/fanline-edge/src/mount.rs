//! What is served where: a mount is a path, what stands behind it, and how one gets there.
//!
//! Mounts are declared by whoever builds the server; nothing here knows what a protocol says.

use std::{fmt, sync::Arc};

use fanline_protocol::{HttpService, Protocol, Transport};

/// The mounts of one listener.
#[derive(Clone, Debug, Default)]
pub struct Mounts {
    sockets: Vec<SocketMount>,
    services: Vec<ServiceMount>,
}

/// A path at which a protocol's connections open.
#[derive(Clone)]
pub(crate) struct SocketMount {
    path: &'static str,
    protocol: Arc<dyn Protocol>,
    transports: &'static [Transport],
}

#[derive(Clone)]
struct ServiceMount {
    path: &'static str,
    service: HttpService,
}

/// Where a request belongs.
#[derive(Debug)]
pub(crate) enum Place<'a> {
    /// A connection of this protocol; the text is the path beyond the mount.
    Socket(&'a SocketMount, &'a str),
    /// An HTTP service.
    Service(&'a HttpService),
    /// Nowhere.
    Nowhere,
}

// === impl Mounts ===

impl Mounts {
    /// No mounts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Connections of `protocol` open at `path` and below, over these transports.
    #[must_use]
    pub fn with_protocol(
        mut self,
        path: &'static str,
        protocol: Arc<dyn Protocol>,
        transports: &'static [Transport],
    ) -> Self {
        self.sockets.push(SocketMount {
            path,
            protocol,
            transports,
        });
        self.sockets
            .sort_by_key(|mount| usize::MAX - mount.path.len());
        self
    }

    /// `service` answers requests at `path` and below. It sees their whole path.
    #[must_use]
    pub fn with_service(mut self, path: &'static str, service: HttpService) -> Self {
        self.services.push(ServiceMount { path, service });
        self.services
            .sort_by_key(|mount| usize::MAX - mount.path.len());
        self
    }

    /// Where a path belongs: to the longest mount that covers it, and of two equally long to the
    /// protocol's.
    pub(crate) fn place<'a>(&'a self, path: &'a str) -> Place<'a> {
        let socket = first_cover(self.sockets.iter().map(|mount| (mount.path, mount)), path);
        let service = first_cover(self.services.iter().map(|mount| (mount.path, mount)), path);
        match (socket, service) {
            (Some((mount, rest)), None) => Place::Socket(mount, rest),
            (Some((mount, rest)), Some((other, _))) if mount.path.len() >= other.path.len() => {
                Place::Socket(mount, rest)
            }
            (_, Some((mount, _))) => Place::Service(&mount.service),
            (None, None) => Place::Nowhere,
        }
    }
}

/// The first mount that covers the path, and what of the path lies beyond it, without its slash.
fn first_cover<T>(
    mut mounts: impl Iterator<Item = (&'static str, T)>,
    path: &str,
) -> Option<(T, &str)> {
    mounts.find_map(|(mount, found)| {
        let rest = path.strip_prefix(mount.trim_end_matches('/'))?;
        let beyond = match rest.strip_prefix('/') {
            Some(beyond) => beyond,
            None if rest.is_empty() => "",
            None => return None,
        };
        Some((found, beyond))
    })
}

// === impl SocketMount ===

impl SocketMount {
    pub(crate) fn protocol(&self) -> &Arc<dyn Protocol> {
        &self.protocol
    }

    pub(crate) fn carries(&self, transport: Transport) -> bool {
        self.transports.contains(&transport)
    }
}

impl fmt::Debug for SocketMount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketMount")
            .field("path", &self.path)
            .field("protocol", &self.protocol.name())
            .field("transports", &self.transports)
            .finish()
    }
}

impl fmt::Debug for ServiceMount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceMount")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fanline_model::{Channel, Message};
    use fanline_protocol::{Command, Dialect, Event, Format, Frame, Liveness, Open, full_body};
    use tower::util::BoxCloneSyncService;

    use super::*;

    struct Mute(&'static str);

    impl Protocol for Mute {
        fn name(&self) -> &'static str {
            self.0
        }

        fn open(&self, _: &Open, _: &mut Vec<Command>) -> Box<dyn Dialect> {
            Box::new(Self(self.0))
        }

        fn encode(&self, _: Format, _: &Channel, _: &Message) -> Option<Frame> {
            None
        }
    }

    impl Dialect for Mute {
        fn liveness(&self) -> Liveness {
            Liveness {
                idle: Duration::from_secs(1),
                answer_within: Duration::from_secs(1),
            }
        }

        fn decode(&mut self, _: Frame, _: &mut Vec<Command>) {}

        fn encode(&mut self, _: Event, _: &mut Vec<Frame>) {}
    }

    fn service() -> HttpService {
        BoxCloneSyncService::new(tower::service_fn(async |_| {
            Ok(http::Response::new(full_body("")))
        }))
    }

    fn place_of(mounts: &Mounts, path: &str) -> String {
        match mounts.place(path) {
            Place::Socket(mount, rest) => format!("{} {rest:?}", mount.protocol.name()),
            Place::Service(_) => "service".to_owned(),
            Place::Nowhere => "nowhere".to_owned(),
        }
    }

    #[test]
    fn the_longest_mount_that_covers_a_path_gets_it() {
        let all = &[Transport::WebSocket];
        let mounts = Mounts::new()
            .with_service("/v1", service())
            .with_protocol("/v1/connect", Arc::new(Mute("short")), all)
            .with_protocol("/v1/connect/more", Arc::new(Mute("long")), all)
            .with_protocol("/app", Arc::new(Mute("keyed")), all);
        for (path, place) in [
            ("/v1", "service"),
            ("/v1/", "service"),
            ("/v1/channels", "service"),
            ("/v1/connect", "short \"\""),
            ("/v1/connect/", "short \"\""),
            ("/v1/connect/x", "short \"x\""),
            ("/v1/connect/more/x/y", "long \"x/y\""),
            ("/v1/connected", "service"),
            ("/app/key", "keyed \"key\""),
            ("/apps/7", "nowhere"),
            ("/v2", "nowhere"),
            ("/", "nowhere"),
        ] {
            assert_eq!(place_of(&mounts, path), place, "{path}");
        }
        let mounts = mounts.with_service("/", service());
        assert_eq!(place_of(&mounts, "/"), "service");
        assert_eq!(place_of(&mounts, "/else/where"), "service");
        assert_eq!(place_of(&mounts, "/app/key"), "keyed \"key\"");
    }
}
