//! The process that keeps a tunnel: takes connections, carries each through SSH, and writes down how it goes.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use link::{ByteStream, DialError, Streams, Target};
use tokio::io::copy_bidirectional;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::near::Door;
use super::process::Ended;
use super::traffic::{Counted, Traffic};
use super::{Near, Record, Records};
use crate::exit::Failure;
use crate::out;

/// How often the record is brought up to date, when something has changed.
const TELLS_EVERY: Duration = Duration::from_secs(1);
/// Each connection may be an `ssh` of its own; a page that opens more than this has gone astray.
const CONNECTIONS_MAX: usize = 128;

/// A keeper before its first connection.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) records: Records,
    pub(crate) record: Record,
    pub(crate) target: Target,
    /// After so long without a connection it ends.
    pub(crate) keep: Option<Duration>,
    pub(crate) log: Log,
}

/// Where a keeper says how it goes.
#[derive(Debug, Clone)]
pub(crate) enum Log {
    /// Whoever started it has put a file there.
    Stderr,
    File(Arc<File>),
}

impl Log {
    fn line(&self, text: &str) {
        let line = format!("{} {text}", base::iso(base::now_ms()));
        match self {
            Self::Stderr => out::complain(&line),
            // A full disk takes the log, and leaves the tunnel.
            Self::File(file) => drop(writeln!(&**file, "{line}")),
        }
    }
}

impl Keeper {
    /// Keeps the tunnel until it is asked to end, or nobody has used it for long enough.
    pub(crate) async fn run(self, door: Door) -> Result<(), Failure> {
        let near = self.record.near();
        let unkept = |error: std::io::Error| Failure::new("TUNNEL_NOT_KEPT", format!("{near}: {error}"));
        let mut ended = Ended::listen().map_err(unkept)?;
        let _alive = self.records.hold(&near).map_err(unkept)?;
        self.records.write(&self.record).map_err(unkept)?;
        self.log.line(&format!("{near} leads to {}", self.target));
        let why = self.serve(door, &mut ended).await;
        self.log.line(why);
        if let Near::Socket(path) = &near {
            // Whoever listens there is this process, so that nobody else's goes.
            let _gone_already = std::fs::remove_file(path);
        }
        self.records.forget(&near);
        Ok(())
    }

    /// Dropping the connections at the end ends their `ssh`, and dropping the door closes it.
    async fn serve(&self, door: Door, ended: &mut Ended) -> &'static str {
        let traffic = Arc::new(Traffic::default());
        let streams = Arc::new(Streams::to(self.target.clone()));
        let mut carried = JoinSet::new();
        let mut told = self.record.clone();
        let (mut used, mut used_at) = (0, Instant::now());
        let mut tick = interval(TELLS_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = ended.wait() => return "asked to end",
                _ = carried.join_next(), if !carried.is_empty() => {}
                _ = tick.tick() => {
                    told = self.tell(told, &traffic);
                    if !traffic.is_idle() || traffic.connections() != used {
                        (used, used_at) = (traffic.connections(), Instant::now());
                    }
                    if self.keep.is_some_and(|keep| used_at.elapsed() >= keep) {
                        return "nobody has used it for long enough";
                    }
                }
                taken = door.accept(), if carried.len() < CONNECTIONS_MAX => match taken {
                    Ok(stream) => {
                        carried.spawn(carry(stream, streams.clone(), traffic.clone(), self.log.clone()));
                    }
                    // Out of file descriptors, most likely: those in use come back.
                    Err(_) => tokio::time::sleep(TELLS_EVERY).await,
                },
            }
        }
    }

    fn tell(&self, told: Record, traffic: &Traffic) -> Record {
        let now = traffic.told(&self.record);
        if now == told {
            return told;
        }
        match self.records.write(&now) {
            Ok(()) => now,
            // Tried again at the next tick; the tunnel itself needs no disk.
            Err(_) => told,
        }
    }
}

/// One connection, from its first byte to its last.
async fn carry(near: Box<dyn ByteStream>, streams: Arc<Streams>, traffic: Arc<Traffic>, log: Log) {
    let _open = traffic.begin();
    if let Err(DialError::Ssh(failure)) = through(near, &streams, &traffic).await
        && traffic.failed(&failure.to_string())
    {
        log.line(&failure.to_string());
    }
}

async fn through(near: Box<dyn ByteStream>, streams: &Streams, traffic: &Arc<Traffic>) -> Result<(), DialError> {
    let broken = |error| DialError::broken(streams.target(), error);
    let mut near = Counted { stream: near, traffic: traffic.clone() };
    let mut far = streams.open().await?;
    copy_bidirectional(&mut near, &mut far).await.map_err(broken)?;
    Ok(())
}
