//! The two pipes of an `ssh` as one stream, whose end tells why.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::process::{ChildStdin, ChildStdout};

use super::SshFailure;
use super::openssh::Life;

/// A shared connection that lets nothing through for so long is not offered to the next caller: its server may be
/// gone, and it would only notice after [`super::options`]'s keep-alive ran out.
const MUTE_AFTER: Duration = Duration::from_secs(3);

type LastWords = Pin<Box<dyn Future<Output = Option<SshFailure>> + Send>>;

/// A stream through SSH. Dropping it kills its `ssh`, not the connection it shares.
pub(crate) struct SshStream {
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    end: End,
    heard: bool,
    opened: Instant,
    socket: Option<PathBuf>,
}

/// How far the end is known.
enum End {
    /// It lives.
    Not(Option<Box<Life>>),
    /// It is being asked why.
    Asked(LastWords),
    /// It has said so.
    Told(Option<SshFailure>),
}

impl SshStream {
    pub(super) fn new(stdin: ChildStdin, stdout: ChildStdout, life: Life, socket: Option<PathBuf>) -> Self {
        let end = End::Not(Some(Box::new(life)));
        Self { stdin: Some(stdin), stdout, end, heard: false, opened: Instant::now(), socket }
    }

    /// Why it ended; `None` when the far side closed as one does.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Option<SshFailure>> {
        loop {
            match &mut self.end {
                End::Not(life) => {
                    self.end = match life.take() {
                        Some(life) => End::Asked(Box::pin(life.last_words())),
                        None => End::Told(None),
                    };
                }
                End::Asked(words) => self.end = End::Told(ready!(words.as_mut().poll(cx))),
                End::Told(failure) => return Poll::Ready(failure.clone()),
            }
        }
    }
}

impl Drop for SshStream {
    fn drop(&mut self) {
        let mute = !self.heard && matches!(self.end, End::Not(_)) && self.opened.elapsed() >= MUTE_AFTER;
        if let Some(socket) = self.socket.as_ref().filter(|_| mute) {
            // Whoever uses that connection keeps it; without its name it ends by itself when nobody does.
            let _gone_already = std::fs::remove_file(socket);
        }
    }
}

impl AsyncRead for SshStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if matches!(self.end, End::Not(_)) {
            let before = buffer.filled().len();
            let read = ready!(Pin::new(&mut self.stdout).poll_read(cx, buffer));
            if read.is_ok() && buffer.filled().len() > before {
                self.heard = true;
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Ready(ready!(self.poll_end(cx)).map_or(Ok(()), |failure| Err(io::Error::other(failure))))
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut broken = io::Error::from(io::ErrorKind::BrokenPipe);
        let lives = matches!(self.end, End::Not(_));
        if let Some(stdin) = self.stdin.as_mut().filter(|_| lives) {
            match ready!(Pin::new(stdin).poll_write(cx, bytes)) {
                Ok(count) => return Poll::Ready(Ok(count)),
                Err(error) => broken = error,
            }
        }
        Poll::Ready(Err(ready!(self.poll_end(cx)).map_or(broken, io::Error::other)))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.stdin.as_mut() {
            Some(stdin) => Pin::new(stdin).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stdin = None;
        Poll::Ready(Ok(()))
    }
}
