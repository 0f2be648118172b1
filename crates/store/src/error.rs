//! What can go wrong with the state on disk, and what a person does about it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{Code, Explain, Kind, Step};
use rusqlite::ErrorCode;
use wire::SessionKey;

/// Why the store refused or could not do something. Nothing was changed when one of these comes back.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// A newer program wrote the database; this one would misread it.
    #[error(
        "`{}` was written by a newer openclaw: it is state version {found}, this program knows up to {known}",
        file.display()
    )]
    Newer {
        /// The database.
        file: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version this program knows.
        known: u32,
    },
    /// The file is a database, but not one of ours.
    #[error("`{}` is a database of another program", file.display())]
    Foreign {
        /// The file.
        file: PathBuf,
    },
    /// The database is damaged.
    #[error("the state in `{}` is damaged: {detail}", file.display())]
    Corrupt {
        /// The database.
        file: PathBuf,
        /// What SQLite, or the decoder of a record, says.
        detail: String,
    },
    /// The disk is full.
    #[error("the disk that holds `{}` is full; nothing was written", folder.display())]
    Full {
        /// The folder of the database.
        folder: PathBuf,
    },
    /// Another process writes and does not stop.
    #[error("another process keeps `{}` locked", file.display())]
    Locked {
        /// The database.
        file: PathBuf,
    },
    /// The file system refused.
    #[error("cannot use `{}`: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        source: Arc<io::Error>,
    },
    /// Anything else SQLite refused.
    #[error("the state database refused: {0}")]
    Sqlite(#[source] Arc<rusqlite::Error>),
    /// The store was closed, or its writer died.
    #[error("the state database is closed")]
    Closed,
    /// There is no session with this key.
    #[error("there is no session `{0}`")]
    NoSession(SessionKey),
    /// There is no transcript with this session id.
    #[error("there is no transcript `{0}`")]
    NoTranscript(String),
    /// The session was reset in the meantime.
    #[error("session `{key}` is no longer `{expected}`; it was reset and is now `{found}`")]
    SessionChanged {
        /// The session.
        key: SessionKey,
        /// The session id the caller meant.
        expected: String,
        /// The session id it has.
        found: String,
    },
    /// Another session has this label.
    #[error("label already in use: `{label}` (by `{holder}`)")]
    LabelTaken {
        /// The label.
        label: String,
        /// The session that has it.
        holder: SessionKey,
    },
    /// The label is empty or too long.
    #[error("a label has 1 to {max} characters, this one has {length}", max = crate::LABEL_MAX)]
    LabelLength {
        /// How many characters it has.
        length: usize,
    },
    /// No message was accepted under this run id.
    #[error("there is no run `{0}`")]
    NoRun(String),
    /// The run has ended; it may not write any more.
    #[error("run `{0}` has already ended")]
    RunEnded(String),
    /// There is no paired device with this id.
    #[error("there is no paired device `{0}`")]
    NoDevice(String),
    /// The device is paired, but not in this role, or not this wide.
    #[error("device `{device_id}` is not approved as {role} with these scopes")]
    NotApproved {
        /// The device.
        device_id: String,
        /// The role asked for.
        role: wire::Role,
    },
    /// A paired device id came with another key (PAIR-5).
    #[error("device `{0}` presented another key than the one it was paired with")]
    KeyChanged(String),
}

impl StoreError {
    /// Names the file where SQLite could not.
    pub(crate) fn at(self, file: &Path) -> Self {
        match self {
            Self::Corrupt { detail, .. } => Self::Corrupt { file: file.to_owned(), detail },
            Self::Full { .. } => Self::Full { folder: file.parent().unwrap_or(file).to_owned() },
            Self::Locked { .. } => Self::Locked { file: file.to_owned() },
            other => other,
        }
    }

    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::StorageFull {
            return Self::Full { folder: path.parent().unwrap_or(path).to_owned() };
        }
        Self::Io { path: path.to_owned(), source: Arc::new(source) }
    }

    /// A record that does not decode; [`StoreError::at`] adds the file.
    pub(crate) fn unreadable(what: &str, why: impl std::fmt::Display) -> Self {
        Self::Corrupt { file: PathBuf::new(), detail: format!("{what}: {why}") }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full { folder: PathBuf::new() },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { file: PathBuf::new() },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt { file: PathBuf::new(), detail: error.to_string() }
            }
            _ => Self::Sqlite(Arc::new(error)),
        }
    }
}

impl Explain for StoreError {
    fn code(&self) -> Code {
        Code(match self {
            Self::Newer { .. } => "STATE_NEWER",
            Self::Foreign { .. } => "STATE_FOREIGN",
            Self::Corrupt { .. } => "STATE_CORRUPT",
            Self::Full { .. } => "STATE_DISK_FULL",
            Self::Locked { .. } => "STATE_LOCKED",
            Self::Io { .. } => "STATE_IO",
            Self::Sqlite(_) => "STATE_ERROR",
            Self::Closed => "STATE_CLOSED",
            Self::NoSession(_) | Self::NoTranscript(_) => "NO_SESSION",
            Self::SessionChanged { .. } => "SESSION_CHANGED",
            Self::LabelTaken { .. } => "LABEL_TAKEN",
            Self::LabelLength { .. } => "LABEL_LENGTH",
            Self::NoRun(_) => "NO_RUN",
            Self::RunEnded(_) => "RUN_ENDED",
            Self::NoDevice(_) => "NO_DEVICE",
            Self::NotApproved { .. } => "DEVICE_NOT_APPROVED",
            Self::KeyChanged(_) => "DEVICE_KEY_CHANGED",
        })
    }

    fn kind(&self) -> Kind {
        match self {
            // Starting again does not help until a person acted.
            Self::Newer { .. } | Self::Foreign { .. } => Kind::Config,
            _ => Kind::Failure,
        }
    }

    fn next(&self) -> Vec<Step> {
        match self {
            Self::Newer { known, .. } => vec![
                Step::advise("install the newer openclaw again; it left this state behind"),
                Step::advise(format!(
                    "or, to go back, stop the Gateway and put the copy `openclaw.db.v{known}.backup` in its place, if \
                     there is one; what happened since is lost"
                )),
                Step::advise("or keep both apart: OPENCLAW_STATE_DIR=<another folder>"),
            ],
            Self::Foreign { file } => vec![
                Step::advise(format!("move `{}` away", file.display())),
                Step::advise("or set OPENCLAW_STATE_DIR to another folder"),
            ],
            Self::Corrupt { file, .. } => vec![Step::advise(format!(
                "stop the Gateway, then try `sqlite3 {} .recover`, or restore your latest backup of it",
                file.display()
            ))],
            Self::Full { folder } => vec![
                Step::run(format!("df -h {}", folder.display())),
                Step::advise("free some space; the Gateway continues by itself"),
            ],
            Self::Locked { .. } => {
                vec![Step::run("openclaw gateway status"), Step::advise("try again when the other process is done")]
            }
            Self::Io { path, .. } => vec![Step::run(format!("ls -ld {}", path.display()))],
            Self::NoSession(_) | Self::NoTranscript(_) => vec![Step::run("openclaw sessions")],
            Self::LabelTaken { .. } | Self::LabelLength { .. } => vec![Step::advise("choose another label")],
            Self::NoDevice(_) | Self::NotApproved { .. } | Self::KeyChanged(_) => {
                vec![Step::run("openclaw devices list")]
            }
            Self::Sqlite(_) | Self::Closed | Self::SessionChanged { .. } | Self::NoRun(_) | Self::RunEnded(_) => {
                Vec::new()
            }
        }
    }
}
