//! A line that can be made bad: a TCP proxy that cuts, delays, jitters, stalls, halves and resets on command.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};

/// Bytes carried at a time; small, so that a cut falls into the middle of a frame.
const PIECE: usize = 512;

/// How the line behaves, for what is on it now and what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// As loopback does.
    Good,
    /// Every piece is late by this much, and by up to as much again in turn.
    Slow {
        /// Each piece.
        delay: Duration,
        /// Every other piece besides.
        jitter: Duration,
    },
    /// Open, and nothing gets through in either direction.
    Stalled,
    /// Open, and nothing gets through towards the client.
    HalfOpen,
    /// Nobody is let on; what is on it is cut.
    Down,
}

/// The proxy. Connections made to [`CutLine::address`] end at the real server.
pub struct CutLine {
    address: SocketAddr,
    line: Arc<watch::Sender<State>>,
    cuts: broadcast::Sender<Cut>,
    accepted: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    line: Line,
    /// Connections with a smaller number never carry anything again.
    dead_below: usize,
}

#[derive(Debug, Clone, Copy)]
enum Cut {
    End,
    Reset,
}

impl CutLine {
    /// A good line to `server`.
    ///
    /// # Panics
    /// When loopback has no port left.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (line, cuts) =
            (Arc::new(watch::Sender::new(State { line: Line::Good, dead_below: 0 })), broadcast::Sender::new(8));
        let accepted = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(accept(listener, server, line.clone(), cuts.clone(), accepted.clone()));
        Self { address, line, cuts, accepted, task }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections it has taken.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Makes the line behave like this from now on.
    pub fn become_(&self, line: Line) {
        self.line.send_modify(|state| state.line = line);
        if line == Line::Down {
            self.cut();
        }
    }

    /// Leaves the connections that are on it open, and carries nothing on them ever again; new ones are as good as the
    /// line is. That is what a machine that slept finds.
    pub fn abandon(&self) {
        let dead_below = self.accepted();
        self.line.send_modify(|state| state.dead_below = dead_below);
    }

    /// Ends every connection that is on it now, between two pieces.
    pub fn cut(&self) {
        // Nobody on the line is no failure.
        let _nobody = self.cuts.send(Cut::End);
    }

    /// The same with a TCP reset.
    pub fn reset(&self) {
        let _nobody = self.cuts.send(Cut::Reset);
    }
}

impl Drop for CutLine {
    fn drop(&mut self) {
        self.task.abort();
        self.cut();
    }
}

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    line: Arc<watch::Sender<State>>,
    cuts: broadcast::Sender<Cut>,
    accepted: Arc<AtomicUsize>,
) {
    while let Ok((client, _)) = listener.accept().await {
        if line.borrow().line == Line::Down {
            continue;
        }
        let number = accepted.fetch_add(1, Ordering::SeqCst);
        let (line, cuts) = (line.clone(), cuts.subscribe());
        // Ends with its sockets, or when the proxy is dropped and cuts.
        drop(tokio::spawn(carry(client, server, number, line, cuts)));
    }
}

async fn carry(
    mut client: TcpStream,
    server: SocketAddr,
    number: usize,
    line: Arc<watch::Sender<State>>,
    mut cuts: broadcast::Receiver<Cut>,
) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let cut = {
        let (client_in, client_out) = client.split();
        let (server_in, server_out) = server.split();
        let is_dead = |state: State| number < state.dead_below || state.line == Line::Stalled;
        let up = pump(client_in, server_out, line.subscribe(), is_dead);
        let down =
            pump(server_in, client_out, line.subscribe(), |state| is_dead(state) || state.line == Line::HalfOpen);
        tokio::select! {
            cut = cuts.recv() => cut.unwrap_or(Cut::End),
            _ = async { tokio::join!(up, down) } => Cut::End,
        }
    };
    if matches!(cut, Cut::Reset) {
        for socket in [&client, &server] {
            // A socket that is closed already cannot be reset.
            let _closed = set_socket_linger(socket, Some(Duration::ZERO));
        }
    }
}

/// Carries bytes until the reader ends.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut line: watch::Receiver<State>,
    holds: impl Fn(State) -> bool,
) {
    let mut piece = [0; PIECE];
    let mut odd = false;
    while let Ok(bytes @ 1..) = from.read(&mut piece).await {
        if line.wait_for(|state| !holds(*state)).await.is_err() {
            break;
        }
        let now = line.borrow().line;
        if let Line::Slow { delay, jitter } = now {
            odd = !odd;
            tokio::time::sleep(if odd { delay } else { delay + jitter }).await;
        }
        if to.write_all(&piece[..bytes]).await.is_err() {
            break;
        }
    }
    // The other side may be gone already.
    let _gone = to.shutdown().await;
}
