//! Watches the files and takes a renewed pair over; the connections that stand keep theirs (TLS-4, TLS-12).
//!
//! A pair that is not whole, or does not belong together, changes nothing and is said once in the log: certificate and
//! key are never written in one step, so the next look will find them whole.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use notify_debouncer_full::notify::RecursiveMode;
use notify_debouncer_full::{DebounceEventResult, new_debouncer};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wire::events;

use super::pair::Pair;
use super::rotate;
use super::{State, Tls};
use crate::hub::Hub;

/// Writers write twice; this is how long a change is let settle.
const SETTLE: Duration = Duration::from_millis(250);
/// For changes no watcher sees: a link further up, a network file system, the end of an overlap.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Looks after the pair until `stop`.
pub(crate) async fn watch(tls: Arc<Tls>, hub: Hub, stop: CancellationToken) {
    let (changed_tx, mut changed) = mpsc::channel(1);
    let notice = move |seen: DebounceEventResult| {
        // Reading the files is an event too; only what may have changed them counts.
        if seen.is_ok_and(|events| events.iter().any(|event| !event.kind.is_access())) {
            // A full channel: the next look sees this change as well.
            let _already_told = changed_tx.try_send(());
        }
    };
    let mut watcher = new_debouncer(SETTLE, None, notice)
        .inspect_err(|error| tracing::warn!(%error, "certificates cannot be watched; they are looked at every 30 s"))
        .ok();
    for folder in [tls.files.cert.parent(), tls.files.key.parent()].into_iter().flatten() {
        if let Some(watcher) = &mut watcher
            && let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive)
        {
            tracing::warn!(%error, folder = %folder.display(), "this folder cannot be watched");
        }
    }
    let mut refused = None;
    loop {
        look(&tls, &hub, &mut refused);
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            Some(()) = changed.recv() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// One look; `refused` is what was said about a bad pair, so that it is said once.
fn look(tls: &Tls, hub: &Hub, refused: &mut Option<String>) {
    let files = &tls.files;
    if is_due(&files.next_cert)
        && files.announced().fingerprint.is_some()
        && let Err(error) = files.promote()
    {
        tracing::warn!(%error, "the next certificate could not be put in place");
    }
    let before = tls.shown.state();
    let next = files.announced();
    let pair = match Pair::load(&files.cert, &files.key) {
        Ok(pair) => {
            *refused = None;
            Arc::new(pair)
        }
        Err(error) => {
            let said = error.to_string();
            if refused.as_ref() != Some(&said) {
                tracing::warn!("the certificate in force is kept: {said}");
                *refused = Some(said);
            }
            before.pair.clone()
        }
    };
    if pair.fingerprint != before.pair.fingerprint {
        tracing::info!(fingerprint = %pair.fingerprint, "a renewed certificate is in force");
    }
    tls.shown.put(State { pair, next: next.clone() });
    if next != before.next {
        tracing::info!(fingerprint = next.fingerprint.as_deref().unwrap_or("none"), "the next certificate");
        hub.broadcast(&events::TLS_NEXT, &next);
    }
}

/// Whether the announced pair has waited its time.
fn is_due(next_cert: &Path) -> bool {
    let made = std::fs::metadata(next_cert).and_then(|meta| meta.modified());
    made.is_ok_and(|made| rotate::is_over(made, SystemTime::now()))
}
