//! One line sets an installation up: two tenants with an app each, and the API in front of them.

use std::sync::Arc;

use axum::body::Body;
use fanline_broker::Nodes;
use fanline_broker::memory::MemoryNodes;
use fanline_control::{ControlState, router};
use fanline_model::{AppId, ManualClock, SeededRandom, Timestamp};
use fanline_store::{BootstrapRequest, Bootstrapped, Store, StoreDirectory, Vault};
use fanline_tenancy::{AppRef, AppSnapshot, CachedDirectory, Directory, HashKeys, MasterKey};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt as _;

pub(crate) struct World {
    _folder: TempDir,
    pub(crate) store: Store,
    pub(crate) directory: Arc<CachedDirectory>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) nodes: Arc<dyn Nodes>,
    pub(crate) shop: Bootstrapped,
    pub(crate) other: Bootstrapped,
    router: axum::Router,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_795_953_600)));
        let vault = Vault::new(MasterKey::new(1, [1; 32]), HashKeys::new(1, [2; 32]));
        let random = Arc::new(SeededRandom::new(3));
        let file = folder.path().join("fanline.db");
        let store = Store::open(&file, vault, clock.clone(), random.clone())
            .await
            .unwrap();
        let make = async |name: &str| {
            let request = BootstrapRequest {
                tenant_name: name.into(),
                app_name: name.into(),
                preset_for_pusher: true,
            };
            store
                .operator()
                .bootstrap(&request, |_| Ok(()))
                .await
                .unwrap()
        };
        let (shop, other) = (make("shop").await, make("other").await);
        let directory = Arc::new(CachedDirectory::new(
            Arc::new(StoreDirectory::new(&store)),
            clock.clone(),
        ));
        let nodes: Arc<dyn Nodes> = Arc::new(MemoryNodes::new(clock.clone()));
        let state = ControlState::new(store.clone(), directory.clone(), nodes.clone(), random);
        Self {
            _folder: folder,
            store,
            directory,
            clock,
            nodes,
            shop,
            other,
            router: router(state),
        }
    }

    /// Calls as the operator.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header(
            "authorization",
            format!("Bearer {}", self.shop.operator_token.expose()),
        );
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap()
        };
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// The path of something in the shop.
    pub(crate) fn shop(&self, rest: &str) -> String {
        path(&self.shop.app_id, rest)
    }

    /// The shop as the edge sees it, through the cache.
    pub(crate) async fn seen(&self) -> Arc<AppSnapshot> {
        self.directory
            .app(&AppRef::Id(self.shop.app_id.clone()))
            .await
            .unwrap()
    }
}

pub(crate) fn path(app: &AppId, rest: &str) -> String {
    format!("/admin/v1/apps/{app}{rest}")
}

impl Answer {
    /// Asserts a problem of this kind, and gives its sentence.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> &str {
        assert_eq!(
            (self.status.as_u16(), self.body["code"].as_str()),
            (status, Some(code)),
            "{self:?}"
        );
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["type"], format!("urn:fanline:problem:{code}"));
        self.body["detail"].as_str().unwrap()
    }
}
