//! A node never stays alive and silent (RECON-7): where there is neither a connection nor an attempt at one for too long,
//! its process ends, and whoever keeps it starts it anew.

use std::time::Duration;

use link::LinkState;
use tokio::sync::watch;
use tokio::time::sleep;

/// How long there may be neither.
pub(crate) const SILENT_FOR: Duration = Duration::from_secs(5 * 60);

/// Resolves when that has lasted, which should never be: a link dials by itself for ever, and says so each time.
pub(crate) async fn silence(mut state: watch::Receiver<LinkState>) {
    loop {
        let limit = match &*state.borrow_and_update() {
            LinkState::Up { .. } | LinkState::Ended => None,
            LinkState::Connecting { wait, .. } => Some(*wait + SILENT_FOR),
            LinkState::Paused { .. } => Some(SILENT_FOR),
        };
        let over = async {
            match limit {
                Some(limit) => sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = state.changed() => if changed.is_err() { std::future::pending::<()>().await },
            () = over => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use base::Explain as _;

    use super::*;
    use crate::HostError;

    fn dialling(attempt: u32) -> LinkState {
        LinkState::Connecting { attempt, wait: Duration::from_secs(30), because: "away".into() }
    }

    /// RECON-7: as long as something is tried nobody is woken; five minutes of nothing end the process with 75.
    #[tokio::test(start_paused = true)]
    async fn a_host_that_does_not_even_try_is_started_anew() {
        let (tell, state) = watch::channel(LinkState::Up { since: SystemTime::now(), rtt: None });
        let silent = tokio::spawn(silence(state));
        sleep(2 * SILENT_FOR).await;
        for attempt in 1..20 {
            tell.send_replace(dialling(attempt));
            sleep(SILENT_FOR).await;
        }
        assert!(!silent.is_finished(), "it tried every time");
        tell.send_replace(dialling(20));
        let began = tokio::time::Instant::now();
        silent.await.unwrap();
        assert!(began.elapsed() >= SILENT_FOR + Duration::from_secs(30));
        assert_eq!(HostError::Silent.kind().exit_code(), 75);
    }
}
