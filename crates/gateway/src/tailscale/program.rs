//! The `tailscale` program (TS-1): where it is, and one question to it, with a deadline and a limit on the answer.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base::Env;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

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

/// What it answered.
#[derive(Debug)]
pub(super) struct Answer {
    /// Whether it said so by its exit code too.
    pub(super) ok: bool,
    /// Its stdout.
    pub(super) said: String,
    /// Its stderr.
    pub(super) complained: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    /// It cannot be run.
    #[error("it cannot be run: {0}")]
    NotRun(#[from] io::Error),
    /// It took too long.
    #[error("it did not answer within {0:?}")]
    Silent(Duration),
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
        let mut child = self.command(&self.path).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let answered = async {
            let (said, complained) = tokio::try_join!(read(stdout), read(stderr))?;
            let status = child.wait().await?;
            Ok(Answer { ok: status.success(), said, complained })
        };
        tokio::time::timeout(patience, answered).await.unwrap_or(Err(Unanswered::Silent(patience)))
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(ANSWER_MAX_BYTES).read_to_end(&mut bytes).await?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The program of this name in a folder of `PATH`.
pub(super) fn on_path(env: &Env, name: &str) -> Option<PathBuf> {
    let path = env.raw("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
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
