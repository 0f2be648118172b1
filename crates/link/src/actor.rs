//! The task that owns one socket: it numbers requests, matches answers, passes events on, and hears the ticks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_websockets::{CloseCode, Message};
use wire::close;
use wire::frame::{Event, FromGateway, Request, Response};

use crate::client::{Client, Closed, Command, Events, Greeting, is_accepted};
use crate::handshake::Socket;
use crate::pin_watch::PinWatch;

/// Requests that may wait to be written; then the caller waits.
const COMMANDS: usize = 64;
/// Events that may wait for their reader; then they are dropped and show as a gap in `seq`. A run sends some hundreds
/// in a burst, and an event is a few hundred bytes.
const EVENTS: usize = 1024;
/// Ticks that may be missed before the connection counts as dead (RECON-2).
const TICKS_MISSED: u32 = 2;

/// Silence after which we ask for a sign of life (RECON-2).
const PING_AFTER: Duration = Duration::from_secs(15);
/// How long the other side has to give it. A busy line may carry something else first, which is a sign of life too.
const PONG_WITHIN: Duration = Duration::from_secs(10);
/// How long one frame may take to be written; a stalled line takes no more.
const WRITTEN_WITHIN: Duration = Duration::from_secs(25);

/// How long a goodbye may take on a line that may be dead.
const GOODBYE_WITHIN: Duration = Duration::from_secs(1);

/// `"<n>:<uuid>"`, as released clients number theirs.
pub(crate) fn request_id(number: u64) -> String {
    format!("{number}:{}", uuid::Uuid::new_v4())
}

/// Something to send that says nothing, for lines through SSH. An `sshd` that only forwards leaves Nagle's algorithm on: of
/// two things the Gateway says in a row it holds the second back until our kernel acknowledges the first, which it puts
/// off by 40 ms unless there is something to send. A pong nobody asked for is allowed (RFC 6455, 5.5.3).
pub(crate) fn acknowledgement() -> Message {
    Message::pong(Vec::new())
}

/// Starts the task and returns its handles.
pub(crate) fn spawn(socket: Socket, pins: Option<PinWatch>, is_ssh: bool, greeting: Greeting) -> (Client, Events) {
    let (commands, inbox) = mpsc::channel(COMMANDS);
    let (events, queue) = mpsc::channel(EVENTS);
    let (closed_tx, closed) = watch::channel(None);
    let ticks = Duration::from_millis(greeting.hello.policy.tick_interval_ms);
    let silence = ticks.max(Duration::from_millis(1)) * TICKS_MISSED;
    let pulse = Pulse { heard: Instant::now(), asked: None, pings: 0 };
    let actor = Actor { socket, inbox, events, pins, pending: HashMap::new(), requests: 1, silence, pulse, is_ssh };
    tokio::spawn(async move {
        let ended = actor.run().await;
        tracing::debug!(code = ended.code, reason = %ended.reason, "gateway connection ended");
        closed_tx.send_replace(Some(ended));
    });
    let client = Client { commands, closed: closed.clone(), greeting: Arc::new(greeting) };
    (client, Events { queue, closed, last_seq: 0, held: None })
}

struct Actor {
    socket: Socket,
    inbox: mpsc::Receiver<Command>,
    events: mpsc::Sender<Event>,
    pins: Option<PinWatch>,
    pending: HashMap<String, Pending>,
    requests: u64,
    silence: Duration,
    pulse: Pulse,
    /// Whether an SSH server stands between.
    is_ssh: bool,
}

/// Whether the other side is alive, as far as we know.
struct Pulse {
    heard: Instant,
    asked: Option<Asked>,
    pings: u64,
}

/// A ping that was sent.
struct Asked {
    number: u64,
    sent: Instant,
    by: Instant,
    /// Whether only its own pong will do: after a sleep, what still waits in our kernel proves nothing.
    strict: bool,
    tell: Option<oneshot::Sender<Duration>>,
}

impl Pulse {
    /// When something has to be done if nothing comes.
    fn due(&self) -> Instant {
        self.asked.as_ref().map_or(self.heard + PING_AFTER, |asked| asked.by)
    }

    fn hear(&mut self, message: &Message) {
        self.heard = Instant::now();
        let pong = |asked: &Asked| message.is_pong() && message.as_payload()[..] == asked.number.to_be_bytes();
        if let Some(asked) = self.asked.take_if(|asked| !asked.strict || pong(asked)) {
            let took = asked.sent.elapsed();
            // Whoever asked may have stopped waiting.
            let _gone = asked.tell.map(|tell| tell.send(took));
        }
    }
}

struct Pending {
    staged: bool,
    answers: mpsc::UnboundedSender<Response>,
}

impl Actor {
    /// Until the socket ends, the last handle is gone, or the Gateway falls silent.
    async fn run(mut self) -> Closed {
        let mut deadline = Instant::now() + self.silence;
        loop {
            tokio::select! {
                biased;
                message = self.socket.next() => {
                    match message {
                        Some(Ok(message)) => {
                            if !message.is_pong() {
                                deadline = Instant::now() + self.silence;
                            }
                            self.pulse.hear(&message);
                            if let Some(ended) = self.on_message(&message) {
                                return ended;
                            }
                            let waits = self.is_ssh && message.is_text() && !self.pending.is_empty();
                            if waits && let Err(ended) = self.write(acknowledgement()).await {
                                return ended;
                            }
                        }
                        Some(Err(error)) => return Closed { code: 1006, reason: error.to_string() },
                        None => return Closed { code: 1006, reason: String::new() },
                    }
                }
                command = self.inbox.recv() => match command {
                    Some(Command::Request { method, params, staged, answers }) => {
                        if let Err(ended) = self.send(&method, params.as_deref(), Pending { staged, answers }).await {
                            return ended;
                        }
                    }
                    Some(Command::Probe { within, tell }) => {
                        if let Err(ended) = self.ping(within, true, Some(tell)).await {
                            return ended;
                        }
                    }
                    Some(Command::Close(said)) => {
                        let ended = self.goodbye(close::NORMAL, "").await;
                        // The caller may have stopped waiting; the goodbye is said either way.
                        let _gone = said.send(());
                        return ended;
                    }
                    None => return self.goodbye(close::NORMAL, "").await,
                },
                () = sleep_until(self.pulse.due()) => {
                    if self.pulse.asked.is_some() {
                        return Closed { code: 1006, reason: "no answer to a ping".into() };
                    }
                    if let Err(ended) = self.ping(PONG_WITHIN, false, None).await {
                        return ended;
                    }
                }
                () = sleep_until(deadline) => return self.goodbye(close::TICK_TIMEOUT, "tick timeout").await,
            }
        }
    }

    async fn send(
        &mut self,
        method: &str,
        params: Option<&serde_json::value::RawValue>,
        pending: Pending,
    ) -> Result<(), Closed> {
        self.requests += 1;
        let id = request_id(self.requests);
        let text =
            serde_json::to_string(&Request::new(&id, method, params)).expect("a request frame always serialises");
        self.pending.insert(id, pending);
        self.write(Message::text(text)).await
    }

    /// Asks for a sign of life; a second question replaces the first unless the first is due earlier.
    async fn ping(
        &mut self,
        within: Duration,
        strict: bool,
        tell: Option<oneshot::Sender<Duration>>,
    ) -> Result<(), Closed> {
        self.pulse.pings += 1;
        let (number, sent) = (self.pulse.pings, Instant::now());
        let by = self.pulse.asked.as_ref().map_or(sent + within, |asked| asked.by.min(sent + within));
        self.pulse.asked = Some(Asked { number, sent, by, strict, tell });
        self.write(Message::ping(number.to_be_bytes().to_vec())).await
    }

    async fn write(&mut self, message: Message) -> Result<(), Closed> {
        let lost = |reason: String| Closed { code: 1006, reason };
        match timeout(WRITTEN_WITHIN, self.socket.send(message)).await {
            Ok(sent) => sent.map_err(|error| lost(error.to_string())),
            Err(_) => Err(lost("the line takes nothing more".into())),
        }
    }

    /// Takes one message; an answer when the connection is over.
    fn on_message(&mut self, message: &Message) -> Option<Closed> {
        if let Some((code, reason)) = message.as_close() {
            return Some(Closed { code: code.into(), reason: reason.to_owned() });
        }
        match serde_json::from_str(message.as_text()?) {
            Ok(FromGateway::Res(response)) => self.on_response(response),
            Ok(FromGateway::Event(event)) => {
                if let Some(pins) = &self.pins {
                    pins.event(&event);
                }
                // A full queue or a reader that left: the gap in `seq` tells whoever still reads.
                drop(self.events.try_send(event));
            }
            Err(error) => tracing::debug!(%error, "a frame that is neither response nor event"),
        }
        None
    }

    fn on_response(&mut self, response: Response) {
        let more = self.pending.get(&response.id).is_some_and(|pending| pending.staged && is_accepted(&response));
        let Some(pending) = self.pending.get(&response.id) else { return };
        let id = response.id.clone();
        // Whoever asked may have stopped waiting.
        let _gone = pending.answers.send(response);
        if !more {
            self.pending.remove(&id);
        }
    }

    async fn goodbye(&mut self, code: u16, reason: &str) -> Closed {
        let frame = CloseCode::try_from(code).ok().map(|code| Message::close(Some(code), reason));
        if let Some(frame) = frame {
            // The other side may be gone already, which is what we wanted.
            let _gone = timeout(GOODBYE_WITHIN, self.socket.send(frame)).await;
        }
        Closed { code, reason: reason.to_owned() }
    }
}
