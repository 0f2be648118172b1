//! Which calls may be asked again when their answer was lost.

use serde_json::Value;
use wire::Scope;
use wire::frame::Response;
use wire::methods::{self, Access, Method as _};

/// A call that only reads, or that the Gateway knows again by its key (RECON-6).
pub(super) fn may_repeat(method: &str, params: Option<&Value>) -> bool {
    let Some(row) = methods::find(method) else { return false };
    let has_key = || params.and_then(|params| params["idempotencyKey"].as_str()).is_some_and(|key| !key.is_empty());
    let reads = matches!(row.access, Access::Operator(Scope::Read) | Access::Shared(Scope::Read) | Access::Everyone);
    reads || method == methods::agent::Wait::NAME || (row.idempotent && has_key())
}

/// Whether a run was cut short by the Gateway going down; it goes on by itself when the Gateway is back.
pub(super) fn is_interrupted(answer: &Response) -> bool {
    answer.error.as_ref().and_then(|error| error.detail_code()) == Some("RUN_INTERRUPTED")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// RECON-6
    #[test]
    fn what_acts_is_asked_again_only_under_a_key() {
        let keyed = json!({"idempotencyKey": "k"});
        assert!(may_repeat("agent", Some(&keyed)) && may_repeat("chat.send", Some(&keyed)));
        assert!(!may_repeat("agent", Some(&json!({}))) && !may_repeat("chat.send", None));
        assert!(may_repeat("chat.history", None) && may_repeat("agent.wait", None));
        assert!(!may_repeat("config.set", Some(&keyed)) && !may_repeat("nosuch", Some(&keyed)));
    }
}
