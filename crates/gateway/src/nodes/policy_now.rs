//! The policy of the config in force. It is asked twice for every call, and worked out once for every config.

use std::sync::{Arc, Mutex, PoisonError};

use config::Config;

use super::policy::Policy;

/// The last config it was worked out for, and what came of it.
#[derive(Default)]
pub(super) struct PolicyNow(Mutex<Option<(Arc<Config>, Arc<Policy>)>>);

impl PolicyNow {
    /// That of `config`.
    pub(super) fn of(&self, config: Arc<Config>) -> Arc<Policy> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some((of, policy)) if Arc::ptr_eq(of, &config) => policy.clone(),
            _ => {
                let policy = Arc::new(Policy::of(&config));
                *known = Some((config, policy.clone()));
                policy
            }
        }
    }
}
