//! The `cron` section: the jobs of the clock.

use base::Secret;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::unit;

/// The `cron` section.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Cron {
    /// Whether jobs begin by themselves.
    pub enabled: bool,
    /// Jobs at work at the same time.
    #[schemars(range(min = 1))]
    pub max_concurrent_runs: usize,
    /// Whether recurring jobs that were due while nothing ran are left out.
    pub skip_missed_jobs: bool,
    /// What a webhook is shown as `Authorization: Bearer …`.
    #[schemars(schema_with = "unit::secret")]
    pub webhook_token: Option<Secret>,
    /// Which hosts a webhook may lead to.
    pub webhook_ssrf_policy: WebhookSsrfPolicy,
    /// How long the conversation of an isolated job stays after its last run; kept, they stay.
    #[schemars(schema_with = "unit::anything")]
    pub session_retention: Option<Value>,
    /// When failures are told; each job may say its own.
    #[schemars(schema_with = "unit::anything")]
    pub failure_alert: Option<Value>,
    /// Conditions that begin jobs; kept, there are none.
    #[schemars(schema_with = "unit::anything")]
    pub triggers: Option<Value>,
    /// Where January kept its jobs; kept.
    pub store: Option<String>,
    /// January's one URL for all; kept.
    pub webhook: Option<String>,
    /// Kept.
    #[schemars(schema_with = "unit::anything")]
    pub retry: Option<Value>,
    /// Kept.
    #[schemars(schema_with = "unit::anything")]
    pub run_log: Option<Value>,
    /// Kept.
    #[schemars(schema_with = "unit::anything")]
    pub failure_destination: Option<Value>,
}

impl Default for Cron {
    fn default() -> Self {
        Self {
            enabled: true,
            max_concurrent_runs: 4,
            skip_missed_jobs: false,
            webhook_token: None,
            webhook_ssrf_policy: WebhookSsrfPolicy::default(),
            session_retention: None,
            failure_alert: None,
            triggers: None,
            store: None,
            webhook: None,
            retry: None,
            run_log: None,
            failure_destination: None,
        }
    }
}

/// `cron.webhookSsrfPolicy`: private and local addresses are refused unless it says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WebhookSsrfPolicy {
    /// Hosts that may be private.
    pub allowed_hostnames: Vec<String>,
    /// Hosts that are refused; `*.example.com` for all below one.
    pub blocked_hostnames: Vec<String>,
    /// Any private address may be reached.
    pub dangerously_allow_private_network: bool,
    /// Kept.
    pub allow_rfc2544_benchmark_range: bool,
    /// Kept.
    pub allow_ipv6_unique_local_range: bool,
}
