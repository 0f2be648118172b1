//! A channel of an SSH connection as one byte stream, whose end tells why.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use russh::ChannelStream;
use russh::client::Msg;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::jump::Hop;
use super::session::End;
use crate::transports::ssh::SshFailure;

/// The stream. Its connection lives at least as long as it does.
pub(crate) struct Channel {
    stream: ChannelStream<Msg>,
    end: End,
    hop: Hop,
    far_port: u16,
}

impl Channel {
    pub(super) fn new(stream: ChannelStream<Msg>, end: End, hop: Hop, far_port: u16) -> Self {
        Self { stream, end, hop, far_port }
    }

    /// Why the connection below ended, if it did.
    fn failure(&self) -> Option<io::Error> {
        let (problem, said) = self.end.get()?;
        Some(io::Error::other(SshFailure { far_port: self.far_port, ..self.hop.failure(problem, said) }))
    }
}

impl AsyncRead for Channel {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer));
        if read.is_ok() && (buffer.filled().len() > before || buffer.remaining() == 0) {
            return Poll::Ready(Ok(()));
        }
        // The end of a channel is as good as any, unless its connection broke.
        Poll::Ready(self.failure().map_or(read, Err))
    }
}

impl AsyncWrite for Channel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        Poll::Ready(written.map_err(|error| self.failure().unwrap_or(error)))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
