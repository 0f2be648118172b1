//! Log set-up: JSON lines in a daily private file, plain lines on a terminal, and no secret in either (LOG-1, LOG-2).
//!
//! Redaction is by value and by field, never by a pattern over our own prose: every secret the program learns is
//! registered with [`hide`], and its value is replaced wherever it turns up; a field named like a secret never shows its
//! text, a URL neither its userinfo nor such a parameter. What is a [`Secret`] prints as `***` in any field anyway.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, RwLock};

use tracing::field::Field;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;
use tracing_subscriber::{Layer as _, filter::LevelFilter, fmt};

use crate::{REDACTED, Secret, ensure_private_dir, redact};

/// Shorter values would turn ordinary words into holes.
const SHORTEST_SECRET: usize = 6;
/// Daily files kept.
const KEEP_DAYS: usize = 14;

/// Room for an ordinary line.
const LINE_BYTES: usize = 256;

static SECRETS: RwLock<Vec<Secret>> = RwLock::new(Vec::new());

/// Has `secret` replaced wherever it turns up in a log line from now on. Very short values are not, since they would
/// eat ordinary words.
pub fn hide(secret: &Secret) {
    if secret.expose().len() < SHORTEST_SECRET {
        return;
    }
    let mut secrets = SECRETS.write().unwrap_or_else(PoisonError::into_inner);
    if !secrets.iter().any(|known| known.expose() == secret.expose()) {
        secrets.push(secret.clone());
    }
}

/// `line` with every registered secret replaced, and what fields and URLs show of others.
pub fn redact(line: &str) -> String {
    let secrets = SECRETS.read().unwrap_or_else(PoisonError::into_inner);
    let line = redact::urls(&redact::fields(line)).into_owned();
    secrets.iter().fold(line, |line, secret| {
        if line.contains(secret.expose()) { line.replace(secret.expose(), REDACTED) } else { line }
    })
}

/// Where today's log of a folder is.
pub fn file_of_today(folder: &Path) -> PathBuf {
    folder.join(format!("openclaw-{}.log", today()))
}

fn today() -> String {
    jiff::Zoned::now().date().to_string()
}

/// What is written where.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// The folder of the daily files, made 0700; `None` writes no file.
    pub folder: Option<PathBuf>,
    /// How much goes to the file.
    pub file_level: tracing::Level,
    /// How much goes to the terminal; `None` writes nothing there.
    pub console_level: Option<tracing::Level>,
}

/// Starts logging for this process; a second call changes nothing.
///
/// # Errors
/// When the folder cannot be made private.
pub fn init(options: &LogOptions) -> io::Result<()> {
    let file = match &options.folder {
        None => None,
        Some(folder) => {
            ensure_private_dir(folder)?;
            forget_old(folder);
            let writer = DailyFile { folder: folder.clone(), open: Mutex::new(None) };
            let layer = fmt::layer().json().flatten_event(true).with_writer(writer);
            Some(layer.with_filter(LevelFilter::from_level(options.file_level)))
        }
    };
    let console = options.console_level.map(|level| {
        let fields = fmt::format::debug_fn(write_field).delimited(" ");
        let layer = fmt::layer().with_target(false).with_ansi(is_terminal()).fmt_fields(fields).with_writer(Console);
        layer.with_filter(LevelFilter::from_level(level))
    });
    let _already_set = tracing::subscriber::set_global_default(registry().with(file).with(console));
    Ok(())
}

/// A field of a plain line; the message stands without its name.
fn write_field(to: &mut fmt::format::Writer<'_>, field: &Field, value: &dyn Debug) -> std::fmt::Result {
    match field.name() {
        "message" => write!(to, "{value:?}"),
        name if redact::is_secret_name(name) => write!(to, "{name}={REDACTED}"),
        name => write!(to, "{name}={value:?}"),
    }
}

fn is_terminal() -> bool {
    use std::io::IsTerminal as _;
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Removes the oldest daily files.
fn forget_old(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let is_ours = |name: &str| name.starts_with("openclaw-") && name.ends_with(".log");
    let mut files: Vec<PathBuf> =
        entries.flatten().filter(|entry| entry.file_name().to_str().is_some_and(is_ours)).map(|e| e.path()).collect();
    files.sort();
    let spare = files.len().saturating_sub(KEEP_DAYS);
    for old in &files[..spare] {
        let _best_effort = fs::remove_file(old);
    }
}

/// The file of the day, opened 0600; a new one at midnight.
struct DailyFile {
    folder: PathBuf,
    open: Mutex<Option<OpenFile>>,
}

struct OpenFile {
    /// When the day was asked for.
    second: i64,
    day: String,
    file: File,
}

impl<'w> MakeWriter<'w> for DailyFile {
    type Writer = Line<'w>;

    fn make_writer(&'w self) -> Line<'w> {
        Line { to: Some(self), bytes: Vec::with_capacity(LINE_BYTES) }
    }
}

impl DailyFile {
    fn append(&self, line: &[u8]) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // Which day it is takes longer to find out than a line to write: asked once a second.
        let second = crate::now_ms().div_euclid(1000);
        let day = open.as_ref().filter(|open| open.second == second).map_or_else(today, |open| open.day.clone());
        match open.as_mut().filter(|open| open.day == day) {
            Some(open) => {
                open.second = second;
                open.file.write_all(line)
            }
            None => {
                let mut file = open_private(&self.folder.join(format!("openclaw-{day}.log")))?;
                let written = file.write_all(line);
                *open = Some(OpenFile { second, day, file });
                written
            }
        }
    }
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// Standard error.
struct Console;

impl<'w> MakeWriter<'w> for Console {
    type Writer = Line<'w>;

    fn make_writer(&'w self) -> Line<'w> {
        Line { to: None, bytes: Vec::with_capacity(LINE_BYTES) }
    }
}

/// One event on its way out; redacted and written in one piece when it is complete.
struct Line<'w> {
    to: Option<&'w DailyFile>,
    bytes: Vec<u8>,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        if self.bytes.is_empty() {
            return;
        }
        let line = redact(&String::from_utf8_lossy(&self.bytes));
        // A log that cannot be written must not stop what it tells about.
        let _best_effort = match self.to {
            Some(file) => file.append(line.as_bytes()),
            None => io::stderr().write_all(line.as_bytes()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// LOG-2
    #[test]
    fn a_secret_is_hidden_by_its_value_and_prose_is_left_alone() {
        hide(&Secret::new("correct-horse-battery"));
        hide(&Secret::new("abc"));
        assert_eq!(redact("token correct-horse-battery refused"), format!("token {REDACTED} refused"));
        assert_eq!(redact("pass --password *** --url abc"), "pass --password *** --url abc");
    }

    /// LOG-1, LOG-2
    #[test]
    fn the_file_is_private_json_lines_without_secrets() {
        let folder = tempfile::tempdir().unwrap();
        hide(&Secret::new("swordfish-in-a-log"));
        let writer = DailyFile { folder: folder.path().to_owned(), open: Mutex::new(None) };
        let subscriber = registry().with(fmt::layer().json().flatten_event(true).with_writer(writer));
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(peer = "192.0.2.1", token = "swordfish-in-a-log", "refused");
            tracing::warn!(api_key = "nobody-registered-me", url = "ws://ann:pw@h/", "second");
        });
        let path = file_of_today(folder.path());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        let (first, second) = text.split_once('\n').unwrap();
        assert!(!second.contains("registered") && !second.contains("ann:pw"), "{second}");
        let line: serde_json::Value = serde_json::from_str(first).unwrap();
        assert_eq!((&line["message"], &line["token"]), (&"refused".into(), &REDACTED.into()));
        assert_eq!(line["level"], "WARN");
    }

    /// LOG-2: the lines of a terminal too.
    #[test]
    fn a_plain_line_shows_no_field_named_like_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let writer = DailyFile { folder: folder.path().to_owned(), open: Mutex::new(None) };
        let fields = fmt::format::debug_fn(write_field).delimited(" ");
        let subscriber = registry().with(fmt::layer().with_ansi(false).fmt_fields(fields).with_writer(writer));
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(client = "tui", password = "nobody-registered-me", "refused");
        });
        let text = fs::read_to_string(file_of_today(folder.path())).unwrap();
        assert!(text.contains(&format!("refused client=\"tui\" password={REDACTED}")), "{text}");
    }
}
