//! What each connection has heard, and what one that comes back must hear again (RECON-6). Pure: no clock, no socket.
//!
//! Events stand in one bounded ring under running numbers. A stream counts the events its reader was told; together with
//! the rule of what the reader hears, that count finds the place in the ring where the reader broke off. Nothing is kept
//! per reader and event, so an idle connection costs the same however long it stands.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::{Duration, Instant};

/// Bytes the ring holds at most, payloads and what holds them.
const RING_BYTES: usize = 4 * 1024 * 1024;
/// How long events are kept, and readers that left remembered: longer than any nap of a laptop's radio, and after it a
/// client does better to fetch again.
const KEPT_FOR: Duration = Duration::from_secs(300);
/// Readers that left and are remembered; then the one that left first is forgotten.
const AWAY_MAX: usize = 1024;

/// What a stream must know of its reader.
pub trait Reader<E> {
    /// Whether it hears `event`, published under `number`, given what it follows and since when.
    fn hears(&self, number: u64, event: &E) -> bool;
    /// Whether it is the one that was `before`, with no more rights.
    fn continues(&self, before: &Self) -> bool;
    /// Follows what `before` followed.
    fn inherit(&mut self, before: &Self);
}

/// What is to become of a reader that joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joins {
    /// Forgotten when it leaves.
    Passing,
    /// Remembered when it leaves.
    Staying,
    /// As [`Joins::Staying`], and told nothing until it has said where it was.
    Returning,
}

/// What a reader that came back is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Return<E> {
    /// Exactly what it missed, with the number each event now has for it.
    Missed(Vec<(u64, E)>),
    /// That it has to fetch again, and why.
    Refetch(&'static str),
}

#[derive(Debug)]
struct Stream<Id, R> {
    reader: R,
    /// Events it was told; the number of the last one as it sees it.
    seq: u64,
    /// Its count says nothing about the ring before this number.
    known_from: u64,
    state: State,
    /// The stream it goes on for, kept until its reader has shown that it knows this one.
    before: Option<Id>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open(Joins),
    /// Until the ring's next number was this.
    Left(u64),
}

/// Every stream, and the ring they hear from.
#[derive(Debug)]
pub struct Streams<Id, R, E> {
    streams: HashMap<Id, Stream<Id, R>>,
    /// Who left, first first.
    away: VecDeque<(Instant, Id)>,
    /// Streams that may want to hear again.
    remembered: usize,
    ring: VecDeque<Kept<E>>,
    next: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Kept<E> {
    event: E,
    cost: usize,
    at: Instant,
}

impl<Id, R, E> Default for Streams<Id, R, E> {
    fn default() -> Self {
        Self { streams: HashMap::new(), away: VecDeque::new(), remembered: 0, ring: VecDeque::new(), next: 0, bytes: 0 }
    }
}

impl<Id: Copy + Eq + Hash, R: Reader<E>, E: Clone> Streams<Id, R, E> {
    /// Adds a reader.
    pub fn join(&mut self, id: Id, reader: R, joins: Joins) {
        self.remembered += usize::from(joins != Joins::Passing);
        let stream = Stream { reader, seq: 0, known_from: self.next, state: State::Open(joins), before: None };
        self.streams.insert(id, stream);
    }

    /// A reader's connection ended.
    pub fn leave(&mut self, now: Instant, id: Id) {
        let next = self.next;
        let Some(stream) = self.streams.get_mut(&id) else { return };
        match stream.state {
            State::Open(Joins::Staying) => {
                stream.state = State::Left(next);
                self.away.push_back((now, id));
            }
            State::Open(_) => self.forget(id),
            State::Left(_) => {}
        }
        self.tidy(now);
    }

    /// Tells everyone who hears `event`, each under its own number; keeps it for those who may ask again. `cost` is its
    /// size in memory.
    pub fn publish(&mut self, now: Instant, event: E, cost: usize, mut tell: impl FnMut(&R, &E, u64)) {
        let number = self.next;
        for stream in self.streams.values_mut() {
            let listens = matches!(stream.state, State::Open(Joins::Passing | Joins::Staying));
            if listens && stream.reader.hears(number, &event) {
                stream.seq += 1;
                tell(&stream.reader, &event, stream.seq);
            }
        }
        if self.remembered > 0 {
            self.next += 1;
            self.bytes += cost;
            self.ring.push_back(Kept { event, cost, at: now });
        }
        self.tidy(now);
    }

    /// The reader `id` came back and says that it was told `seq` events as `before`. Whoever still stands there is sent
    /// away: the line behind it is dead, only nobody has noticed.
    pub fn resume(&mut self, now: Instant, id: Id, before: Id, seq: u64) -> Return<E> {
        self.tidy(now);
        let Some(place) = self.place(id, before, seq) else { return self.start_anew(id) };
        self.leave(now, before);
        let Some(mut stream) = self.streams.remove(&id) else { return Return::Refetch("not connected") };
        if let Some(old) = self.streams.get_mut(&before) {
            stream.reader.inherit(&old.reader);
            // It knows `before`, so it can no longer ask for what came earlier.
            if let Some(earlier) = old.before.take() {
                self.forget(earlier);
            }
        }
        stream.state = State::Open(Joins::Staying);
        stream.known_from = place;
        stream.before = Some(before);
        let first = self.first();
        let from = usize::try_from(place - first).unwrap_or(usize::MAX);
        let mut missed = Vec::new();
        for (number, kept) in (place..).zip(self.ring.iter().skip(from)) {
            if stream.reader.hears(number, &kept.event) {
                stream.seq += 1;
                missed.push((stream.seq, kept.event.clone()));
            }
        }
        self.streams.insert(id, stream);
        Return::Missed(missed)
    }

    /// The reader `id` came back and can not go on: it hears what comes from now on.
    pub fn start_anew(&mut self, id: Id) -> Return<E> {
        let next = self.next;
        if let Some(stream) = self.streams.get_mut(&id)
            && stream.state == State::Open(Joins::Returning)
        {
            stream.state = State::Open(Joins::Staying);
            stream.known_from = next;
        }
        Return::Refetch("what was missed is no longer known")
    }

    /// Where in the ring the reader of `before` broke off, when `id` may go on for it and the ring reaches back.
    fn place(&self, id: Id, before: Id, seq: u64) -> Option<u64> {
        let (new, old) = (self.streams.get(&id)?, self.streams.get(&before)?);
        if new.state != State::Open(Joins::Returning) || !new.reader.continues(&old.reader) {
            return None;
        }
        let mut place = match old.state {
            State::Open(Joins::Staying) => self.next,
            State::Left(until) => until,
            State::Open(_) => return None,
        };
        let first = self.first();
        let mut untold = old.seq.checked_sub(seq)?;
        while untold > 0 {
            place = place.checked_sub(1).filter(|place| *place >= old.known_from)?;
            let kept = self.ring.get(usize::try_from(place.checked_sub(first)?).ok()?)?;
            untold -= u64::from(old.reader.hears(place, &kept.event));
        }
        (place >= first).then_some(place)
    }

    /// The number the next event gets.
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Changes a reader that is here; what it heard before cannot be told from the new rule when `loses` is true.
    pub fn change<T>(&mut self, id: Id, loses: bool, change: impl FnOnce(&mut R) -> T) -> Option<T> {
        let next = self.next;
        let stream = self.streams.get_mut(&id)?;
        if loses {
            stream.known_from = next;
        }
        Some(change(&mut stream.reader))
    }

    /// A reader that is here.
    pub fn get(&self, id: Id) -> Option<&R> {
        self.streams.get(&id).filter(|stream| stream.is_here()).map(|stream| &stream.reader)
    }

    /// A reader that left and is remembered.
    pub fn left(&self, id: Id) -> Option<&R> {
        self.streams.get(&id).filter(|stream| !stream.is_here()).map(|stream| &stream.reader)
    }

    /// Everyone who is here.
    pub fn here(&self) -> impl Iterator<Item = &R> {
        self.streams.values().filter(|stream| stream.is_here()).map(|stream| &stream.reader)
    }

    /// Everyone who is here or may come back.
    pub fn all(&self) -> impl Iterator<Item = &R> {
        self.streams.values().map(|stream| &stream.reader)
    }

    /// Forgets those that left and pass `filter`.
    pub fn forget_away(&mut self, filter: impl Fn(&R) -> bool) {
        let gone: Vec<Id> = self
            .streams
            .iter()
            .filter(|(_, stream)| !stream.is_here() && filter(&stream.reader))
            .map(|(id, _)| *id)
            .collect();
        gone.into_iter().for_each(|id| self.forget(id));
    }

    fn first(&self) -> u64 {
        self.next - self.ring.len() as u64
    }

    fn forget(&mut self, id: Id) {
        if let Some(stream) = self.streams.remove(&id)
            && stream.state != State::Open(Joins::Passing)
        {
            self.remembered -= 1;
        }
    }

    /// Lets go of what is too old, too much, or wanted by nobody.
    fn tidy(&mut self, now: Instant) {
        let stale = |at: Instant| now.saturating_duration_since(at) > KEPT_FOR;
        while let Some((_, id)) = self
            .away
            .pop_front_if(|(at, id)| stale(*at) || !self.streams.contains_key(id))
            .or_else(|| self.crowded_out())
        {
            self.forget(id);
        }
        let nobody = self.remembered == 0;
        while let Some(kept) = self.ring.pop_front_if(|kept| nobody || stale(kept.at) || self.bytes > RING_BYTES) {
            self.bytes -= kept.cost;
        }
        if nobody {
            self.ring = VecDeque::new();
            self.away = VecDeque::new();
        }
    }

    fn crowded_out(&mut self) -> Option<(Instant, Id)> {
        if self.away.len() > AWAY_MAX { self.away.pop_front() } else { None }
    }
}

impl<Id, R> Stream<Id, R> {
    const fn is_here(&self) -> bool {
        matches!(self.state, State::Open(_))
    }
}

#[cfg(test)]
mod tests;
