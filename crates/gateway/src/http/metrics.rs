//! `/metrics` in the Prometheus text format, for direct local callers or with the shared secret.

use std::sync::OnceLock;

use axum::body::Body;
use http::{Response, StatusCode};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::reply;
use crate::machine::Load;
use crate::services::Services;

// One per process: the `metrics` crate has one global recorder, and tests start many Gateways in one process.
static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Starts counting. Without a recorder (another one is installed) `/metrics` says so.
pub(crate) fn install() {
    RECORDER.get_or_init(|| PrometheusBuilder::new().install_recorder().ok());
}

/// What was counted.
pub(crate) fn page(services: &Services) -> Response<Body> {
    let Some(handle) = RECORDER.get().and_then(Option::as_ref) else {
        return reply::text(StatusCode::SERVICE_UNAVAILABLE, "metrics are not recorded in this process");
    };
    metrics::gauge!("openclaw_connections").set(services.hub.len() as f64);
    metrics::gauge!("openclaw_uptime_seconds").set(services.run.started.elapsed().as_secs_f64());
    metrics::gauge!("process_resident_memory_bytes").set(Load::read().resident as f64);
    reply::with_type(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", handle.render())
}
