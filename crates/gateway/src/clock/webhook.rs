//! `delivery.mode: "webhook"`: the end of a run is posted to a URL its maker named, a few times if need be.

use std::time::Duration;

use channels::post::{self, Allowed};
use serde_json::Value;

use crate::services::Services;

/// What is waited before each further try.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

/// Posts `body`; the URL's answer beyond its status means nothing.
///
/// # Errors
/// One sentence, without the URL's secrets.
pub(super) async fn post(services: &Services, to: &str, body: &Value) -> Result<(), String> {
    let config = services.config.current();
    let policy = &config.cron.webhook_ssrf_policy;
    let allowed = Allowed {
        private: policy.dangerously_allow_private_network,
        hosts: policy.allowed_hostnames.clone(),
        blocked: policy.blocked_hostnames.clone(),
    };
    let token = config.cron.webhook_token.as_ref();
    let mut pauses = PAUSES.into_iter();
    loop {
        match post::json(to, token, body, &allowed).await {
            Ok(()) => return Ok(()),
            Err(failure) if failure.may_pass => match pauses.next() {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(failure.why),
            },
            Err(failure) => return Err(failure.why),
        }
    }
}
