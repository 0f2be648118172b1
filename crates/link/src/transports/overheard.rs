//! A plaintext stream that remembers the first bytes of the answer, to tell a TLS port from other strangers.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::ByteStream;

/// Enough for the head and the sentence of a server that was spoken to in plaintext and wants TLS.
const KEPT_BYTES: usize = 512;

/// What was heard first.
#[derive(Debug, Clone, Default)]
pub(crate) struct FirstBytes(Arc<Mutex<Vec<u8>>>);

impl FirstBytes {
    /// Whether they are a TLS alert, or an HTTP answer that asks for https.
    pub(crate) fn want_tls(&self) -> bool {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_alert = bytes.starts_with(&[0x15, 0x03]);
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        let is_bad_request = text.starts_with("http/1.") && text.get(8..).is_some_and(|rest| rest.starts_with(" 4"));
        is_alert || is_bad_request && text.contains("https")
    }
}

/// The stream.
pub(crate) struct Overheard {
    stream: Box<dyn ByteStream>,
    first: FirstBytes,
    kept: usize,
}

impl Overheard {
    pub(crate) fn new(stream: Box<dyn ByteStream>) -> (Self, FirstBytes) {
        let first = FirstBytes::default();
        (Self { stream, first: first.clone(), kept: 0 }, first)
    }
}

impl AsyncRead for Overheard {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if self.kept < KEPT_BYTES && polled.is_ready() {
            let new = &buffer.filled()[before..];
            let new = &new[..new.len().min(KEPT_BYTES - self.kept)];
            self.first.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(new);
            self.kept += new.len();
        }
        polled
    }
}

impl AsyncWrite for Overheard {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
