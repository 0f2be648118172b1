//! The floor: a WebSocket server that does nothing but send back what it got.

use anyhow::Result;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpListener;
use tokio_websockets::ServerBuilder;

/// Serves until killed; prints its port on the first line.
#[expect(clippy::print_stdout, reason = "the parent reads the port from there")]
pub(crate) async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let Ok((_request, mut socket)) = ServerBuilder::new().accept(stream).await else { return };
            while let Some(Ok(message)) = socket.next().await {
                if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
                    break;
                }
            }
        });
    }
}
