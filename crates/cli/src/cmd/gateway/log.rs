//! Where log lines go: stderr for a person, and for the daemon a daily file of JSON lines besides (LOG-1).

use std::path::Path;

use tracing::Level;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{Builder, Rotation};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;

/// Logs to stderr at `level`.
pub(in crate::cmd) fn to_stderr(level: Level, color: bool) {
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(color).with_target(false);
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(LevelFilter::from_level(level)));
    // Only the daemon sets another one, and it comes later.
    let _already = tracing::subscriber::set_global_default(subscriber);
}

/// Logs to stderr at `level` and, from `info` on, to today's file in `folder`, which only the owner can enter. The
/// answer keeps the file's writer alive.
pub(super) fn of_daemon(level: Level, color: bool, folder: &Path) -> std::io::Result<WorkerGuard> {
    base::ensure_private_dir(folder)?;
    let file = Builder::new().rotation(Rotation::DAILY).filename_prefix("openclaw").filename_suffix("log");
    let (file, guard) = tracing_appender::non_blocking(file.build(folder).map_err(std::io::Error::other)?);
    let person = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(color).with_target(false);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(file);
    let subscriber = tracing_subscriber::registry()
        .with(person.with_filter(LevelFilter::from_level(level)))
        .with(lines.with_filter(LevelFilter::from_level(level.max(Level::INFO))));
    let _already = tracing::subscriber::set_global_default(subscriber);
    Ok(guard)
}
