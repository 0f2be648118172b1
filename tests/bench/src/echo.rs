//! The floors: a WebSocket server that does nothing but send back what it got, and one that passes it on.

use anyhow::Result;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_websockets::ServerBuilder;

use crate::client::Stream;

/// Serves until killed, over TLS 1.3 with a key of the kind a Gateway makes when `tls`; prints its port on the first line.
#[expect(clippy::print_stdout, reason = "the parent reads the port from there")]
pub(crate) async fn serve(tls: bool) -> Result<()> {
    let acceptor = tls.then(|| TlsAcceptor::from(kit::tls::TestPair::self_signed().server()));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let stream: Box<dyn Stream> = match acceptor {
                None => Box::new(stream),
                Some(acceptor) => match acceptor.accept(stream).await {
                    Ok(stream) => Box::new(stream),
                    Err(_) => return,
                },
            };
            let Ok((_request, mut socket)) = ServerBuilder::new().accept(stream).await else { return };
            while let Some(Ok(message)) = socket.next().await {
                if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
                    break;
                }
            }
        });
    }
}

/// Serves pairs until killed: whatever one of two connections says, the other one is sent.
#[expect(clippy::print_stdout, reason = "the parent reads the port from there")]
pub(crate) async fn relay() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (one, other) = (accepted(&listener).await?, accepted(&listener).await?);
        let ((to_one, from_one), (to_other, from_other)) = (one.split(), other.split());
        tokio::spawn(from_one.forward(to_other));
        tokio::spawn(from_other.forward(to_one));
    }
}

async fn accepted(listener: &TcpListener) -> Result<tokio_websockets::WebSocketStream<tokio::net::TcpStream>> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(ServerBuilder::new().accept(stream).await?.1)
}
