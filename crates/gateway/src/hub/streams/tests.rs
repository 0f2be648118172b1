//! A reader that comes back hears exactly what it missed, or is told to fetch again.

use super::*;

/// Hears the numbers its divisor divides, from `since` on.
#[derive(Debug, Clone, PartialEq)]
struct Ear {
    name: &'static str,
    divisor: u64,
    since: u64,
}

impl Reader<u64> for Ear {
    fn hears(&self, number: u64, event: &u64) -> bool {
        number >= self.since && event.is_multiple_of(self.divisor)
    }

    fn continues(&self, before: &Self) -> bool {
        self.name == before.name
    }

    fn inherit(&mut self, before: &Self) {
        self.since = before.since;
    }
}

fn ear(name: &'static str, divisor: u64) -> Ear {
    Ear { name, divisor, since: 0 }
}

struct Hall {
    streams: Streams<u32, Ear, u64>,
    now: Instant,
}

impl Hall {
    fn new() -> Self {
        Self { streams: Streams::default(), now: Instant::now() }
    }

    /// Says `events` and answers what the reader called `name` was told.
    fn say(&mut self, events: std::ops::RangeInclusive<u64>, name: &str) -> Vec<(u64, u64)> {
        let mut told = Vec::new();
        for event in events {
            self.streams.publish(self.now, event, 100, |reader, event, seq| {
                if reader.name == name {
                    told.push((seq, *event));
                }
            });
        }
        told
    }
}

/// RECON-6
#[test]
fn what_was_missed_comes_once_in_order_and_under_numbers_without_a_gap() {
    let mut hall = Hall::new();
    hall.streams.join(1, ear("a", 2), Joins::Staying);
    assert_eq!(hall.say(1..=6, "a"), [(1, 2), (2, 4), (3, 6)]);
    // It received only the first of the three before the line was cut.
    hall.streams.leave(hall.now, 1);
    hall.say(7..=8, "a");
    hall.streams.join(2, ear("a", 2), Joins::Returning);
    assert!(hall.say(9..=10, "a").is_empty(), "nothing before it has said where it was");
    let missed = hall.streams.resume(hall.now, 2, 1, 1);
    assert_eq!(missed, Return::Missed(vec![(1, 4), (2, 6), (3, 8), (4, 10)]));
    assert_eq!(hall.say(11..=12, "a"), [(5, 12)]);
    // The answer itself may be lost; the question can be put again, on a third connection.
    hall.streams.leave(hall.now, 2);
    hall.streams.join(3, ear("a", 2), Joins::Returning);
    let again = hall.streams.resume(hall.now, 3, 1, 1);
    assert_eq!(again, Return::Missed(vec![(1, 4), (2, 6), (3, 8), (4, 10), (5, 12)]));
    hall.streams.join(4, ear("a", 2), Joins::Returning);
    assert_eq!(hall.streams.resume(hall.now, 4, 3, 4), Return::Missed(vec![(1, 12)]));
}

/// RECON-6: the old line may be dead without anybody having noticed.
#[test]
fn a_reader_takes_over_from_itself_while_its_dead_line_still_stands() {
    let mut hall = Hall::new();
    hall.streams.join(1, ear("a", 1), Joins::Staying);
    hall.say(1..=3, "a");
    hall.streams.join(2, ear("a", 1), Joins::Returning);
    assert_eq!(hall.streams.resume(hall.now, 2, 1, 2), Return::Missed(vec![(1, 3)]));
    assert_eq!(hall.say(4..=4, "a"), [(2, 4)], "one of the two is told");
    assert_eq!(hall.streams.here().count(), 1);
}

/// RECON-6
#[test]
fn somebody_else_and_somebody_too_late_fetch_again() {
    let mut hall = Hall::new();
    let refused = |outcome| assert!(matches!(outcome, Return::Refetch(_)), "{outcome:?}");
    hall.streams.join(1, ear("a", 1), Joins::Staying);
    hall.say(1..=3, "a");
    hall.streams.leave(hall.now, 1);
    hall.streams.join(2, ear("b", 1), Joins::Returning);
    refused(hall.streams.resume(hall.now, 2, 1, 1));
    assert_eq!(hall.say(4..=4, "b"), [(1, 4)], "it hears what comes");
    hall.streams.join(3, ear("a", 1), Joins::Returning);
    refused(hall.streams.resume(hall.now, 3, 1, 9));
    hall.streams.join(4, ear("a", 1), Joins::Returning);
    hall.now += KEPT_FOR + Duration::from_secs(1);
    refused(hall.streams.resume(hall.now, 4, 1, 3));
    hall.streams.join(5, ear("a", 1), Joins::Returning);
    refused(hall.streams.resume(hall.now, 5, 77, 0));
}

/// RECON-6
#[test]
fn the_ring_is_bounded_and_empty_when_nobody_may_ask() {
    let mut hall = Hall::new();
    hall.streams.join(1, ear("passer-by", 1), Joins::Passing);
    hall.say(1..=9, "a");
    assert_eq!((hall.streams.ring.len(), hall.streams.bytes), (0, 0));
    hall.streams.join(2, ear("a", 1), Joins::Staying);
    for event in 0..100 {
        hall.streams.publish(hall.now, event, RING_BYTES / 10, |_, _, _| {});
    }
    assert!(hall.streams.bytes <= RING_BYTES && hall.streams.ring.len() == 10);
    hall.streams.leave(hall.now, 2);
    hall.streams.join(3, ear("a", 1), Joins::Returning);
    assert_eq!(hall.streams.resume(hall.now, 3, 2, 80), Return::Refetch("what was missed is no longer known"));
    hall.streams.leave(hall.now, 3);
    for id in 10..10 + AWAY_MAX as u32 + 50 {
        hall.streams.join(id, ear("a", 1), Joins::Staying);
        hall.streams.leave(hall.now, id);
    }
    assert!(hall.streams.streams.len() <= AWAY_MAX + 1);
    hall.now += KEPT_FOR + Duration::from_secs(1);
    hall.say(1..=1, "a");
    assert_eq!((hall.streams.streams.len(), hall.streams.ring.len(), hall.streams.bytes), (1, 0, 0));
}

/// RECON-6: a count is worth nothing from before its reader stopped following something.
#[test]
fn a_rule_that_changed_is_not_applied_to_the_past() {
    let mut hall = Hall::new();
    hall.streams.join(1, ear("a", 1), Joins::Staying);
    hall.say(1..=4, "a");
    hall.streams.change(1, true, |reader| reader.divisor = 2);
    hall.say(5..=6, "a");
    hall.streams.leave(hall.now, 1);
    hall.streams.join(2, ear("a", 2), Joins::Returning);
    assert!(matches!(hall.streams.resume(hall.now, 2, 1, 3), Return::Refetch(_)));
    hall.streams.join(3, ear("a", 2), Joins::Returning);
    assert_eq!(hall.streams.resume(hall.now, 3, 1, 4), Return::Missed(vec![(1, 6)]));
}
