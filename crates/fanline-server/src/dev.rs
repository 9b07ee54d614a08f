//! What `fanline dev` adds: a live page, a page for pusher-js, helpers that sign for pages of this
//! machine, and a greeting that says how to use all of it.
//!
//! Nothing of this is in `serve`. Everything is behind [`loopback::only`]: it hands out signatures to
//! whoever asks from this machine.

mod greeting;
mod pages;
mod policy;
mod pusher_auth;
mod token;

use std::sync::Arc;

use anyhow::Context as _;
use axum::{
    Router, middleware,
    routing::{any, get, post},
};
use fanline_edge::Mounts;
use fanline_protocol::Realtime;

use crate::{
    cli::{Output, say},
    credentials::Credentials,
    http_service, loopback, serve,
    wire::Installation,
};

/// The mode of `fanline dev`.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    output: Output,
}

/// What every page and helper is given.
#[derive(Clone)]
struct Dev {
    made: Arc<Credentials>,
    realtime: Arc<dyn Realtime>,
}

// === impl Mode ===

impl Mode {
    /// Greets people, or scripts.
    #[must_use]
    pub const fn new(output: Output) -> Self {
        Self { output }
    }
}

impl serve::Mode for Mode {
    fn listener_names(&self) -> serve::Names {
        ["--listen", "--admin-listen", "--ops-listen"]
    }

    fn preset_for_pusher(&self) -> bool {
        true
    }

    fn mounts(&self, mounts: Mounts, installation: &Installation, made: &Credentials) -> Mounts {
        let dev = Dev {
            made: Arc::new(made.clone()),
            realtime: installation.realtime(),
        };
        mounts.with_service("/", http_service::of(router(dev)))
    }

    fn serving(&self, served: &serve::Served) -> anyhow::Result<()> {
        let made = served
            .made
            .as_ref()
            .context("`fanline dev` makes its own app")?;
        match self.output {
            Output::Json => say(serde_json::to_string(made)?)?,
            Output::Text => say(greeting::text(made))?,
        }
        Ok(())
    }
}

fn router(dev: Dev) -> Router {
    let helpers = Router::new()
        .route("/dev/token", post(token::mint))
        .route("/dev/pusher/auth", post(pusher_auth::channel))
        .route("/dev/pusher/user-auth", post(pusher_auth::user))
        .layer(middleware::from_fn(policy::open_to_pages_of_this_machine));
    Router::new()
        .route("/", get(pages::live))
        .route("/dev/live.css", get(pages::live_style))
        .route("/dev/live.js", get(pages::live_script))
        .route("/dev/icon.svg", get(pages::icon))
        .route("/favicon.ico", get(pages::icon))
        .route("/dev/pusher", get(pages::pusher))
        .route("/dev/pusher.html", get(pages::pusher))
        .merge(helpers)
        .fallback(any(pages::nothing_here))
        .layer(middleware::map_response(policy::strict))
        .layer(middleware::from_fn(loopback::only))
        .with_state(dev)
}

#[cfg(test)]
mod tests;
