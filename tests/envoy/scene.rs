//! Everything that a test needs: a client's way in, Envoy, tenantgate and an upstream.

use serde_json::json;
use tempfile::TempDir;

use crate::client::Request;
use crate::envoy::{Envoy, OVER_A_SOCKET, OVER_TCP, placed};
use crate::gate::{EXAMPLE, Gate, write_policy};
use crate::patience::until;
use crate::upstream::Upstream;

pub(crate) struct Scene {
    pub(crate) envoy: Envoy,
    pub(crate) gate: Gate,
    pub(crate) upstream: Upstream,
    pub(crate) directory: TempDir,
}

impl Scene {
    /// As shipped.
    pub(crate) async fn new() -> Self {
        Self::with(|shipped| shipped).await
    }

    /// With another configuration of Envoy.
    pub(crate) async fn with(edit: impl FnOnce(String) -> String) -> Self {
        let directory = TempDir::new().unwrap();
        write_policy(directory.path(), EXAMPLE);
        Self::ready(directory, OVER_TCP, "127.0.0.1:0", edit).await
    }

    /// With tenantgate behind a Unix socket.
    pub(crate) async fn over_a_socket() -> Self {
        let directory = TempDir::new().unwrap();
        write_policy(directory.path(), EXAMPLE);
        let check = format!("unix:{}", directory.path().join("check.sock").display());
        Self::ready(directory, OVER_A_SOCKET, &check, |shipped| shipped).await
    }

    /// With a tenantgate at `check` that may be replaced while it runs.
    pub(crate) async fn that_rolls(check: &str) -> Self {
        let directory = TempDir::new().unwrap();
        write_policy(directory.path(), EXAMPLE);
        let listen = json!({"check": check, "reuse_port": true});
        let gate = Gate::start_on(&directory, &json!({"listen": listen})).await;
        let shipped = if check.starts_with("unix:") { OVER_A_SOCKET } else { OVER_TCP };
        Self::around(directory, shipped, gate, |placed, _| placed).await.trusted().await
    }

    /// With `gate` that is ready, and a configuration of Envoy that may depend on it.
    pub(crate) async fn of(
        directory: TempDir,
        gate: Gate,
        edit: impl FnOnce(String, &Gate) -> String,
    ) -> Self {
        Self::around(directory, OVER_TCP, gate, edit).await.trusted().await
    }

    /// With a tenantgate that has no policy yet and is not ready.
    pub(crate) async fn without_policy() -> Self {
        Self::start(TempDir::new().unwrap(), OVER_TCP, "127.0.0.1:0", |shipped| shipped).await
    }

    async fn ready(
        directory: TempDir,
        shipped: &str,
        check: &str,
        edit: impl FnOnce(String) -> String,
    ) -> Self {
        Self::start(directory, shipped, check, edit).await.trusted().await
    }

    /// With a `gate` that Envoy may not find.
    pub(crate) async fn beside(directory: TempDir, gate: Gate, edit: impl FnOnce(String) -> String) -> Self {
        Self::around(directory, OVER_TCP, gate, |placed, _| edit(placed)).await
    }

    pub(crate) async fn trusted(self) -> Self {
        until("Envoy to find tenantgate", async || self.envoy.trusts_gate().await.then_some(())).await;
        self
    }

    async fn start(
        directory: TempDir,
        shipped: &str,
        check: &str,
        edit: impl FnOnce(String) -> String,
    ) -> Self {
        let gate = Gate::start(&directory, check).await;
        Self::around(directory, shipped, gate, |placed, _| edit(placed)).await
    }

    async fn around(
        directory: TempDir,
        shipped: &str,
        gate: Gate,
        edit: impl FnOnce(String, &Gate) -> String,
    ) -> Self {
        let upstream = Upstream::start().await;
        let configuration = edit(placed(shipped, upstream.address, gate.address()), &gate);
        let envoy = Envoy::start(directory.path(), &configuration).await;
        Self { envoy, gate, upstream, directory }
    }

    /// With an Envoy that is started with `options`; gives its configuration too.
    pub(crate) async fn with_options(
        options: &[&str],
        edit: impl FnOnce(String) -> String,
    ) -> (Self, String) {
        let directory = TempDir::new().unwrap();
        write_policy(directory.path(), EXAMPLE);
        let gate = Gate::start(&directory, "127.0.0.1:0").await;
        let upstream = Upstream::start().await;
        let configuration = edit(placed(OVER_TCP, upstream.address, gate.address()));
        let envoy = Envoy::start_with(directory.path(), &configuration, options).await;
        (Self { envoy, gate, upstream, directory }.trusted().await, configuration)
    }

    pub(crate) fn get(&self, path: &str) -> Request {
        Request::new(self.envoy.edge, "GET", path)
    }

    pub(crate) fn post(&self, path: &str) -> Request {
        Request::new(self.envoy.edge, "POST", path)
    }

    pub(crate) fn options(&self, path: &str) -> Request {
        Request::new(self.envoy.edge, "OPTIONS", path)
    }
}
