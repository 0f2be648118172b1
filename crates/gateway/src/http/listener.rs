//! Accepts sockets, within the limits of `conn::limits`, and speaks HTTP/1.1 on them until an upgrade takes one over.

use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_util::sync::CancellationToken;

use super::incoming::{Door, Incoming, Socket, Stream};
use super::router;
use crate::auth::provenance::Provenance;
use crate::conn::handshake::Front;
use crate::conn::limits::{Place, Places};

/// From the first byte to the end of the request's headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest request head, and what an idle HTTP connection may buffer.
const HEAD_MAX_BYTES: usize = 16 * 1024;
/// After a failed accept (out of file descriptors, most often).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts until `stop`.
pub(crate) async fn accept(door: Door, places: Places, front: Front, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = door.accept() => accepted,
        };
        match accepted {
            Ok(Some(incoming)) => match places.take(incoming.from.charged()) {
                Some(place) => drop(front.tasks.spawn(speak(incoming, place, front.clone(), stop.clone()))),
                None => tracing::warn!(peer = %incoming.from, "too many connections; this one is closed"),
            },
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Speaks TLS first where the port does (TLS-1); the socket in the state folder needs none, and tailscaled has spoken it.
async fn speak(incoming: Incoming, place: Place, front: Front, stop: CancellationToken) {
    let Incoming { socket, from } = incoming;
    let tls = front.services.tls.clone().filter(|_| matches!(from, Provenance::Tcp(_)));
    let stream: Box<dyn Stream> = match (socket, tls) {
        (Socket::Tcp(stream), Some(tls)) => {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                accepted = tls.accept(stream, &from) => accepted,
            };
            match accepted {
                Some(stream) => Box::new(stream),
                None => return,
            }
        }
        (Socket::Tcp(stream), None) => Box::new(stream),
        (Socket::Unix(stream), _) => Box::new(stream),
    };
    serve(stream, from, place, front, stop).await;
}

/// Speaks HTTP on a stream, plain or not.
async fn serve(stream: Box<dyn Stream>, from: Provenance, place: Place, front: Front, stop: CancellationToken) {
    let place = std::sync::Mutex::new(Some(place));
    let service = service_fn(|request| {
        let place = &place;
        let front = &front;
        async move { Ok::<_, std::convert::Infallible>(router::route(request, from, place, front).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEAD_MAX_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        biased;
        served = connection.as_mut() => served,
        // A browser or a probe keeps its connection open between requests; stopping must not wait for the next one.
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(peer = %from, %error, "an HTTP connection ended badly");
    }
}
