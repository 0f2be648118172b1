//! Actions a phone put off because its app was in the background (N-8.1): kept in memory until the app is in front and
//! asks, for ten minutes at most. They belong to one pairing of a node; another pairing finds nothing of them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use uuid::Uuid;
use wire::methods::node_pending::Action;

/// How long an action is worth doing.
const LIFE: Duration = Duration::from_secs(10 * 60);
/// How many a node may owe; what comes after fails as if nothing could be put off.
const MOST: usize = 64;
/// What a phone cannot do while its app is in the background (N-5.16, N-10.28).
const FOREGROUND: [&str; 4] = ["canvas.", "camera.", "screen.", "talk."];

/// Whether `command` can be put off until the app is in front.
pub(super) fn waits_for_foreground(command: &str) -> bool {
    FOREGROUND.iter().any(|family| command.starts_with(family))
}

/// What nodes owe, by node.
#[derive(Debug, Default)]
pub(crate) struct PutOff(Mutex<HashMap<String, Owed>>);

#[derive(Debug, Default)]
struct Owed {
    generation: String,
    actions: VecDeque<Owing>,
}

#[derive(Debug)]
struct Owing {
    key: String,
    action: Action,
}

/// A node in one of its pairings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Debtor<'a> {
    pub(super) node_id: &'a str,
    pub(super) generation: &'a str,
}

impl PutOff {
    /// Keeps an action; the same `key` is the same action. Its id, or `None` when there is no room.
    pub(super) fn put(
        &self,
        who: Debtor<'_>,
        key: &str,
        command: &str,
        params_json: Option<String>,
        now: i64,
    ) -> Option<String> {
        self.of(who, now, |owed| {
            if let Some(same) = owed.actions.iter().find(|owing| owing.key == key) {
                return Some(same.action.id.clone());
            }
            if owed.actions.len() >= MOST {
                return None;
            }
            let id = Uuid::new_v4().to_string();
            let action = Action { id: id.clone(), command: command.to_owned(), params_json, enqueued_at_ms: now };
            owed.actions.push_back(Owing { key: key.to_owned(), action });
            Some(id)
        })
    }

    /// What waits and passes `may`; what does not is dropped. Nothing is taken away: that is for the acknowledgement.
    pub(super) fn pull(&self, who: Debtor<'_>, now: i64, may: impl Fn(&str) -> bool) -> Vec<Action> {
        self.of(who, now, |owed| {
            owed.actions.retain(|owing| may(&owing.action.command));
            owed.actions.iter().map(|owing| owing.action.clone()).collect()
        })
    }

    /// Takes the named ones away; those that waited, and how many are left.
    pub(super) fn ack(&self, who: Debtor<'_>, now: i64, ids: &[String]) -> (Vec<String>, usize) {
        self.of(who, now, |owed| {
            let before = owed.actions.len();
            let mut acked = Vec::with_capacity(ids.len().min(before));
            owed.actions.retain(|owing| {
                let done = ids.contains(&owing.action.id);
                if done {
                    acked.push(owing.action.id.clone());
                }
                !done
            });
            (acked, owed.actions.len())
        })
    }

    /// The call was made again and done: nothing of it is owed any more.
    pub(super) fn done(&self, node_id: &str, key: &str) {
        if let Some(owed) = self.lock().get_mut(node_id) {
            owed.actions.retain(|owing| owing.key != key);
        }
    }

    /// The node is removed: nothing is owed any more.
    pub(super) fn forget(&self, node_id: &str) {
        self.lock().remove(node_id);
    }

    fn of<T>(&self, who: Debtor<'_>, now: i64, act: impl FnOnce(&mut Owed) -> T) -> T {
        let mut all = self.lock();
        let oldest = now - i64::try_from(LIFE.as_millis()).unwrap_or(i64::MAX);
        for owed in all.values_mut() {
            owed.actions.retain(|owing| owing.action.enqueued_at_ms > oldest);
        }
        all.retain(|_, owed| !owed.actions.is_empty());
        let owed = all.entry(who.node_id.to_owned()).or_default();
        if owed.generation != who.generation {
            *owed = Owed { generation: who.generation.to_owned(), ..Owed::default() };
        }
        act(owed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Owed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: Debtor<'_> = Debtor { node_id: "phone", generation: "g1" };

    fn put(owed: &PutOff, key: &str, now: i64) -> Option<String> {
        owed.put(PHONE, key, "camera.snap", None, now)
    }

    /// N-8.1
    #[test]
    fn an_action_waits_until_it_is_acknowledged_and_the_same_key_waits_once() {
        let owed = PutOff::default();
        let first = put(&owed, "a", 1).unwrap();
        assert_eq!(put(&owed, "a", 2), Some(first.clone()));
        let second = put(&owed, "b", 3).unwrap();
        let waiting = owed.pull(PHONE, 4, |_| true);
        assert_eq!(waiting.iter().map(|action| &action.id).collect::<Vec<_>>(), [&first, &second]);
        assert_eq!(owed.pull(PHONE, 4, |_| true), waiting, "looking takes nothing away");
        assert_eq!(owed.ack(PHONE, 5, &[first.clone(), "unknown".into()]), (vec![first.clone()], 1));
        assert_eq!(owed.ack(PHONE, 5, &[first]), (vec![], 1), "once");
        owed.done("phone", "b");
        assert_eq!(owed.pull(PHONE, 6, |_| true), []);
    }

    /// N-8.1
    #[test]
    fn it_is_kept_ten_minutes_sixty_four_at_most_and_for_one_pairing() {
        let (owed, life) = (PutOff::default(), 600_000);
        let room = (0..).take_while(|n| put(&owed, &n.to_string(), 0).is_some()).count();
        assert_eq!(room, MOST);
        assert_eq!(owed.pull(PHONE, life - 1, |_| true).len(), MOST);
        assert_eq!(owed.pull(PHONE, life, |_| true), []);
        put(&owed, "a", life).unwrap();
        let again = Debtor { generation: "g2", ..PHONE };
        assert_eq!(owed.pull(again, life, |_| true), [], "of another pairing");
        assert_eq!(owed.pull(PHONE, life, |_| true), []);
        put(&owed, "a", life).unwrap();
        assert_eq!(owed.pull(PHONE, life, |command| command != "camera.snap"), [], "not allowed any more");
        assert_eq!(owed.pull(PHONE, life, |_| true), [], "and not again when it is");
        put(&owed, "a", life).unwrap();
        owed.forget("phone");
        assert_eq!(owed.pull(PHONE, life, |_| true), []);
    }
}
