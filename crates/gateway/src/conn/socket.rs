//! Frames in and out of one WebSocket, behind a trait of two polls so that another WebSocket crate can be tried here.
//!
//! No extension is ever negotiated. Reading and writing are polled by the same task, so neither can starve the other.

use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;
use tokio_websockets::{CloseCode, Config, Error, Limits, Message, ServerBuilder, WebSocketStream};
use wire::close;

/// Pongs we may owe a peer that pings without reading; more, and the peer is not one we can talk with.
const MAX_OWED_PONGS: u32 = 64;
/// Thrown away at a time, on the stack.
const DISCARD_BYTES: usize = 8 * 1024;

/// What came in.
pub(crate) enum Inbound {
    /// A text message, or a binary one.
    Message(Incoming),
    /// A ping or pong: the peer is alive.
    Alive,
}

/// A message that came in.
pub(crate) struct Incoming(Message);

impl Incoming {
    /// Its text; `None` for a binary message that is not UTF-8.
    pub(crate) fn text(&self) -> Option<&str> {
        self.0.as_text().or_else(|| std::str::from_utf8(self.0.as_payload()).ok())
    }
}

/// Why nothing more will come in or can go out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Gone {
    /// The peer closed, or the line is cut.
    #[error("the peer is gone")]
    Closed,
    /// The peer sent more than the limit; it was told 1009.
    #[error("a message was above the size limit")]
    TooBig,
    /// The peer broke RFC 6455; it was told why.
    #[error("the peer broke the WebSocket protocol")]
    Protocol,
}

/// What goes out.
pub(crate) enum Outgoing {
    /// A text message.
    Text(String),
    /// A keep-alive.
    Ping,
    /// The last frame.
    Close(u16, String),
}

/// A message stream with both directions polled by one task.
pub(crate) trait FrameIo: Send {
    /// The next thing that comes in.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Inbound, Gone>>;

    /// Takes frames from `source` while there is room and flushes; ready when the source is dry and all is sent.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut dyn FnMut(&mut Context<'_>) -> Option<Outgoing>,
    ) -> Poll<Result<(), Gone>>;

    /// Allows messages up to `bytes` from now on.
    fn raise_limit(&mut self, bytes: usize);

    /// Sends what is left to send and throws away what still comes in; ready when the peer stops.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// [`FrameIo`] over tokio-websockets.
pub(crate) struct WebSocket<T> {
    stream: WebSocketStream<T>,
    owed_pongs: u32,
    closing: bool,
}

impl<T: AsyncRead + AsyncWrite + Unpin> WebSocket<T> {
    /// Takes over a stream whose upgrade is done; messages up to `limit` bytes are read.
    pub(crate) fn serve(io: T, limit: usize) -> Self {
        let builder =
            ServerBuilder::new().config(Config::default()).limits(Limits::default().max_payload_len(Some(limit)));
        Self { stream: builder.serve(io), owed_pongs: 0, closing: false }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> FrameIo for WebSocket<T> {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Inbound, Gone>> {
        let message = match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
            None => return Poll::Ready(Err(Gone::Closed)),
            Some(Ok(message)) => message,
            Some(Err(error)) => {
                let gone = match error {
                    Error::PayloadTooLong { max_len, .. } => {
                        // The crate has queued this close frame for a large frame, not for a message of many.
                        let close = Message::close(Some(CloseCode::MESSAGE_TOO_BIG), &format!("max length: {max_len}"));
                        let _already_queued = Pin::new(&mut self.stream).start_send(close);
                        Gone::TooBig
                    }
                    Error::Protocol(_) => Gone::Protocol,
                    _ => Gone::Closed,
                };
                let _best_effort = Pin::new(&mut self.stream).poll_flush(cx);
                return Poll::Ready(Err(gone));
            }
        };
        if message.is_close() {
            let _best_effort = Pin::new(&mut self.stream).poll_flush(cx);
            return Poll::Ready(Err(Gone::Closed));
        }
        if message.is_ping() {
            self.owed_pongs += 1;
            if self.owed_pongs > MAX_OWED_PONGS {
                return Poll::Ready(Err(Gone::Protocol));
            }
        }
        let control = message.is_ping() || message.is_pong();
        Poll::Ready(Ok(if control { Inbound::Alive } else { Inbound::Message(Incoming(message)) }))
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut dyn FnMut(&mut Context<'_>) -> Option<Outgoing>,
    ) -> Poll<Result<(), Gone>> {
        while !self.closing {
            ready!(Pin::new(&mut self.stream).poll_ready(cx)).map_err(|_| Gone::Closed)?;
            let Some(frame) = source(cx) else { break };
            let message = match frame {
                Outgoing::Text(text) => Message::text(text),
                Outgoing::Ping => Message::ping(Bytes::new()),
                Outgoing::Close(code, reason) => {
                    self.closing = true;
                    let code = CloseCode::try_from(code).unwrap_or(CloseCode::INTERNAL_SERVER_ERROR);
                    Message::close(Some(code), close::reason(&reason))
                }
            };
            Pin::new(&mut self.stream).start_send(message).map_err(|_| Gone::Closed)?;
        }
        ready!(Pin::new(&mut self.stream).poll_flush(cx)).map_err(|_| Gone::Closed)?;
        self.owed_pongs = 0;
        Poll::Ready(Ok(()))
    }

    fn raise_limit(&mut self, bytes: usize) {
        self.stream.limits_mut().set_max_payload_len(Some(bytes));
    }

    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let _best_effort = Pin::new(&mut self.stream).poll_flush(cx);
        let mut scratch = [MaybeUninit::uninit(); DISCARD_BYTES];
        loop {
            let mut rubbish = ReadBuf::uninit(&mut scratch);
            match ready!(Pin::new(self.stream.get_mut()).poll_read(cx, &mut rubbish)) {
                Ok(()) if !rubbish.filled().is_empty() => {}
                Ok(()) | Err(_) => return Poll::Ready(()),
            }
        }
    }
}

/// How long a peer has to take its last frames and answer our close.
const FAREWELL: Duration = Duration::from_secs(2);

/// Sends the last frames and gives the peer a moment to answer the close, so that the kernel does not throw away what
/// the peer has not read yet.
pub(crate) async fn part(mut io: impl FrameIo, last: impl IntoIterator<Item = Outgoing>) {
    let mut last = last.into_iter();
    let goodbye = async {
        let sent = poll_fn(|cx| io.poll_send(cx, &mut |_| last.next())).await;
        while sent.is_ok() && poll_fn(|cx| io.poll_receive(cx)).await.is_ok() {}
    };
    let _late = timeout(FAREWELL, goodbye).await;
}

/// Lets a peer that broke a rule read why. It may be in the middle of a large message: closing on it would have its
/// kernel throw our close frame away, so what comes is swallowed for a moment.
pub(crate) async fn outlast(mut io: impl FrameIo, why: &Gone) {
    if matches!(why, Gone::TooBig | Gone::Protocol) {
        let _late = timeout(FAREWELL, poll_fn(|cx| io.poll_discard(cx))).await;
    }
}
