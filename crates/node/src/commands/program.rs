//! A program that runs for a call: started under its guard, listened to, and stopped when its time is up. Dropping the
//! future stops it too.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStdin, Command as Process};
use tokio::time::{Instant, sleep_until};

use crate::guard::GRACE;
use crate::serve::Voice;

/// Bytes kept of what a program writes on both streams together (N-11.8).
const OUTPUT_MAX_BYTES: usize = 200_000;
/// Stands for what was not kept.
const CUT: &str = "\n... (truncated)";
/// One read; as text no longer than a piece of an answer may be.
const READ_BYTES: usize = 4096;
/// How long output is still read when the program is gone and something it left behind holds the stream.
const LAST_WORDS: Duration = Duration::from_millis(250);
/// How long the guard may take to stop everything, and a little.
const STOPPED_WITHIN: Duration = GRACE.saturating_add(Duration::from_secs(2));

/// What to run.
#[derive(Debug)]
pub(super) struct Plan {
    /// The guard, with the program and its arguments behind it.
    pub(super) argv: Vec<PathBuf>,
    /// Where.
    pub(super) cwd: PathBuf,
    /// Its whole environment.
    pub(super) env: Vec<(String, String)>,
    /// When it is stopped.
    pub(super) timeout: Duration,
    /// What it reads; its guard passes on as many bytes as it was told of.
    pub(super) input: Vec<u8>,
}

/// What became of it.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its exit code, as a shell tells it; `None` when it was stopped.
    pub(super) code: Option<i32>,
    /// Whether its time was up.
    pub(super) timed_out: bool,
    /// What it wrote.
    pub(super) stdout: String,
    /// What it wrote about errors.
    pub(super) stderr: String,
}

/// Runs it to its end.
///
/// # Errors
/// When it cannot be started.
pub(super) async fn run(plan: Plan, voice: &Voice) -> io::Result<Ended> {
    let (guard, rest) = plan.argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut child = Process::new(guard)
        .args(rest)
        .current_dir(&plan.cwd)
        .env_clear()
        .envs(plan.env)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A key pressed at this host's terminal is not meant for what runs here.
        .process_group(0)
        .spawn()?;
    // The guard stops everything when this is closed, by whatever way.
    let mut leash: Option<ChildStdin> = child.stdin.take();
    let (mut stdout, mut stderr) = (Stream::new(child.stdout.take()), Stream::new(child.stderr.take()));
    let mut input = plan.input.as_slice();
    let (mut room, mut status, mut timed_out) = (OUTPUT_MAX_BYTES, None, false);
    let mut alarm = Instant::now() + plan.timeout;
    while status.is_none() || stdout.is_open() || stderr.is_open() {
        tokio::select! {
            biased;
            left = child.wait(), if status.is_none() => {
                status = Some(left);
                alarm = Instant::now() + LAST_WORDS;
            }
            () = sleep_until(alarm) => {
                if status.is_some() || leash.is_none() {
                    break;
                }
                (leash, timed_out) = (None, true);
                alarm = Instant::now() + STOPPED_WITHIN;
            }
            // A program that does not read all of it is fine.
            wrote = write_some(&mut leash, input), if !input.is_empty() => input = &input[wrote.min(input.len())..],
            piece = stdout.read(), if stdout.is_open() => stdout.take_in(piece, &mut room, voice),
            piece = stderr.read(), if stderr.is_open() => stderr.take_in(piece, &mut room, voice),
        }
    }
    let code = status.and_then(Result::ok).and_then(|status| status.code()).filter(|_| !timed_out);
    Ok(Ended { code, timed_out, stdout: stdout.text(), stderr: stderr.text() })
}

/// How many bytes of `input` the guard took; all of them when it takes no more.
async fn write_some(leash: &mut Option<ChildStdin>, input: &[u8]) -> usize {
    match leash {
        Some(leash) => leash.write(input).await.unwrap_or(input.len()),
        None => input.len(),
    }
}

/// One stream of a program.
struct Stream<R> {
    from: Option<R>,
    buffer: Vec<u8>,
    kept: Vec<u8>,
    cut: bool,
    /// Bytes at the end that begin a character, to be told with what follows.
    begun: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Stream<R> {
    fn new(from: Option<R>) -> Self {
        Self { from, buffer: vec![0; READ_BYTES], kept: Vec::new(), cut: false, begun: Vec::new() }
    }

    const fn is_open(&self) -> bool {
        self.from.is_some()
    }

    /// How many bytes came; none at the end. May be dropped and asked again.
    async fn read(&mut self) -> usize {
        match &mut self.from {
            Some(from) => from.read(&mut self.buffer).await.unwrap_or(0),
            None => std::future::pending().await,
        }
    }

    fn take_in(&mut self, count: usize, room: &mut usize, voice: &Voice) {
        if count == 0 {
            self.from = None;
            return;
        }
        let bytes = &self.buffer[..count];
        let fits = count.min(*room);
        *room -= fits;
        self.cut |= fits < count;
        self.kept.extend_from_slice(&bytes[..fits]);
        self.begun.extend_from_slice(&bytes[..fits]);
        let whole = whole_characters(&self.begun);
        if whole > 0 {
            voice.chunk(String::from_utf8_lossy(&self.begun[..whole]).into_owned());
            self.begun.drain(..whole);
        }
    }

    fn text(self) -> String {
        let mut text = String::from_utf8_lossy(&self.kept).into_owned();
        if self.cut {
            text.push_str(CUT);
        }
        text
    }
}

/// How many bytes there are before a character that is not complete yet.
fn whole_characters(bytes: &[u8]) -> usize {
    // A character has at most four bytes, so three can be there without the last.
    let tail = bytes.len().saturating_sub(3);
    let starts = |byte: &u8| byte & 0b1100_0000 == 0b1100_0000;
    let Some(start) = bytes[tail..].iter().rposition(starts).map(|at| tail + at) else { return bytes.len() };
    match std::str::from_utf8(&bytes[start..]) {
        Err(wrong) if wrong.error_len().is_none() => start,
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(text: &str, timeout: Duration) -> Plan {
        let argv = ["/bin/sh", "-c", text].map(PathBuf::from).to_vec();
        Plan { argv, cwd: "/".into(), env: vec![("PATH".into(), "/usr/bin:/bin".into())], timeout, input: Vec::new() }
    }

    /// N-11.8
    #[tokio::test]
    async fn both_streams_share_one_bound_and_tell_what_they_lose() {
        let text = "head -c 150000 /dev/zero | tr '\\0' a; head -c 150000 /dev/zero | tr '\\0' b >&2; exit 3";
        let ended = run(sh(text, Duration::from_secs(60)), &Voice::nowhere()).await.unwrap();
        assert_eq!((ended.code, ended.timed_out), (Some(3), false));
        assert!(ended.stdout.len() + ended.stderr.len() <= OUTPUT_MAX_BYTES + 2 * CUT.len());
        assert!(ended.stderr.ends_with(CUT), "{}", ended.stderr.len());
    }

    /// N-11.8: nothing waits for input, and what is left behind is not waited for.
    #[tokio::test]
    async fn input_is_closed_and_what_was_left_behind_does_not_hold_the_answer() {
        let began = Instant::now();
        let ended = run(sh("sleep 60 & echo $!", Duration::from_secs(60)), &Voice::nowhere()).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(30) && ended.code == Some(0), "{ended:?}");
        let left = rustix::process::Pid::from_raw(ended.stdout.trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(left, rustix::process::Signal::KILL).unwrap();
    }

    #[test]
    fn a_character_is_told_whole() {
        let euro = "a€".as_bytes();
        assert_eq!([1, 2, 3, 4].map(|end| whole_characters(&euro[..end])), [1, 1, 1, 4]);
        assert_eq!(whole_characters(&[0xff, 0xfe]), 2, "what is no text is told as it is");
    }
}
