//! Why a service could not be installed, started or asked.

use std::path::PathBuf;

use base::{Code, Explain, Kind, Step};

/// What went wrong with the manager or its files.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceError {
    /// This machine has none that we know.
    #[error("there is no service manager here: {0}")]
    ManagerMissing(String),
    /// systemd runs, but not for this user.
    #[error("systemd runs no services for user `{user}` now: there is no user bus")]
    NoUserBus {
        /// Whose.
        user: String,
        /// Whether the system's own services are ours to change.
        is_root: bool,
    },
    /// The manager said no.
    #[error("`{command}` failed: {said}")]
    Refused {
        /// What was asked.
        command: String,
        /// What it answered.
        said: String,
    },
    /// The manager did not answer.
    #[error("`{command}` did not end within {secs} seconds")]
    Silent {
        /// What was asked.
        command: String,
        /// How long was waited.
        secs: u64,
    },
    /// It is installed and does not come up.
    #[error("the service is installed, but it did not start: {said}")]
    StartFailed {
        /// What the manager said.
        said: String,
        /// What shows the reason.
        look: String,
    },
    /// A file of the service cannot be written or removed.
    #[error("`{}`: {source}", path.display())]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Nothing to act on.
    #[error("no service is installed, and no Gateway of this state folder runs")]
    NotInstalled,
}

impl Explain for ServiceError {
    fn code(&self) -> Code {
        Code(match self {
            Self::ManagerMissing(_) => "SERVICE_MANAGER_MISSING",
            Self::NoUserBus { .. } => "SERVICE_NO_USER_BUS",
            Self::Refused { .. } => "SERVICE_COMMAND_FAILED",
            Self::Silent { .. } => "SERVICE_COMMAND_SILENT",
            Self::StartFailed { .. } => "SERVICE_START_FAILED",
            Self::Unwritable { .. } => "SERVICE_FILE_UNWRITABLE",
            Self::NotInstalled => "SERVICE_NOT_INSTALLED",
        })
    }

    fn kind(&self) -> Kind {
        Kind::Failure
    }

    fn next(&self) -> Vec<Step> {
        match self {
            Self::ManagerMissing(_) => vec![Step::run("openclaw gateway run")],
            Self::NoUserBus { is_root: true, .. } => {
                vec![Step::run("openclaw gateway install --system"), Step::run("openclaw gateway run")]
            }
            Self::NoUserBus { user, .. } => {
                vec![Step::run(format!("sudo loginctl enable-linger {user}")), Step::run("openclaw gateway run")]
            }
            Self::Refused { .. } | Self::Silent { .. } => vec![Step::run("openclaw gateway status --deep")],
            Self::StartFailed { look, .. } => vec![Step::run(look.clone()), Step::run("openclaw gateway run")],
            Self::Unwritable { path, .. } => vec![Step::run(format!("ls -ld {}", path.display()))],
            Self::NotInstalled => vec![Step::run("openclaw gateway install"), Step::run("openclaw gateway run")],
        }
    }
}
