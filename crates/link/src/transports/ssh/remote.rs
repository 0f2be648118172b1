//! A command on the far host, for what would otherwise be typed there by hand (SSH-17): whoever may run it owns the
//! Gateway over there already.

use std::io;
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::time::timeout;

use super::failure::last_line;
use super::{SshBackend, SshFailure, SshProblem, SshRoute, builtin, openssh, options};

/// `ssh`'s own failures; everything else is the command's.
const SSH_FAILED: i32 = 255;

/// How much of a command's output is taken.
pub(super) const OUTPUT_MAX: usize = 1024 * 1024;

/// What a command on the far host did.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Its exit status; `None` when a signal ended it.
    pub status: Option<i32>,
    /// What it wrote to its output, at most a mebibyte. May hold a secret: it is for parsing, not for showing.
    pub stdout: Vec<u8>,
    /// The end of what it wrote to its errors.
    pub stderr: String,
}

impl Ran {
    /// Whether it ended well.
    pub fn is_ok(&self) -> bool {
        self.status == Some(0)
    }

    /// The last line of its errors, for people.
    pub fn complaint(&self) -> String {
        last_line(&self.stderr)
    }
}

/// Runs `script`, in a POSIX shell whatever the user's own is, over the connection that is shared with the streams of
/// `route`. `input` is what it reads; secrets belong there and never into `script`, which other users over there can see.
///
/// # Errors
/// [`SshFailure`] when there is no way, or after `within`. A command that fails is [`Ran`] with its status.
pub async fn run(
    route: &SshRoute,
    script: &str,
    input: impl AsyncRead + Unpin,
    within: Duration,
) -> Result<Ran, SshFailure> {
    let failed = |problem, said| route.failure(0, problem, said);
    let io_failed = |error: io::Error| failed(SshProblem::Other, error.to_string());
    if route.backend == SshBackend::Builtin {
        let ran = timeout(within, builtin::run(route, &options::in_plain_shell(script), input)).await;
        return ran.map_err(|_| failed(SshProblem::Timeout, String::new()))?;
    }
    route.check_identity(0)?;
    let program = openssh::program().ok_or_else(|| failed(SshProblem::NoProgram, String::new()))?;
    let ran = timeout(within, openssh::run(&program, route, script, input)).await;
    let ran = ran.map_err(|_| failed(SshProblem::Timeout, String::new()))?.map_err(io_failed)?;
    if ran.status == Some(SSH_FAILED) {
        return Err(failed(SshProblem::of(&ran.stderr), ran.complaint()));
    }
    Ok(ran)
}
