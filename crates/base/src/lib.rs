//! Small things every layer needs, none of them protocol.
//!
//! `base` knows nothing of the Gateway: it holds the secret type that cannot be printed, the way an error tells a
//! person what to do next, where state lives on disk, files that are written whole or not at all, the lock that makes
//! one process the owner of a state folder, back-off, the clock, a reader of plain shell lines, and log set-up.

mod atomic;
mod backoff;
mod clock;
mod digest;
mod env;
mod explain;
pub mod log;
mod paths;
mod redact;
mod secret;
pub mod shell;
mod shield;

pub use atomic::{ensure_private_dir, replace_file, write_atomic};
pub use backoff::Backoff;
pub use clock::{iso, now_ms};
pub use digest::sha256_hex;
pub use env::Env;
pub use explain::{Code, Explain, Kind, Step};
pub use paths::{CONFIG_NAME, DEFAULT_PORT, LEGACY_STATE, PathsError, Profile, STATE_FOLDER, StatePaths, profile_port};
pub use redact::is_secret_name;
pub use secret::{REDACTED, Secret, random_hex, random_token};
pub use shield::shield_process;
