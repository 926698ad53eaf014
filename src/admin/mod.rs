//! The admin port: is it alive, is it ready, what does it count. These always answer.

mod http1;
mod ready;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

pub use self::http1::{Serving, serve};
pub use self::ready::{CertificatesState, KeysState, PolicyState, Readiness, Report, StoreState};
use crate::telemetry::Metrics;

/// What the admin port tells of.
pub trait Observed: Send + Sync + 'static {
    /// Whether it is ready, and what each part is like.
    fn report(&self) -> Report;
    /// Brings measured values up to date.
    fn sample(&self, metrics: &Metrics);
}

struct Admin {
    observed: Box<dyn Observed>,
    metrics: Arc<Metrics>,
}

/// The routes of the admin port.
pub fn router(observed: impl Observed, metrics: Arc<Metrics>) -> Router {
    let admin = Arc::new(Admin { observed: Box::new(observed), metrics });
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .with_state(admin)
}

async fn readyz(State(admin): State<Arc<Admin>>) -> Response {
    let report = admin.observed.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::to_string(&report).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn metrics_text(State(admin): State<Arc<Admin>>) -> Response {
    admin.observed.sample(&admin.metrics);
    let revision = admin.observed.report().policy.revision;
    let text = admin.metrics.render(revision.as_deref());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
