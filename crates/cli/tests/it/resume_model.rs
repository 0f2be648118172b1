//! Ten thousand short lives of one client and one Gateway on turmoil's network, which loses, delays, holds and cuts, and
//! restarts the Gateway in between. The reconnect policy and the streams are the real ones; the talk between them is the
//! shortest that shows what they do.
//!
//! What must hold (RECON-6): every accepted keyed request acts exactly once, and the client's log of events has no gap and
//! nothing twice, unless it was told to fetch again.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use gateway::streams::{Joins, Reader, Return, Streams};
use link::supervise::{Decision, Fact, Failure, Supervisor};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{Instant, interval, sleep, timeout, timeout_at};
use turmoil::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use turmoil::net::{TcpListener, TcpStream};

const LIVES: u64 = 10_000;
/// Steps of chaos in one life; then the network is good until nothing is left to do.
const CHAOS: u32 = 150;
const STEP: Duration = Duration::from_millis(20);
/// A life that has not come to rest by then never will.
const REST: Duration = Duration::from_secs(300);
const PORT: u16 = 18789;
const REQUESTS: u32 = 6;
/// Events that nobody asked for, one at a time.
const NEWS: u64 = 12;
const NEWS_EVERY: Duration = Duration::from_millis(180);
/// The protocol's own deadlines, shortened alike.
const PING_EVERY: Duration = Duration::from_millis(200);
const SILENT_AFTER: Duration = Duration::from_millis(700);
const DIAL_WITHIN: Duration = Duration::from_millis(500);

/// A dice that throws the same for the same seed.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % sides
    }

    fn roll(&mut self) -> f64 {
        self.throw(256) as f64 / 255.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Place {
    epoch: u32,
    conn: u32,
    seq: u64,
}

#[derive(Debug, Serialize, Deserialize)]
enum Up {
    Connect { returns: bool },
    Resume(Place),
    Ask(u32),
    Ping,
}

#[derive(Debug, Serialize, Deserialize)]
enum Down {
    Hello {
        epoch: u32,
        conn: u32,
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
    Pong,
}

type Outcome = turmoil::Result<()>;

async fn write<T: Serialize>(to: &mut OwnedWriteHalf, message: &T) -> std::io::Result<()> {
    to.write_all(format!("{}\n", serde_json::to_string(message)?).as_bytes()).await
}

/// The next message; `None` when the line is cut, closed, or silent `until` then.
async fn read<T: for<'de> Deserialize<'de>>(from: &mut Lines<BufReader<OwnedReadHalf>>, until: Instant) -> Option<T> {
    let line = timeout_at(until, from.next_line()).await.ok()?.ok()??;
    Some(serde_json::from_str(&line).unwrap())
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

/// What outlives a kill -9 of the server.
#[derive(Default)]
struct Durable {
    epoch: u32,
    /// Which keys were acted on, and how often.
    acted: HashMap<u32, u32>,
    events: u64,
    conns: u32,
}

impl Durable {
    /// The events a client must have heard of, when nothing more will happen.
    fn whole_log(&self) -> Option<u64> {
        (self.acted.len() as u32 == REQUESTS && self.events == NEWS + u64::from(REQUESTS)).then_some(self.events)
    }
}

/// One run of the server.
struct Run {
    epoch: u32,
    streams: Streams<u32, Ear, u64>,
    lines: HashMap<u32, UnboundedSender<Down>>,
    durable: Arc<Mutex<Durable>>,
}

impl Run {
    fn tell(&self, conn: u32, message: Down) {
        if let Some(line) = self.lines.get(&conn) {
            // Nobody writes to a line that has ended.
            let _ended = line.send(message);
        }
    }

    fn publish(&mut self) {
        let mut durable = self.durable.lock().unwrap();
        let event = durable.events;
        durable.events += 1;
        drop(durable);
        let mut told = Vec::new();
        let now = Instant::now().into_std();
        self.streams.publish(now, event, 100, |ear, event, seq| told.push((ear.conn, *event, seq)));
        for (conn, event, seq) in told {
            self.tell(conn, Down::Event { seq, event });
        }
    }

    fn hear(&mut self, conn: u32, message: Up) {
        let before = self.durable.lock().unwrap().events;
        match message {
            Up::Ping => self.tell(conn, Down::Pong),
            Up::Connect { returns } => {
                let joins = if returns { Joins::Returning } else { Joins::Staying };
                self.streams.join(conn, Ear { conn }, joins);
                self.tell(conn, Down::Hello { epoch: self.epoch, conn });
                if !returns {
                    // A first connect fetches what there is.
                    self.tell(conn, Down::Refetch { before });
                }
            }
            Up::Resume(place) => {
                let outcome = if place.epoch == self.epoch {
                    self.streams.resume(Instant::now().into_std(), conn, place.conn, place.seq)
                } else {
                    self.streams.start_anew(conn)
                };
                match outcome {
                    Return::Missed(missed) => {
                        self.lines.remove(&place.conn);
                        self.tell(conn, Down::Resumed);
                        missed.into_iter().for_each(|(seq, event)| self.tell(conn, Down::Event { seq, event }));
                    }
                    Return::Refetch(_) => self.tell(conn, Down::Refetch { before }),
                }
            }
            Up::Ask(key) => {
                // A key that was seen is answered and not acted on again.
                let mut durable = self.durable.lock().unwrap();
                let is_new = !durable.acted.contains_key(&key);
                if is_new {
                    *durable.acted.entry(key).or_default() += 1;
                }
                drop(durable);
                if is_new {
                    self.publish();
                }
                self.tell(conn, Down::Answer(key));
            }
        }
    }

    /// A line whose stream went on elsewhere is no longer ours to take leave of.
    fn leave(&mut self, conn: u32) {
        if self.lines.remove(&conn).is_some() {
            self.streams.leave(Instant::now().into_std(), conn);
        }
    }
}

async fn serve(durable: Arc<Mutex<Durable>>) -> Outcome {
    let epoch = {
        let mut durable = durable.lock().unwrap();
        durable.epoch += 1;
        durable.epoch
    };
    let run = Run { epoch, streams: Streams::default(), lines: HashMap::new(), durable: durable.clone() };
    let run = Arc::new(Mutex::new(run));
    let news = run.clone();
    tokio::spawn(async move {
        let mut when = interval(NEWS_EVERY);
        loop {
            when.tick().await;
            let mut run = news.lock().unwrap();
            let (events, asked) = {
                let durable = run.durable.lock().unwrap();
                (durable.events, durable.acted.len() as u64)
            };
            if events - asked >= NEWS {
                return;
            }
            run.publish();
        }
    });
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let (from, mut to) = stream.into_split();
        let (line, mut words) = unbounded_channel();
        let conn = {
            let mut durable = durable.lock().unwrap();
            durable.conns += 1;
            durable.conns
        };
        run.lock().unwrap().lines.insert(conn, line);
        tokio::spawn(async move {
            while let Some(word) = words.recv().await {
                if write(&mut to, &word).await.is_err() {
                    return;
                }
            }
        });
        let run = run.clone();
        tokio::spawn(async move {
            let mut from = BufReader::new(from).lines();
            while let Some(message) = read(&mut from, Instant::now() + SILENT_AFTER).await {
                run.lock().unwrap().hear(conn, message);
            }
            run.lock().unwrap().leave(conn);
        });
    }
}

/// What a life was like.
#[derive(Default)]
struct Diary {
    answered: u32,
    refetched: u32,
    lines: u32,
}

struct Client {
    dice: Dice,
    policy: Supervisor,
    place: Option<Place>,
    /// The event it knows everything before.
    known: u64,
    open: BTreeSet<u32>,
    wanted: u32,
    diary: Arc<Mutex<Diary>>,
    durable: Arc<Mutex<Durable>>,
}

impl Client {
    fn diary(&self) -> MutexGuard<'_, Diary> {
        self.diary.lock().unwrap()
    }

    async fn live(mut self) -> Outcome {
        loop {
            let dialled = timeout(DIAL_WITHIN, TcpStream::connect(("server", PORT))).await;
            let fact = match dialled {
                Ok(Ok(stream)) => match self.talk(stream).await {
                    None => return Ok(()),
                    Some(fact) => fact,
                },
                _ => Fact::Failed(Failure::Away),
            };
            let roll = self.dice.roll();
            let Decision::DialAfter(wait) = self.policy.step(fact, roll) else { panic!("it gave up") };
            sleep(wait).await;
        }
    }

    /// One connection, to its end; `None` when everything is done.
    async fn talk(&mut self, stream: TcpStream) -> Option<Fact> {
        self.diary().lines += 1;
        let (from, mut to) = stream.into_split();
        let mut from = BufReader::new(from).lines();
        let mut sent = HashSet::new();
        let mut greeted = None;
        let mut up_since = None;
        let mut beat = interval(PING_EVERY);
        let mut silent_at = Instant::now() + SILENT_AFTER;
        let over = |since: Option<Instant>| match since {
            Some(since) => Fact::Closed { code: 1006, lived: since.elapsed() },
            None => Fact::Failed(Failure::Away),
        };
        if write(&mut to, &Up::Connect { returns: self.place.is_some() }).await.is_err() {
            return Some(over(None));
        }
        loop {
            if up_since.is_some() && self.is_done() {
                return None;
            }
            // `read` may be dropped half way: a line that has not ended stays in the buffer.
            let heard = tokio::select! {
                biased;
                heard = read(&mut from, silent_at) => heard,
                _ = beat.tick() => {
                    for message in self.due(up_since.is_some(), &mut sent) {
                        if write(&mut to, &message).await.is_err() {
                            return Some(over(up_since));
                        }
                    }
                    continue;
                }
            };
            let Some(heard) = heard else { return Some(over(up_since)) };
            silent_at = Instant::now() + SILENT_AFTER;
            let goes_up = match heard {
                Down::Pong => false,
                Down::Hello { epoch, conn } => {
                    greeted = Some(Place { epoch, conn, seq: 0 });
                    if let Some(was) = self.place
                        && write(&mut to, &Up::Resume(was)).await.is_err()
                    {
                        return Some(over(None));
                    }
                    false
                }
                Down::Resumed => true,
                Down::Refetch { before } => {
                    self.known = before;
                    self.diary().refetched += 1;
                    true
                }
                Down::Event { seq, event } => {
                    self.hear(seq, event);
                    false
                }
                Down::Answer(key) => {
                    if self.open.remove(&key) {
                        self.diary().answered += 1;
                    }
                    false
                }
            };
            if goes_up {
                self.place = greeted;
                up_since = Some(Instant::now());
                let roll = self.dice.roll();
                assert_eq!(self.policy.step(Fact::Connected, roll), Decision::Stay);
            }
        }
    }

    /// What to send now: a sign of life, and once the line is up each open request that it has not carried yet.
    fn due(&mut self, is_up: bool, sent: &mut HashSet<u32>) -> Vec<Up> {
        if self.wanted < REQUESTS && self.dice.throw(3) == 0 {
            self.open.insert(self.wanted);
            self.wanted += 1;
        }
        let asks = self.open.iter().filter(|key| is_up && sent.insert(**key)).map(|key| Up::Ask(*key));
        asks.chain([Up::Ping]).collect()
    }

    fn hear(&mut self, seq: u64, event: u64) {
        let Some(place) = &mut self.place else { panic!("an event before hello") };
        assert_eq!(seq, place.seq + 1, "a gap in the connection's numbers");
        place.seq = seq;
        assert!(event >= self.known, "event {event} came twice");
        let skipped = (self.known..event).filter(|event| is_heard(*event)).count();
        assert_eq!(skipped, 0, "a gap before event {event}, known up to {}", self.known);
        self.known = event + 1;
    }

    fn is_done(&self) -> bool {
        let whole = self.durable.lock().unwrap().whole_log();
        let is_whole = |end: u64| !(self.known..end).any(is_heard);
        self.wanted == REQUESTS && self.open.is_empty() && whole.is_some_and(is_whole)
    }
}

/// One life; how many lines it took, and how often it was told to fetch.
fn live(seed: u64) -> Diary {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let (durable, diary) = (Arc::<Mutex<Durable>>::default(), Arc::<Mutex<Diary>>::default());
    let mut network = turmoil::Builder::new();
    network.rng_seed(seed).tick_duration(STEP).simulation_duration(REST);
    network.min_message_latency(Duration::from_millis(1)).max_message_latency(Duration::from_millis(60));
    let mut sim = network.fail_rate(0.01).repair_rate(0.3).build();
    let served = durable.clone();
    sim.host("server", move || serve(served.clone()));
    let client = Client {
        dice: Dice(dice.throw(u64::MAX) | 1),
        policy: Supervisor::default(),
        place: None,
        known: 0,
        open: BTreeSet::new(),
        wanted: 0,
        diary: diary.clone(),
        durable: durable.clone(),
    };
    sim.client("client", client.live());
    for _ in 0..CHAOS {
        match dice.throw(40) {
            0 => sim.partition("client", "server"),
            1 => sim.partition_oneway("server", "client"),
            2 => sim.hold("client", "server"),
            3..6 => {
                sim.release("client", "server");
                sim.repair("client", "server");
            }
            6 if dice.throw(3) == 0 => sim.bounce("server"),
            _ => {}
        }
        sim.step().unwrap();
    }
    sim.set_fail_rate(0.0);
    sim.release("client", "server");
    sim.repair("client", "server");
    sim.run().unwrap_or_else(|error| panic!("it never came to rest: {error}"));
    let durable = durable.lock().unwrap();
    assert!(durable.acted.values().all(|times| *times == 1), "something was done twice");
    drop(sim);
    let diary = std::mem::take(&mut *diary.lock().unwrap());
    assert_eq!(diary.answered, REQUESTS);
    diary
}

/// RECON-6, WORK-4
#[test]
fn ten_thousand_lives_on_a_bad_network_lose_nothing_and_do_nothing_twice() {
    let threads = std::thread::available_parallelism().map_or(2, |count| count.get() as u64).min(4);
    let lives = |first: u64| {
        let (mut reconnects, mut resumed_only) = (0, 0);
        for seed in (first..=LIVES).step_by(threads as usize) {
            let outcome = std::panic::catch_unwind(|| live(seed));
            let Ok(diary) = outcome else { panic!("seed {seed}") };
            reconnects += u64::from(diary.lines - 1);
            resumed_only += u64::from(diary.refetched == 1 && diary.lines > 1);
        }
        (reconnects, resumed_only)
    };
    let ends: Vec<(u64, u64)> = std::thread::scope(|scope| {
        let running: Vec<_> = (1..=threads).map(|first| scope.spawn(move || lives(first))).collect();
        running.into_iter().map(|life| life.join().unwrap()).collect()
    });
    let (reconnects, resumed) = ends.iter().fold((0, 0), |sum, end| (sum.0 + end.0, sum.1 + end.1));
    assert!(reconnects > LIVES && resumed > LIVES / 4, "{reconnects} {resumed}: too tame");
}
