//! The runs this Gateway asked nodes for. What a node says of a run counts only when it is one of these, on the same
//! connection (N-7.6). Pure but for the lock.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::rpc::ConnId;

/// How long after its own time a run may still be told of.
const GRACE: Duration = Duration::from_secs(5 * 60);
/// Runs that are remembered; then the first asked for is forgotten.
const MAX: usize = 4096;

/// A run a node was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IssuedRun {
    /// The node.
    pub(crate) node_id: String,
    /// The connection it was asked on.
    pub(crate) conn_id: ConnId,
    /// The run.
    pub(crate) run_id: String,
    /// The session on whose behalf; what the node says must name the same.
    pub(crate) session_key: Option<String>,
}

/// The runs.
#[derive(Default)]
pub(crate) struct Issued(Mutex<VecDeque<(Instant, IssuedRun)>>);

impl Issued {
    /// A node is about to be asked for a run that takes `limit` at most.
    pub(crate) fn issue(&self, now: Instant, run: IssuedRun, limit: Duration) {
        let mut runs = self.lock();
        runs.retain(|(until, _)| *until > now);
        if runs.len() >= MAX {
            runs.pop_front();
        }
        runs.push_back((now + limit + GRACE, run));
    }

    /// Whether `said` names a run that was asked for: the same node, connection, run and session.
    pub(crate) fn knows(&self, now: Instant, said: &IssuedRun) -> bool {
        self.lock().iter().any(|(until, run)| *until > now && run == said)
    }

    /// As [`Issued::knows`], for the last word on a run: it is not known afterwards.
    pub(crate) fn take(&self, now: Instant, said: &IssuedRun) -> bool {
        let mut runs = self.lock();
        match runs.iter().position(|(until, run)| *until > now && run == said) {
            Some(at) => runs.remove(at).is_some(),
            None => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Instant, IssuedRun)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-7.6
    #[test]
    fn a_run_is_known_to_its_node_on_its_connection_until_it_is_over() {
        let (issued, now, limit) = (Issued::default(), Instant::now(), Duration::from_secs(10));
        let run = IssuedRun {
            node_id: "n".into(),
            conn_id: ConnId::random(),
            run_id: "r".into(),
            session_key: Some("agent:main:main".into()),
        };
        issued.issue(now, run.clone(), limit);
        let lies = [
            IssuedRun { node_id: "m".into(), ..run.clone() },
            IssuedRun { conn_id: ConnId::random(), ..run.clone() },
            IssuedRun { run_id: "s".into(), ..run.clone() },
            IssuedRun { session_key: None, ..run.clone() },
        ];
        assert!(lies.iter().all(|lie| !issued.knows(now, lie) && !issued.take(now, lie)));
        assert!(issued.knows(now, &run) && issued.knows(now + limit + GRACE / 2, &run));
        assert!(!issued.take(now + limit + GRACE, &run), "too late");
        assert!(issued.take(now, &run));
        assert!(!issued.knows(now, &run), "its last word was said");
    }
}
