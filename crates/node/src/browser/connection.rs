//! The way to a browser: one task owns the socket. Who asks waits for the answer with the number of its command; what
//! happens is told to one listener at once, which says what is done about it, so that there is no queue to overflow.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_websockets::{ClientBuilder, Error, Limits, Message, WebSocketStream};
use url::Url;

use super::cdp::{ANSWER, Command, Event, Fault, Incoming};

/// Largest message that is taken. A picture or PDF comes as one, in base64; those that are passed on have 10 MiB, and
/// of a larger one its size must still be told.
const MESSAGE_MAX_BYTES: usize = 64 * 1024 * 1024;
/// Commands that wait to be sent; who comes after them waits with the command in hand.
const COMMANDS: usize = 16;
/// How long a browser may take to read a command.
const TAKEN_WITHIN: Duration = Duration::from_secs(10);

/// What is told of all that happens, and says what is done about it.
pub(super) trait Listener: Send + 'static {
    fn hear(&self, event: &Event<'_>) -> Vec<Command>;
}

/// A connection to a browser; it ends when the last of its handles is dropped, or [`AbortHandle`] is used.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    commands: mpsc::Sender<Asked>,
}

type Answer = oneshot::Sender<Result<Value, Fault>>;

/// A command somebody waits for.
struct Asked {
    command: Command,
    answer: Answer,
}

impl Connection {
    /// Connects to a browser on this machine.
    ///
    /// # Errors
    /// That nobody there speaks WebSocket.
    pub(super) async fn open(address: &Url, listener: impl Listener) -> Result<(Self, AbortHandle), Fault> {
        let socket = timeout(ANSWER, dial(address)).await.map_err(|_| Fault::Silent(ANSWER))?;
        Ok(Self::over(socket.map_err(|error| lost(&error))?, listener))
    }

    fn over<S>(socket: WebSocketStream<S>, listener: impl Listener) -> (Self, AbortHandle)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (commands, asked) = mpsc::channel(COMMANDS);
        let line = Line { socket, listener, waiting: HashMap::new(), last: 0 };
        let task = tokio::spawn(line.keep(asked));
        (Self { commands }, task.abort_handle())
    }

    /// Tells the browser something and waits for what it says.
    ///
    /// # Errors
    /// What it says against it; that it says nothing in time, or is gone.
    pub(super) async fn call(&self, command: Command, patience: Duration) -> Result<Value, Fault> {
        let gone = || Fault::Lost("it has ended".to_owned());
        let (answer, answered) = oneshot::channel();
        let asks = async {
            self.commands.send(Asked { command, answer }).await.map_err(|_| gone())?;
            answered.await.map_err(|_| gone())?
        };
        timeout(patience, asks).await.unwrap_or(Err(Fault::Silent(patience)))
    }

    /// Whether it still leads to a browser.
    pub(super) fn lives(&self) -> bool {
        !self.commands.is_closed()
    }

    /// Waits until it does not.
    pub(super) async fn ended(&self) {
        self.commands.closed().await;
    }
}

async fn dial(address: &Url) -> Result<WebSocketStream<TcpStream>, Error> {
    let host = address.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, address.port_or_known_default().unwrap_or_default())).await?;
    // Most commands are small and wait for their answer.
    stream.set_nodelay(true)?;
    let limits = Limits::default().max_payload_len(Some(MESSAGE_MAX_BYTES));
    let builder = ClientBuilder::new().uri(address.as_str()).map_err(|_| Error::CannotResolveHost)?.limits(limits);
    builder.connect_on(stream).await.map(|(socket, _)| socket)
}

/// Why a connection is no more; never with what a page may have put into a message.
fn lost(error: &Error) -> Fault {
    Fault::Lost(match error {
        Error::PayloadTooLong { len, max_len } => {
            format!("it sent a message of {len} bytes, and {max_len} are taken at most")
        }
        other => format!("the connection to it is lost: {other}"),
    })
}

/// The socket, and who waits for which number.
struct Line<S, L> {
    socket: WebSocketStream<S>,
    listener: L,
    waiting: HashMap<u64, (Command, Answer)>,
    /// The number of the last command.
    last: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin, L: Listener> Line<S, L> {
    async fn keep(mut self, mut asked: mpsc::Receiver<Asked>) {
        let fault = loop {
            let kept = tokio::select! {
                next = asked.recv() => match next {
                    Some(asked) => self.ask(asked).await,
                    None => return,
                },
                message = self.socket.next() => match message {
                    Some(Ok(message)) => self.take(&message).await,
                    Some(Err(error)) => Err(lost(&error)),
                    None => Err(Fault::Lost("it has ended".to_owned())),
                },
            };
            if let Err(fault) = kept {
                break fault;
            }
        };
        tracing::debug!(%fault, "the browser is heard no more");
        self.end(|_| true, &fault);
    }

    async fn ask(&mut self, Asked { command, answer }: Asked) -> Result<(), Fault> {
        // Those who have given up are forgotten here, so that no more are kept than wait.
        self.waiting.retain(|_, (_, answer)| !answer.is_closed());
        let id = self.say(&command).await?;
        self.waiting.insert(id, (command, answer));
        Ok(())
    }

    async fn say(&mut self, command: &Command) -> Result<u64, Fault> {
        self.last += 1;
        let sent = timeout(TAKEN_WITHIN, self.socket.send(Message::text(command.text(self.last)))).await;
        match sent {
            Ok(Ok(())) => Ok(self.last),
            Ok(Err(error)) => Err(lost(&error)),
            Err(_) => Err(Fault::Lost(format!("it took no command within {} s", TAKEN_WITHIN.as_secs()))),
        }
    }

    async fn take(&mut self, message: &Message) -> Result<(), Fault> {
        if !message.is_text() && !message.is_binary() {
            return Ok(());
        }
        let strange = || Fault::Lost("it sent what is no message of the DevTools protocol".to_owned());
        match message.as_text().and_then(Incoming::read).ok_or_else(strange)? {
            Incoming::Answer(id, outcome) => {
                let Some((command, answer)) = self.waiting.remove(&id) else {
                    // To a command of the listener's, or too late.
                    if let Err(error) = outcome {
                        tracing::debug!(%error, "the browser refused what nobody waits for");
                    }
                    return Ok(());
                };
                let read = |raw: &serde_json::value::RawValue| serde_json::from_str(raw.get()).map_err(|_| strange());
                if answer.send(outcome.and_then(read)).is_err() {
                    tracing::debug!(method = command.method, "the browser's answer came too late");
                }
            }
            Incoming::Event(event) => {
                for command in self.listener.hear(&event) {
                    self.say(&command).await?;
                }
                if let Some(session) = event.parted() {
                    // The browser does not answer there any more.
                    self.end(|command| command.session_id.as_deref() == Some(&session), &Fault::Closed);
                }
            }
        }
        Ok(())
    }

    /// Ends the waiting of those who wait for nothing.
    fn end(&mut self, which: impl Fn(&Command) -> bool, fault: &Fault) {
        for (_, (_, answer)) in self.waiting.extract_if(|_, (command, _)| which(command)) {
            let _who_has_given_up_is_not_told = answer.send(Err(fault.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::io::DuplexStream;
    use tokio_websockets::ServerBuilder;

    use super::*;

    /// Greets a page that comes, as anybody would.
    struct Greets;

    impl Listener for Greets {
        fn hear(&self, event: &Event<'_>) -> Vec<Command> {
            let session_id = event.session.as_deref().map(Into::into);
            vec![Command { session_id, method: "Page.enable", params: json!({}) }]
        }
    }

    type Browser = WebSocketStream<DuplexStream>;

    fn pair() -> (Connection, Browser) {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (connection, _) = Connection::over(ClientBuilder::new().take_over(ours), Greets);
        (connection, ServerBuilder::new().serve(theirs))
    }

    async fn heard(browser: &mut Browser) -> Value {
        serde_json::from_str(browser.next().await.unwrap().unwrap().as_text().unwrap()).unwrap()
    }

    async fn says(browser: &mut Browser, message: Value) {
        browser.send(Message::text(message.to_string())).await.unwrap();
    }

    fn command(session: &str) -> Command {
        Command { session_id: Some(session.into()), method: "Runtime.evaluate", params: json!({"expression": "1"}) }
    }

    #[tokio::test(start_paused = true)]
    async fn each_hears_its_own_answer_in_its_own_time() {
        let (connection, mut browser) = pair();
        let scene = async {
            let (first, second) = (heard(&mut browser).await, heard(&mut browser).await);
            assert_eq!((&first["sessionId"], &second["sessionId"]), (&json!("A"), &json!("B")));
            says(&mut browser, json!({"id": second["id"], "result": {"b": 1}})).await;
            says(&mut browser, json!({"id": 99, "result": {}})).await;
            says(&mut browser, json!({"id": first["id"], "error": {"code": 1, "message": "no"}})).await;
            let silent = heard(&mut browser).await;
            let next = heard(&mut browser).await;
            says(&mut browser, json!({"id": silent["id"], "result": {"late": 1}})).await;
            says(&mut browser, json!({"id": next["id"], "result": {"next": 1}})).await;
        };
        let calls = async {
            let both = tokio::join!(connection.call(command("A"), ANSWER), connection.call(command("B"), ANSWER));
            assert_eq!(both, (Err(Fault::Refused("no".into())), Ok(json!({"b": 1}))));
            let silent = connection.call(command("A"), ANSWER).await;
            assert_eq!(silent, Err(Fault::Silent(ANSWER)));
            assert_eq!(connection.call(command("A"), ANSWER).await, Ok(json!({"next": 1})));
        };
        tokio::join!(scene, calls);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_page_that_is_gone() {
        let (connection, mut browser) = pair();
        let scene = async {
            heard(&mut browser).await;
            let other = heard(&mut browser).await;
            says(&mut browser, json!({"method": "Target.detachedFromTarget", "params": {"sessionId": "A"}})).await;
            let greeting = heard(&mut browser).await;
            assert_eq!(greeting["method"], "Page.enable", "what the listener wants is sent");
            says(&mut browser, json!({"id": other["id"], "result": {}})).await;
        };
        let calls =
            async { tokio::join!(connection.call(command("A"), ANSWER), connection.call(command("B"), ANSWER)) };
        let ((), both) = tokio::join!(scene, calls);
        assert_eq!(both, (Err(Fault::Closed), Ok(json!({}))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_browser_that_takes_nothing_is_lost() {
        let (connection, browser) = pair();
        let large = Command { params: json!("x".repeat(1024 * 1024)), ..command("A") };
        let fault = connection.call(large, ANSWER).await.unwrap_err();
        assert!(matches!(&fault, Fault::Lost(_)), "{fault:?}");
        connection.ended().await;
        assert!(!connection.lives());
        drop(browser);
    }
}
