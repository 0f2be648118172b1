//! From an accepted socket to a TLS stream, within a deadline; whoever speaks plaintext is told what to use.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Tls;
use crate::auth::provenance::Provenance;

/// From the accept to the end of the TLS handshake; the socket counts against its peer's places meanwhile.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The first byte of every TLS handshake.
const HANDSHAKE_RECORD: u8 = 0x16;
/// How long, and how much, of a plaintext request is read so that its sender gets to read the answer.
const PLAINTEXT_PATIENCE: Duration = Duration::from_secs(1);
const PLAINTEXT_MAX_BYTES: usize = 16 * 1024;

impl Tls {
    /// Shakes hands; `None` when that failed, and then the socket is done with.
    pub(crate) async fn accept(&self, stream: TcpStream, peer: &Provenance) -> Option<TlsStream<TcpStream>> {
        let shake = async {
            let mut first = [0; 1];
            if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE_RECORD {
                return Ok(Err(stream));
            }
            TlsAcceptor::from(self.server.clone()).accept(stream).await.map(Ok)
        };
        match timeout(HANDSHAKE_TIMEOUT, shake).await {
            Ok(Ok(Ok(stream))) => return Some(stream),
            Ok(Ok(Err(plaintext))) => {
                tracing::debug!(%peer, "plaintext on the TLS port");
                // Nothing depends on the answer arriving.
                let _told_or_gone = timeout(PLAINTEXT_PATIENCE, refuse(plaintext)).await;
            }
            Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
            Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
        }
        None
    }
}

/// Says it in HTTP, which is what came, most likely.
async fn refuse(mut stream: TcpStream) -> std::io::Result<()> {
    let said = "this port speaks TLS only: use https:// or wss://\n";
    let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close";
    let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{said}", said.len());
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    // Closing with unread bytes would reset the connection before the answer was read.
    let (mut read, mut scrap) = (0, [0; 1024]);
    while read < PLAINTEXT_MAX_BYTES {
        match stream.read(&mut scrap).await? {
            0 => break,
            some => read += some,
        }
    }
    Ok(())
}
