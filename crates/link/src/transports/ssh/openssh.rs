//! The system's `ssh` as a child: started for one stream, always drained, killed with whatever it started, and asked
//! for its last words when the stream ends.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::failure::{last_line, offered_key};
use super::options::{self, Shared};
use super::{Ran, SshFailure, SshProblem, SshRoute, SshStream, remote};

/// The folders that only the system's own installer writes (SSH-2); never a name looked up in `PATH`.
#[cfg(unix)]
const PROGRAMS: [&str; 4] =
    ["/usr/bin/ssh", "/bin/ssh", "/run/current-system/sw/bin/ssh", "/data/data/com.termux/files/usr/bin/ssh"];
/// How much of what `ssh` prints is kept; its last lines say why it ended.
const KEPT_BYTES: usize = 16 * 1024;
/// From the end of the stream to the end of the process.
const ENDS_WITHIN: Duration = Duration::from_secs(2);
/// From the end of the process to its last words; an old `ssh` leaves the pipe to its shared connection.
const LAST_WORDS_WITHIN: Duration = Duration::from_millis(500);
/// For asking again, alone, why a shared connection was refused.
const ASKED_WITHIN: Duration = Duration::from_secs(8);

/// The system's `ssh` (SSH-2).
#[cfg(unix)]
pub(super) fn program() -> Option<PathBuf> {
    PROGRAMS.iter().map(PathBuf::from).find(|path| path.is_file())
}

/// The system's `ssh` (SSH-2).
#[cfg(windows)]
pub(super) fn program() -> Option<PathBuf> {
    let root = std::env::var_os("SystemRoot")?;
    Some(PathBuf::from(root).join("System32\\OpenSSH\\ssh.exe")).filter(|path| path.is_file())
}

/// Starts `program` for one stream.
pub(super) fn start(program: PathBuf, route: &SshRoute, far_port: u16) -> io::Result<SshStream> {
    let socket = socket(route);
    let shared = shared(route, socket.as_deref());
    let mut command = Command::new(&program);
    command.args(options::stream(route, far_port, shared)).stdin(Stdio::piped()).stdout(Stdio::piped());
    let (mut child, printed) = spawn(&mut command)?;
    let pipes = (child.stdin.take(), child.stdout.take());
    let (Some(stdin), Some(stdout)) = pipes else { return Err(io::Error::other("ssh has no pipes")) };
    let group = Group::of(&child);
    let life = Life { group, child, printed, program, route: route.clone(), far_port, is_shared: socket.is_some() };
    Ok(SshStream::new(stdin, stdout, life, socket))
}

fn socket(route: &SshRoute) -> Option<PathBuf> {
    if cfg!(unix) { route.shared_socket() } else { None }
}

fn shared<'a>(route: &SshRoute, socket: Option<&'a Path>) -> Option<Shared<'a>> {
    let idle = route.sharing.as_ref()?.idle;
    socket.map(|socket| Shared { socket, idle })
}

/// Runs `script` on the far host with `input`, and hears it to its end.
pub(super) async fn run(
    program: &Path,
    route: &SshRoute,
    script: &str,
    mut input: impl AsyncRead + Unpin,
) -> io::Result<Ran> {
    let socket = socket(route);
    let mut command = Command::new(program);
    command.args(options::command(route, script, shared(route, socket.as_deref())));
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let (mut child, mut printed) = spawn(&mut command)?;
    let mut group = Group::of(&child);
    let pipes = (child.stdin.take(), child.stdout.take());
    let (Some(mut stdin), Some(stdout)) = pipes else { return Err(io::Error::other("ssh has no pipes")) };
    let say = async move {
        // A command that does not read to the end says why with its status.
        let _unread = tokio::io::copy(&mut input, &mut stdin).await;
        drop(stdin);
    };
    let mut told = Vec::new();
    let hear = async {
        let mut limited = stdout.take(remote::OUTPUT_MAX as u64);
        limited.read_to_end(&mut told).await?;
        // The rest is heard and forgotten, so that the command can end.
        tokio::io::copy(limited.get_mut(), &mut tokio::io::sink()).await
    };
    let ((), heard) = tokio::join!(say, hear);
    heard?;
    let status = child.wait().await?;
    group.ended();
    Ok(Ran { status: status.code(), stdout: told, stderr: printed.whole().await })
}

fn spawn(command: &mut Command) -> io::Result<(Child, Printed)> {
    // A group of its own: a terminal's Ctrl-C is ours to act on, and what `ssh` starts ends with it.
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
    let printed = child.stderr.take().map(Printed::collect).unwrap_or_default();
    Ok((child, printed))
}

/// One `ssh` process for one stream.
pub(super) struct Life {
    group: Group,
    child: Child,
    printed: Printed,
    program: PathBuf,
    route: SshRoute,
    far_port: u16,
    is_shared: bool,
}

impl Life {
    /// The stream has ended: why, unless it ended well.
    pub(super) async fn last_words(mut self) -> Option<SshFailure> {
        let ended = timeout(ENDS_WITHIN, self.child.wait()).await;
        if let Ok(Ok(status)) = ended {
            self.group.ended();
            if status.success() {
                return None;
            }
        }
        let printed = self.printed.whole().await;
        let problem = SshProblem::of(&printed);
        let (problem, printed) = match problem {
            SshProblem::Unclear if self.is_shared => self.ask_alone(false).await.unwrap_or((problem, printed)),
            SshProblem::UnknownHostKey(_) => {
                let offered = self.ask_alone(true).await.and_then(|(_, log)| offered_key(&log));
                (SshProblem::UnknownHostKey(offered), printed)
            }
            problem => (problem, printed),
        };
        Some(self.route.failure(self.far_port, problem, last_line(&printed)))
    }

    /// Runs the same without sharing and without input, for what it says. A shared connection does not tell why the far
    /// side refused; its own handshake, paid only after a failure, does.
    async fn ask_alone(&self, verbose: bool) -> Option<(SshProblem, String)> {
        let mut command = Command::new(&self.program);
        if verbose {
            // Before the other options: of two settings `ssh` takes the first.
            command.args(["-o", "LogLevel=DEBUG1"]);
        }
        command.args(options::stream(&self.route, self.far_port, None)).stdin(Stdio::null()).stdout(Stdio::null());
        let (mut child, mut printed) = spawn(&mut command).ok()?;
        let mut group = Group::of(&child);
        let status: ExitStatus = timeout(ASKED_WITHIN, child.wait()).await.ok()?.ok()?;
        group.ended();
        let printed = printed.whole().await;
        let problem = if status.success() { SshProblem::Unclear } else { SshProblem::of(&printed) };
        Some((problem, printed))
    }
}

/// What a process prints, always read, the newest part kept.
#[derive(Debug, Default)]
struct Printed {
    text: Arc<Mutex<Vec<u8>>>,
    /// Ends with the value: dropping it stops the reading.
    reader: JoinSet<()>,
}

impl Printed {
    fn collect(mut from: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let mut printed = Self::default();
        let text = printed.text.clone();
        printed.reader.spawn(async move {
            let mut chunk = [0; 1024];
            while let Ok(count @ 1..) = from.read(&mut chunk).await {
                let mut text = text.lock().unwrap_or_else(PoisonError::into_inner);
                text.extend_from_slice(&chunk[..count]);
                let too_much = text.len().saturating_sub(KEPT_BYTES);
                text.drain(..too_much);
            }
        });
        printed
    }

    /// Everything, once the process has ended.
    async fn whole(&mut self) -> String {
        // Running out of time only loses words that come too late to matter.
        let _late = timeout(LAST_WORDS_WITHIN, self.reader.join_next()).await;
        String::from_utf8_lossy(&self.text.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

/// The process group of a child; killed when dropped, unless the child has ended. The shared connection is not in it.
struct Group(Option<u32>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id())
    }

    /// Its number may be another's from now on.
    const fn ended(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(pid) = self.0.and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)) {
            // A group that is gone already is what was wanted.
            let _gone_already = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}
