//! Which run of a session is active, which wait, and what an abort means for each. Pure: the lane task
//! performs each [`Effect`] and reports back.

use std::collections::VecDeque;

use agent::run::AbortReason;

/// The runs of one session, one active at a time, the others first in, first out.
#[derive(Debug, Default)]
pub(super) struct Queue {
    active: Option<String>,
    waiting: VecDeque<String>,
    closing: bool,
}

/// What the lane must do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// Start this run; it is the active one now.
    Start(String),
    /// Tell the active run to stop; it stays active until it says that it has settled.
    Stop(String, AbortReason),
    /// End this run, which never started.
    Discard(String, AbortReason),
}

impl Effect {
    /// The run it is about.
    pub(super) fn run_id(&self) -> &str {
        match self {
            Self::Start(run_id) | Self::Stop(run_id, _) | Self::Discard(run_id, _) => run_id,
        }
    }
}

impl Queue {
    /// A run was accepted.
    pub(super) fn accept(&mut self, run_id: String) -> Option<Effect> {
        self.waiting.push_back(run_id);
        self.next()
    }

    /// The active run is over, however it ended. A run that is not the active one frees nothing.
    pub(super) fn settled(&mut self, run_id: &str) -> Option<Effect> {
        if self.active.as_deref() == Some(run_id) {
            self.active = None;
        }
        self.next()
    }

    /// Somebody wants one run stopped, or all of them: the waiting ones first, then the active one.
    pub(super) fn abort(&mut self, run_id: Option<&str>, reason: AbortReason) -> Vec<Effect> {
        let meant = |id: &String| run_id.is_none_or(|wanted| wanted == id);
        let (dropped, kept) = std::mem::take(&mut self.waiting).into_iter().partition(meant);
        self.waiting = kept;
        let dropped: VecDeque<String> = dropped;
        let discards = dropped.into_iter().map(|id| Effect::Discard(id, reason));
        let stop = self.active.iter().filter(|id| meant(id)).map(|id| Effect::Stop(id.clone(), reason));
        discards.chain(stop).collect()
    }

    /// The Gateway is going down: nothing starts any more, and what waits is kept for the next start.
    pub(super) fn close(&mut self) {
        self.closing = true;
    }

    /// Whether nothing is left to do here.
    pub(super) fn is_idle(&self) -> bool {
        self.active.is_none() && (self.closing || self.waiting.is_empty())
    }

    fn next(&mut self) -> Option<Effect> {
        if self.active.is_some() || self.closing {
            return None;
        }
        self.active = self.waiting.pop_front();
        self.active.clone().map(Effect::Start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue_of(runs: &[&str]) -> Queue {
        let mut queue = Queue::default();
        for run in runs {
            queue.accept((*run).into());
        }
        queue
    }

    fn start(run: &str) -> Option<Effect> {
        Some(Effect::Start(run.into()))
    }

    ///
    #[test]
    fn one_run_is_active_and_the_others_follow_in_order() {
        let mut queue = Queue::default();
        assert_eq!(queue.accept("a".into()), start("a"));
        assert_eq!(queue.accept("b".into()), None);
        assert_eq!(queue.accept("c".into()), None);
        assert_eq!(queue.settled("a"), start("b"));
        assert_eq!(queue.settled("b"), start("c"));
        assert_eq!(queue.settled("c"), None);
        assert!(queue.is_idle());
    }

    ///
    #[test]
    fn an_abort_takes_the_waiting_runs_first_and_then_the_active_one() {
        let mut queue = queue_of(&["a", "b", "c"]);
        let rpc = AbortReason::Rpc;
        let expected =
            [Effect::Discard("b".into(), rpc), Effect::Discard("c".into(), rpc), Effect::Stop("a".into(), rpc)];
        assert_eq!(queue.abort(None, rpc), expected);
        assert!(!queue.is_idle(), "the active run holds the lane until it has settled");
        assert_eq!(queue.settled("a"), None);
        assert!(queue.is_idle());
    }

    #[test]
    fn an_abort_of_one_run_leaves_the_others() {
        let mut queue = queue_of(&["a", "b", "c"]);
        assert_eq!(queue.abort(Some("b"), AbortReason::Rpc), [Effect::Discard("b".into(), AbortReason::Rpc)]);
        assert_eq!(queue.abort(Some("nope"), AbortReason::Rpc), []);
        assert_eq!(queue.abort(Some("a"), AbortReason::Stop), [Effect::Stop("a".into(), AbortReason::Stop)]);
        assert_eq!(queue.settled("a"), start("c"));
    }

    ///
    #[test]
    fn only_the_owner_of_the_lane_releases_it() {
        let mut queue = queue_of(&["a", "b"]);
        assert_eq!(queue.settled("b"), None);
        assert_eq!(queue.settled("x"), None);
        assert_eq!(queue.settled("a"), start("b"));
    }

    ///
    #[test]
    fn a_closing_lane_starts_nothing_and_forgets_what_waits_to_the_store() {
        let mut queue = queue_of(&["a", "b"]);
        queue.close();
        assert!(!queue.is_idle());
        assert_eq!(queue.settled("a"), None);
        assert!(queue.is_idle());
    }
}
