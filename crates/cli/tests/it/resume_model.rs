//! Ten thousand short lives of one client and one Gateway on a network that loses, cuts, and lets one side believe longer
//! than the other. Pure: the real reconnect policy, the real streams, and a seeded network made of queues between them.
//!
//! What must hold (RECON-6): every accepted keyed request acts exactly once, and the client's log of events has no gap and
//! nothing twice, unless it was told to fetch again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use gateway::streams::{Joins, Reader, Return, Streams};
use link::supervise::{Decision, Fact, Failure, Supervisor};

const LIVES: u64 = 10_000;
/// Moves of chaos in one life; then the network is good until nothing is left to do.
const CHAOS: u32 = 120;
/// Moves after which a life that has not come to rest never will.
const REST: u32 = 4_000;
const REQUESTS: u32 = 6;

/// A dice that throws the same for the same seed.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % sides
    }
}

/// The one client on one connection, as streams see it; every third event is not for it.
struct Ear {
    conn: u32,
}

fn is_heard(event: u64) -> bool {
    !event.is_multiple_of(3)
}

impl Reader<u64> for Ear {
    fn hears(&self, _: u64, event: &u64) -> bool {
        is_heard(*event)
    }

    fn continues(&self, _: &Self) -> bool {
        true
    }

    fn inherit(&mut self, _: &Self) {}
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    epoch: u32,
    conn: u32,
    seq: u64,
}

#[derive(Debug)]
enum Up {
    Connect { returns: bool },
    Resume(Place),
    Ask(u32),
}

#[derive(Debug)]
enum Down {
    Hello {
        epoch: u32,
    },
    Resumed,
    /// What a fetch at this moment would show: everything before this event.
    Refetch {
        before: u64,
    },
    Event {
        seq: u64,
        event: u64,
    },
    Answer(u32),
}

/// One connection: what is under way in each direction, and who still believes in it.
#[derive(Default)]
struct Wire {
    up: VecDeque<Up>,
    down: VecDeque<Down>,
    is_cut: bool,
    server_left: bool,
    /// Of the `hello` that came on it.
    epoch: u32,
}

struct Server {
    epoch: u32,
    streams: Streams<u32, Ear, u64>,
    /// Durable: which keys were acted on, and how often.
    acted: HashMap<u32, u32>,
    next_event: u64,
}

enum Phase {
    Waiting { until: Duration },
    Joining { conn: u32 },
    Up { conn: u32, since: Duration },
}

struct Client {
    policy: Supervisor,
    phase: Phase,
    place: Option<Place>,
    /// The event it knows everything before.
    known: u64,
    open: Vec<u32>,
    sent: HashSet<(u32, u32)>,
    answered: u32,
    refetched: u32,
}

struct World {
    dice: Dice,
    now: Duration,
    origin: Instant,
    wires: Vec<Wire>,
    server: Server,
    client: Client,
    next_request: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        let server = Server { epoch: 1, streams: Streams::default(), acted: HashMap::new(), next_event: 1 };
        let client = Client {
            policy: Supervisor::default(),
            phase: Phase::Waiting { until: Duration::ZERO },
            place: None,
            known: 1,
            open: Vec::new(),
            sent: HashSet::new(),
            answered: 0,
            refetched: 0,
        };
        let dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let (now, origin) = (Duration::ZERO, Instant::now());
        Self { dice, now, origin, wires: Vec::new(), server, client, next_request: 0 }
    }

    fn live(&mut self) {
        for _ in 0..CHAOS {
            match self.dice.throw(20) {
                0 => self.cut(),
                1 => self.server_notices(),
                2 if self.dice.throw(6) == 0 => self.restart(),
                3 | 4 => self.want(),
                5 | 6 => self.publish(),
                _ => self.step(),
            }
        }
        while self.next_request < REQUESTS {
            self.want();
        }
        for _ in 0..REST {
            let is_quiet = |wire: &Wire| wire.up.is_empty() && wire.down.is_empty();
            match self.client.phase {
                Phase::Up { conn, .. } if self.client.open.is_empty() => {
                    let wire = &self.wires[conn as usize];
                    if is_quiet(wire) && !wire.is_cut {
                        return;
                    }
                }
                Phase::Waiting { until } => self.now = self.now.max(until),
                _ => {}
            }
            self.step();
        }
        panic!("it never came to rest");
    }

    /// Something ordinary: time goes by, or a message arrives.
    fn step(&mut self) {
        self.now += Duration::from_millis(self.dice.throw(40));
        match self.dice.throw(3) {
            0 => self.client_acts(),
            1 => self.deliver_up(),
            _ => self.deliver_down(),
        }
    }

    fn instant(&self) -> Instant {
        self.origin + self.now
    }

    fn roll(&mut self) -> f64 {
        self.dice.throw(256) as f64 / 255.0
    }

    fn client_conn(&self) -> Option<u32> {
        match self.client.phase {
            Phase::Waiting { .. } => None,
            Phase::Joining { conn } | Phase::Up { conn, .. } => Some(conn),
        }
    }

    /// Everything under way is lost. Who notices when is chance.
    fn cut(&mut self) {
        if let Some(conn) = self.client_conn() {
            let wire = &mut self.wires[conn as usize];
            wire.is_cut = true;
            let (up, down) = (self.dice.throw(4) as usize, self.dice.throw(4) as usize);
            // What was ahead of the cut still arrives.
            wire.up.truncate(up);
            wire.down.truncate(down);
        }
    }

    fn server_notices(&mut self) {
        let now = self.instant();
        for (id, wire) in self.wires.iter_mut().enumerate() {
            if wire.is_cut && wire.up.is_empty() && !std::mem::replace(&mut wire.server_left, true) {
                self.server.streams.leave(now, id as u32);
            }
        }
    }

    /// kill -9: what is durable stays, streams do not.
    fn restart(&mut self) {
        self.server.epoch += 1;
        self.server.streams = Streams::default();
        for wire in &mut self.wires {
            wire.is_cut = true;
            wire.server_left = true;
            wire.up.clear();
        }
    }

    fn want(&mut self) {
        if self.next_request < REQUESTS {
            self.client.open.push(self.next_request);
            self.next_request += 1;
        }
    }

    fn publish(&mut self) {
        let event = self.server.next_event;
        self.server.next_event += 1;
        let now = self.instant();
        let mut told = Vec::new();
        self.server.streams.publish(now, event, 100, |ear, event, seq| told.push((ear.conn, *event, seq)));
        for (conn, event, seq) in told {
            self.send_down(conn, Down::Event { seq, event });
        }
    }

    fn send_down(&mut self, conn: u32, message: Down) {
        let wire = &mut self.wires[conn as usize];
        if !wire.is_cut {
            wire.down.push_back(message);
        }
    }

    fn send_up(&mut self, conn: u32, message: Up) {
        let wire = &mut self.wires[conn as usize];
        if !wire.is_cut {
            wire.up.push_back(message);
        }
    }

    fn client_acts(&mut self) {
        match self.client.phase {
            Phase::Waiting { until } if self.now < until => {}
            Phase::Waiting { .. } => {
                let conn = self.wires.len() as u32;
                self.wires.push(Wire::default());
                self.client.phase = Phase::Joining { conn };
                let returns = self.client.place.is_some();
                self.send_up(conn, Up::Connect { returns });
            }
            Phase::Joining { conn } | Phase::Up { conn, .. } => {
                let wire = &self.wires[conn as usize];
                if wire.is_cut && wire.down.is_empty() {
                    self.lose();
                } else if matches!(self.client.phase, Phase::Up { .. }) {
                    let open = self.client.open.clone();
                    for key in open.into_iter().filter(|key| self.client.sent.insert((conn, *key))).collect::<Vec<_>>()
                    {
                        self.send_up(conn, Up::Ask(key));
                    }
                }
            }
        }
    }

    fn lose(&mut self) {
        let fact = match self.client.phase {
            Phase::Up { since, .. } => Fact::Closed { code: 1006, lived: self.now - since },
            _ => Fact::Failed(Failure::Away),
        };
        let roll = self.roll();
        let Decision::DialAfter(wait) = self.client.policy.step(fact, roll) else { panic!("it gave up") };
        self.client.phase = Phase::Waiting { until: self.now + wait };
    }

    fn deliver_up(&mut self) {
        let busy: Vec<usize> = (0..self.wires.len()).filter(|at| !self.wires[*at].up.is_empty()).collect();
        if busy.is_empty() {
            return;
        }
        let conn = busy[self.dice.throw(busy.len() as u64) as usize];
        let Some(message) = self.wires[conn].up.pop_front() else { return };
        if self.wires[conn].server_left {
            return;
        }
        let (id, now, epoch) = (conn as u32, self.instant(), self.server.epoch);
        match message {
            Up::Connect { returns } => {
                let joins = if returns { Joins::Returning } else { Joins::Staying };
                self.server.streams.join(id, Ear { conn: id }, joins);
                self.send_down(id, Down::Hello { epoch });
                if !returns {
                    // A first connect fetches what there is.
                    let before = self.server.next_event;
                    self.send_down(id, Down::Refetch { before });
                }
            }
            Up::Resume(place) => {
                let streams = &mut self.server.streams;
                let outcome = if place.epoch == epoch {
                    streams.resume(now, id, place.conn, place.seq)
                } else {
                    streams.start_anew(id)
                };
                match outcome {
                    Return::Missed(missed) => {
                        self.wires[place.conn as usize].server_left = true;
                        self.send_down(id, Down::Resumed);
                        for (seq, event) in missed {
                            self.send_down(id, Down::Event { seq, event });
                        }
                    }
                    Return::Refetch(_) => {
                        let before = self.server.next_event;
                        self.send_down(id, Down::Refetch { before });
                    }
                }
            }
            Up::Ask(key) => {
                // A key that was seen is answered and not acted on again.
                if !self.server.acted.contains_key(&key) {
                    *self.server.acted.entry(key).or_default() += 1;
                    self.publish();
                }
                self.send_down(id, Down::Answer(key));
            }
        }
    }

    fn deliver_down(&mut self) {
        let Some(conn) = self.client_conn() else { return };
        let Some(message) = self.wires[conn as usize].down.pop_front() else { return };
        match message {
            Down::Hello { epoch } => {
                self.wires[conn as usize].epoch = epoch;
                if let Some(was) = self.client.place {
                    self.send_up(conn, Up::Resume(was));
                }
                self.client.sent.retain(|(of, _)| *of == conn);
            }
            Down::Resumed => self.go_up(conn),
            Down::Refetch { before } => {
                self.client.known = before;
                self.client.refetched += 1;
                self.go_up(conn);
            }
            Down::Event { seq, event } => {
                let Some(place) = &mut self.client.place else { panic!("an event before hello") };
                assert_eq!(seq, place.seq + 1, "a gap in the connection's numbers");
                place.seq = seq;
                assert!(event >= self.client.known, "event {event} came twice");
                let skipped = (self.client.known..event).filter(|event| is_heard(*event)).count();
                assert_eq!(skipped, 0, "a gap before event {event}, known up to {}", self.client.known);
                self.client.known = event + 1;
            }
            Down::Answer(key) => {
                if let Some(at) = self.client.open.iter().position(|open| *open == key) {
                    self.client.open.remove(at);
                    self.client.answered += 1;
                }
            }
        }
    }

    fn go_up(&mut self, conn: u32) {
        let epoch = self.wires[conn as usize].epoch;
        self.client.place = Some(Place { epoch, conn, seq: 0 });
        self.client.phase = Phase::Up { conn, since: self.now };
        let roll = self.roll();
        assert_eq!(self.client.policy.step(Fact::Connected, roll), Decision::Stay);
    }
}

/// RECON-6, WORK-4
#[test]
fn ten_thousand_lives_lose_nothing_and_do_nothing_twice() {
    let (mut resumed_only, mut reconnects) = (0, 0);
    for seed in 1..=LIVES {
        let mut world = World::new(seed);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.live()));
        assert!(outcome.is_ok(), "seed {seed}");
        assert_eq!(world.client.answered, REQUESTS, "seed {seed}");
        assert!(world.server.acted.values().all(|times| *times == 1), "seed {seed}");
        assert_eq!(world.server.acted.len() as u32, REQUESTS, "seed {seed}");
        let unheard = (world.client.known..world.server.next_event).filter(|event| is_heard(*event)).count();
        assert_eq!(unheard, 0, "seed {seed}: the log ends early");
        reconnects += world.wires.len() - 1;
        resumed_only += usize::from(world.client.refetched == 1 && world.wires.len() > 1);
    }
    assert!(reconnects > LIVES as usize && resumed_only > LIVES as usize / 4, "{reconnects} {resumed_only}: too tame");
}
