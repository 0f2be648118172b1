//! Follows the config file (CFG-8): what can apply to a running daemon does, the rest restarts it once it is idle, and
//! a file that cannot be used changes nothing and is said once.
//!
//! Folders are watched and not the file: editors write beside it and rename, and a mounted config is a symlink that is
//! swapped. Whatever happens there is only a hint to read again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::Explain as _;
use config::{Loaded, ReloadMode, Restart};
use notify_debouncer_full::notify::{self, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use wire::events;

use crate::reload;
use crate::rpc::After;
use crate::services::Services;

/// Several writes of one save are one change.
const SETTLES_WITHIN: Duration = Duration::from_millis(300);

/// Between two restarts that a changed config asks for (RATE-6): a loop that rewrites the file must not keep the Gateway
/// from ever being up.
const COOLDOWN: Duration = Duration::from_secs(30);
/// When the last one was, in the store.
const LAST_RESTART: &str = "lastConfigRestartAtMs";

/// Runs until `stop`.
pub(crate) async fn run(services: Arc<Services>, stop: CancellationToken) {
    let mut folders = Folders::new(&services);
    loop {
        folders.follow(&services);
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = services.reload.look_wanted() => {}
            () = idle_restart(&services) => return,
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SETTLES_WITHIN) => {}
        }
        look(&services).await;
    }
}

/// Resolves once a restart that was put off is asked for: no run is at work, and the last one was a while ago.
async fn idle_restart(services: &Services) {
    services.reload.restart_due().await;
    let last = services.store.meta_get(LAST_RESTART).await.unwrap_or_default().and_then(|at| at.as_i64());
    let wait = cooldown(last, base::now_ms());
    if !wait.is_zero() {
        tracing::info!(seconds = wait.as_secs(), "the config asks for a restart so soon after the last: it waits");
        tokio::time::sleep(wait).await;
    }
    while let Some(run) = services.lanes.runs().any() {
        run.ended().await;
    }
    tracing::info!("the config asks for a restart and nothing is at work: restarting");
    if let Err(error) = services.store.meta_set(LAST_RESTART, &json!(base::now_ms())).await {
        tracing::warn!(%error, "when the restart was could not be written down");
    }
    services.reload.want_restart();
}

/// What is left of the pause after a restart at `last`. A clock that was set back makes nobody wait longer than that.
fn cooldown(last: Option<i64>, now: i64) -> Duration {
    let passed = last.and_then(|last| u64::try_from(now.saturating_sub(last)).ok()).map(Duration::from_millis);
    passed.map_or(Duration::ZERO, |passed| COOLDOWN.saturating_sub(passed))
}

/// Reads the file and takes it over, or says why not.
async fn look(services: &Services) {
    let (file, env) = (services.config.paths().config_file.clone(), services.config.env().clone());
    let read = tokio::task::spawn_blocking(move || config::load(&file, &env)).await;
    let taken = match read {
        Ok(Ok(loaded)) => take_over(services, loaded),
        Ok(Err(problems)) => Err(problems.to_string()),
        Err(error) => Err(format!("the config could not be read: {error}")),
    };
    if services.config.note_problem(taken.err()) {
        if let Some(problem) = services.config.problem() {
            tracing::error!(%problem, "the changed config is not used; the one in force stays");
        }
        if let Err(error) = services.health.probe().await {
            tracing::warn!(%error, "the look at our health failed");
        }
    }
}

fn take_over(services: &Services, loaded: Loaded) -> Result<(), String> {
    let old = services.config.loaded();
    let changes = config::reload::changes(&old.source, &loaded.source);
    let needs = changes.iter().map(|(_, needs)| *needs).max().unwrap_or(Restart::None);
    if old.exists && !loaded.exists {
        return Err("the config file is gone".into());
    }
    if needs == Restart::None {
        services.config.replace(loaded);
        return Ok(());
    }
    if let Some(refusal) = services.reload.refusal(&loaded.config, services.config.env()) {
        let next: Vec<String> = refusal.next().iter().map(|step| step.text().to_owned()).collect();
        return Err(format!("{refusal} ({})", next.join("; ")));
    }
    let changed: Vec<String> = changes.iter().map(|(path, _)| path.to_string()).collect();
    if old.config.gateway.reload.mode == ReloadMode::Off {
        if services.reload.is_news(loaded.hash.as_deref()) {
            tracing::warn!(?changed, "the config changed; gateway.reload.mode is off, so a restart takes it over");
        }
        return Ok(());
    }
    let hash = loaded.hash.clone();
    let after = After::default();
    reload::apply(services, &after, loaded).map_err(|missing| missing.to_string())?;
    after.run();
    tracing::info!(?changed, restart = needs == Restart::Required, "the config changed");
    let event = json!({"path": services.config.paths().config_file, "hash": hash, "changedPaths": changed});
    services.hub.broadcast(&events::CONFIG_CHANGED, &event);
    Ok(())
}

/// The watched folders: of the config file, of what it is a link to, and of what it includes.
struct Folders {
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
}

impl Folders {
    fn new(services: &Services) -> Self {
        let reload = services.reload.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading the file is an event too.
            if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
                reload.want_look();
            }
        });
        let watcher = watcher
            .inspect_err(|error| {
                tracing::warn!(%error, "the config file is not watched; SIGHUP reloads it");
            })
            .ok();
        Self { watcher, watched: BTreeSet::new() }
    }

    fn follow(&mut self, services: &Services) {
        let Some(watcher) = &mut self.watcher else { return };
        let file = &services.config.paths().config_file;
        let target = std::fs::canonicalize(file).ok();
        let loaded = services.config.loaded();
        let files = [file].into_iter().chain(&target).chain(&loaded.included);
        for folder in files.filter_map(|file| file.parent()).map(Path::to_owned).collect::<BTreeSet<_>>() {
            if self.watched.contains(&folder) {
                continue;
            }
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(folder);
                    // What happened here before it was watched.
                    services.reload.want_look();
                }
                Err(error) => tracing::warn!(folder = %folder.display(), %error, "changes here are not seen"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RATE-6
    #[test]
    fn restarts_that_a_config_asks_for_are_half_a_minute_apart() {
        assert_eq!(cooldown(None, 5), Duration::ZERO, "the first one is at once");
        assert_eq!(cooldown(Some(100_000), 110_000), Duration::from_secs(20));
        assert_eq!(cooldown(Some(100_000), 130_000), Duration::ZERO);
        assert_eq!(cooldown(Some(200_000), 100_000), Duration::ZERO, "the clock was set back");
    }
}
