//! The `tailscale` program (TS-1): where it is, and one question to it, with a deadline and a limit on the answer.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base::Env;
use tokio::process::Command;

use crate::program::{self, Answer, Unanswered, on_path};

/// TS-1: whoever does not know its own version by then is not the program.
const VERSION_WITHIN: Duration = Duration::from_secs(3);
/// The status of a tailnet with ten thousand devices fits.
const ANSWER_MAX_BYTES: u64 = 32 * 1024 * 1024;
/// Where it is when it is not on the path.
#[cfg(not(windows))]
const ELSEWHERE: &str = "/Applications/Tailscale.app/Contents/MacOS/Tailscale";
/// Where it is when it is not on the path.
#[cfg(windows)]
const ELSEWHERE: &str = r"C:\Program Files\Tailscale\tailscale.exe";
const NAME: &str = if cfg!(windows) { "tailscale.exe" } else { "tailscale" };
/// What the program gets of the daemon's environment, which also holds secrets.
const PASSED_ON: [&str; 4] = ["PATH", "HOME", "USER", "LOGNAME"];

/// The program, known to run.
#[derive(Debug, Clone)]
pub(super) struct Program {
    path: PathBuf,
    env: Vec<(&'static str, String)>,
}

impl Program {
    /// The first of the known places where it answers `version`.
    pub(super) async fn find(env: &Env) -> Option<Self> {
        let passed: Vec<_> = PASSED_ON.into_iter().filter_map(|name| Some((name, env.raw(name)?))).collect();
        let on_path = on_path(env, NAME);
        for path in on_path.into_iter().chain([PathBuf::from(ELSEWHERE)]).filter(|path| path.is_file()) {
            let program = Self { path, env: passed.clone() };
            match program.ask(&["version"], VERSION_WITHIN).await {
                Ok(answer) if answer.ok => return Some(program),
                Ok(answer) => tracing::debug!(path = %program.path.display(), said = answer.complained, "no tailscale"),
                Err(error) => tracing::debug!(path = %program.path.display(), %error, "no tailscale"),
            }
        }
        None
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A command with only what it needs of the environment, which ends when it is dropped.
    pub(super) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(self.env.iter().cloned()).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs it with `args`.
    ///
    /// # Errors
    /// [`Unanswered`]; an answer that says no is an [`Answer`].
    pub(super) async fn ask(&self, args: &[&str], patience: Duration) -> Result<Answer, Unanswered> {
        let mut command = self.command(&self.path);
        command.args(args);
        program::run(command, patience, ANSWER_MAX_BYTES).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TS-1: a program that hangs is none; the deadline comes at once, since the clock stands still.
    #[tokio::test(start_paused = true)]
    async fn a_program_that_does_not_tell_its_version_in_time_is_none() {
        let tailnet = kit::Tailnet::start();
        let env = Env::of([("PATH", tailnet.path())]);
        tailnet.mark("mute", true);
        let began = tokio::time::Instant::now();
        assert!(Program::find(&env).await.is_none());
        assert_eq!(began.elapsed(), VERSION_WITHIN);
    }
}
