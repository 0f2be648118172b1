//! A program of this machine: where it is, and one question to it, with a deadline and a limit on the answer.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base::Env;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

/// What it answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Whether it said so by its exit code too.
    pub(crate) ok: bool,
    /// Its stdout.
    pub(crate) said: String,
    /// Its stderr.
    pub(crate) complained: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// It cannot be run.
    #[error("it cannot be run: {0}")]
    NotRun(#[from] io::Error),
    /// It took too long.
    #[error("it did not answer within {0:?}")]
    Silent(Duration),
}

/// Runs `command` to its end, without input; it ends with the question.
///
/// # Errors
/// [`Unanswered`]; an answer that says no is an [`Answer`].
pub(crate) async fn run(mut command: Command, patience: Duration, max_bytes: u64) -> Result<Answer, Unanswered> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let answered = async {
        let (said, complained) = tokio::try_join!(read(stdout, max_bytes), read(stderr, max_bytes))?;
        let status = child.wait().await?;
        Ok(Answer { ok: status.success(), said, complained })
    };
    tokio::time::timeout(patience, answered).await.unwrap_or(Err(Unanswered::Silent(patience)))
}

async fn read(pipe: Option<impl AsyncRead + Unpin>, max_bytes: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        pipe.take(max_bytes).read_to_end(&mut bytes).await?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The program of this name in a folder of `PATH`.
pub(crate) fn on_path(env: &Env, name: &str) -> Option<PathBuf> {
    let path = env.raw("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
