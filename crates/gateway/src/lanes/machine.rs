//! Which run of a session is active, which wait, what an abort means for each, and which of those that wait the active one
//! may take in. Pure: the lane task performs each [`Effect`] and reports back.

use std::collections::VecDeque;
use std::time::Instant;

use agent::run::AbortReason;

use super::how::{Company, How};
use config::{QueueDrop, QueueMode};

/// The runs of one session, one active at a time, the others first in, first out.
#[derive(Debug, Default)]
pub(super) struct Queue {
    active: Option<Active>,
    waiting: VecDeque<Waiting>,
    closing: bool,
}

#[derive(Debug)]
struct Active {
    run_id: String,
    company: Company,
}

#[derive(Debug)]
struct Waiting {
    run_id: String,
    company: Company,
    mode: QueueMode,
    /// It waits for others of its kind until then.
    due: Option<Instant>,
}

/// What the lane must do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// Start this run; it is the active one now.
    Start(String),
    /// Let the active run take this one in, if it still can; it waits all the same.
    Offer(String),
    /// Tell the active run to stop; it stays active until it says that it has settled.
    Stop(String, AbortReason),
    /// End this run, which never started.
    Discard(String, AbortReason),
    /// End this run, which never started, and keep one line of it for the next turn.
    Summarize(String),
}

impl Effect {
    /// The run it is about.
    pub(super) fn run_id(&self) -> &str {
        match self {
            Self::Start(run_id)
            | Self::Offer(run_id)
            | Self::Stop(run_id, _)
            | Self::Discard(run_id, _)
            | Self::Summarize(run_id) => run_id,
        }
    }
}

impl Queue {
    /// A run was accepted.
    pub(super) fn accept(&mut self, now: Instant, run_id: String, company: Company, how: How) -> Vec<Effect> {
        let mut effects = Vec::new();
        let is_busy = self.active.is_some() || !self.waiting.is_empty();
        if how.mode == QueueMode::Interrupt && is_busy {
            effects.extend(self.abort(None, AbortReason::Rpc));
        } else if is_busy && self.waiting.len() >= how.cap {
            if how.drop == QueueDrop::New {
                return vec![Effect::Discard(run_id, AbortReason::Stop)];
            }
            effects.extend(self.drop_oldest(how.drop));
        }
        let collects = how.mode == QueueMode::Collect && is_busy;
        let due = collects.then(|| now + how.quiet);
        if collects {
            // Each new one makes those before it wait for quiet once more.
            let same = |waiting: &&mut Waiting| waiting.due.is_some() && waiting.company == company;
            self.waiting.iter_mut().filter(same).for_each(|waiting| waiting.due = due);
        }
        let joins = self.active.as_ref().is_some_and(|active| active.company == company);
        if joins && matches!(how.mode, QueueMode::Steer | QueueMode::SteerBacklog) && !self.closing {
            effects.push(Effect::Offer(run_id.clone()));
        }
        self.waiting.push_back(Waiting { run_id, company, mode: how.mode, due });
        effects.extend(self.next(now));
        effects
    }

    /// The active run is over, however it ended. A run that is not the active one frees nothing.
    pub(super) fn settled(&mut self, now: Instant, run_id: &str) -> Vec<Effect> {
        if self.active.as_ref().is_some_and(|active| active.run_id == run_id) {
            self.active = None;
        }
        self.next(now)
    }

    /// The active run took this one in and answers it.
    pub(super) fn took_in(&mut self, run_id: &str) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.run_id != run_id);
        self.waiting.len() < before
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<Effect> {
        self.next(now)
    }

    /// When [`Queue::tick`] has something to do, if nothing else happens.
    pub(super) fn due(&self) -> Option<Instant> {
        if self.active.is_some() || self.closing {
            return None;
        }
        self.waiting.front().and_then(|waiting| waiting.due)
    }

    /// Somebody wants one run stopped, or all of them: the waiting ones first, then the active one.
    pub(super) fn abort(&mut self, run_id: Option<&str>, reason: AbortReason) -> Vec<Effect> {
        let meant = |id: &String| run_id.is_none_or(|wanted| wanted == id);
        let is_meant = |waiting: &Waiting| meant(&waiting.run_id);
        let (dropped, kept) = std::mem::take(&mut self.waiting).into_iter().partition(is_meant);
        self.waiting = kept;
        let dropped: VecDeque<Waiting> = dropped;
        let discards = dropped.into_iter().map(|waiting| Effect::Discard(waiting.run_id, reason));
        let active = self.active.iter().map(|active| &active.run_id);
        let stop = active.filter(|id| meant(id)).map(|id| Effect::Stop(id.clone(), reason));
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

    /// Makes room.
    fn drop_oldest(&mut self, drop: QueueDrop) -> Option<Effect> {
        let oldest = self.waiting.pop_front()?;
        Some(match drop {
            QueueDrop::Summarize => Effect::Summarize(oldest.run_id),
            QueueDrop::Old | QueueDrop::New => Effect::Discard(oldest.run_id, AbortReason::Stop),
        })
    }

    /// Starts the next one, and offers it those that may go along.
    fn next(&mut self, now: Instant) -> Vec<Effect> {
        let held = self.waiting.front().and_then(|front| front.due).is_some_and(|due| due > now);
        if self.active.is_some() || self.closing || held {
            return Vec::new();
        }
        let Some(Waiting { run_id, company, .. }) = self.waiting.pop_front() else { return Vec::new() };
        let joins = |waiting: &&Waiting| waiting.company == company && waiting.mode != QueueMode::Followup;
        let along = self.waiting.iter().filter(joins).map(|waiting| Effect::Offer(waiting.run_id.clone()));
        let effects = std::iter::once(Effect::Start(run_id.clone())).chain(along).collect();
        self.active = Some(Active { run_id, company });
        effects
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const QUIET: Duration = Duration::from_millis(500);

    fn how(mode: QueueMode) -> How {
        How { mode, quiet: QUIET, cap: 3, drop: QueueDrop::Summarize }
    }

    fn of(who: &str) -> Company {
        Company::of_text(who)
    }

    /// Each in the order given, all of one company.
    fn queue_of(now: Instant, mode: QueueMode, runs: &[&str]) -> (Queue, Vec<Effect>) {
        let mut queue = Queue::default();
        let effects = runs.iter().flat_map(|run| queue.accept(now, (*run).into(), of("a"), how(mode))).collect();
        (queue, effects)
    }

    fn start(run: &str) -> Effect {
        Effect::Start(run.into())
    }

    fn offer(run: &str) -> Effect {
        Effect::Offer(run.into())
    }

    ///
    #[test]
    fn one_run_is_active_and_the_others_follow_in_order() {
        let now = Instant::now();
        let (mut queue, effects) = queue_of(now, QueueMode::Followup, &["a", "b", "c"]);
        assert_eq!(effects, [start("a")]);
        assert_eq!(queue.settled(now, "a"), [start("b")]);
        assert_eq!(queue.settled(now, "b"), [start("c")]);
        assert!(queue.settled(now, "c").is_empty() && queue.is_idle());
    }

    ///
    #[test]
    fn only_the_owner_of_the_lane_frees_it() {
        let now = Instant::now();
        let (mut queue, _) = queue_of(now, QueueMode::Followup, &["a", "b"]);
        assert!(queue.settled(now, "b").is_empty());
        assert!(queue.settled(now, "gone").is_empty());
        assert_eq!(queue.settled(now, "a"), [start("b")]);
    }

    ///
    #[test]
    fn an_abort_takes_what_waits_first() {
        let now = Instant::now();
        let (mut queue, _) = queue_of(now, QueueMode::Followup, &["a", "b", "c"]);
        let effects = queue.abort(None, AbortReason::Rpc);
        let discard = |run: &str| Effect::Discard(run.into(), AbortReason::Rpc);
        assert_eq!(effects, [discard("b"), discard("c"), Effect::Stop("a".into(), AbortReason::Rpc)]);
        assert!(queue.settled(now, "a").is_empty() && queue.is_idle());
        let (mut queue, _) = queue_of(now, QueueMode::Followup, &["a", "b"]);
        assert_eq!(queue.abort(Some("b"), AbortReason::Rpc), [discard("b")]);
        assert!(queue.abort(Some("gone"), AbortReason::Rpc).is_empty());
        assert!(queue.settled(now, "a").is_empty());
    }

    ///
    #[test]
    fn a_steering_message_is_offered_and_follows_up_when_it_was_not_taken() {
        let now = Instant::now();
        let (mut queue, effects) = queue_of(now, QueueMode::Steer, &["a", "b", "c"]);
        assert_eq!(effects, [start("a"), offer("b"), offer("c")]);
        assert!(queue.took_in("b") && !queue.took_in("b"));
        assert_eq!(queue.settled(now, "a"), [start("c")]);
    }

    ///
    #[test]
    fn nothing_is_steered_into_a_run_of_other_company() {
        let now = Instant::now();
        let mut queue = Queue::default();
        assert_eq!(queue.accept(now, "a".into(), of("owner"), how(QueueMode::Steer)), [start("a")]);
        assert!(queue.accept(now, "b".into(), of("stranger"), how(QueueMode::Steer)).is_empty());
        assert!(queue.accept(now, "c".into(), of("owner"), how(QueueMode::Followup)).is_empty());
        assert_eq!(queue.settled(now, "a"), [start("b")], "and c is not offered to it");
    }

    ///
    #[test]
    fn collected_messages_wait_for_quiet_and_go_together() {
        let now = Instant::now();
        let mut queue = Queue::default();
        let accept = |queue: &mut Queue, at: Instant, run: &str, who: &str| {
            queue.accept(at, run.into(), of(who), how(QueueMode::Collect))
        };
        assert_eq!(accept(&mut queue, now, "a", "x"), [start("a")], "nothing is at work: no wait");
        assert!(accept(&mut queue, now, "b", "x").is_empty());
        let later = now + Duration::from_millis(300);
        assert!(accept(&mut queue, later, "c", "x").is_empty());
        assert!(accept(&mut queue, later, "other", "y").is_empty());
        assert!(queue.settled(later, "a").is_empty(), "not quiet yet");
        assert_eq!(queue.due(), Some(later + QUIET));
        assert!(queue.tick(now + QUIET).is_empty());
        assert_eq!(queue.tick(later + QUIET), [start("b"), offer("c")]);
        assert!(queue.took_in("c"));
        assert_eq!(queue.settled(later + QUIET, "b"), [start("other")]);
    }

    ///
    #[test]
    fn an_interrupting_message_stops_everything_and_runs_when_that_has_settled() {
        let now = Instant::now();
        let (mut queue, _) = queue_of(now, QueueMode::Followup, &["a", "b"]);
        let effects = queue.accept(now, "c".into(), of("a"), how(QueueMode::Interrupt));
        let stop = AbortReason::Rpc;
        assert_eq!(effects, [Effect::Discard("b".into(), stop), Effect::Stop("a".into(), stop)]);
        assert_eq!(queue.settled(now, "a"), [start("c")]);
    }

    ///
    #[test]
    fn what_is_too_much_is_dropped_as_configured() {
        let now = Instant::now();
        let discard = |run: &str| Effect::Discard(run.into(), AbortReason::Stop);
        for (drop, expected) in [
            (QueueDrop::Summarize, vec![Effect::Summarize("b".into())]),
            (QueueDrop::Old, vec![discard("b")]),
            (QueueDrop::New, vec![discard("e")]),
        ] {
            let (mut queue, _) = queue_of(now, QueueMode::Followup, &["a", "b", "c", "d"]);
            let how = How { drop, ..how(QueueMode::Followup) };
            assert_eq!(queue.accept(now, "e".into(), of("a"), how), expected, "{drop:?}");
        }
    }

    ///
    #[test]
    fn a_closing_queue_starts_nothing() {
        let now = Instant::now();
        let (mut queue, _) = queue_of(now, QueueMode::Followup, &["a", "b"]);
        queue.close();
        assert!(!queue.is_idle());
        assert!(queue.settled(now, "a").is_empty() && queue.is_idle());
    }
}
