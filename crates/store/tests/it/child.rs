//! A second process: this test binary again, told by a variable which part to play.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const PART: &str = "OPENCLAW_STORE_TEST_PART";
const FOLDER: &str = "OPENCLAW_STORE_TEST_FOLDER";
const SEED: &str = "OPENCLAW_STORE_TEST_SEED";

/// A running second process and the lines it says; killed when dropped.
pub(crate) struct Second {
    pub(crate) process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// Starts `part` on `folder`.
pub(crate) fn start(part: &str, folder: &Path, seed: u64) -> Second {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child::play", "--nocapture", "--test-threads=1"])
        .env(PART, part)
        .env(FOLDER, folder)
        .env(SEED, seed.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    Second { process, lines }
}

impl Second {
    /// The next thing it says, without its `@`; `None` after its end.
    pub(crate) async fn says(&mut self) -> Option<String> {
        while let Some(line) = self.lines.next_line().await.unwrap() {
            // The test runner has its own lines, and may leave one unfinished before ours.
            if let Some((_, said)) = line.split_once('@') {
                return Some(said.to_owned());
            }
        }
        None
    }

    /// Kills it at once, as `kill -9` does, and waits until it is gone.
    pub(crate) async fn kill(&mut self) {
        self.process.start_kill().ok();
        self.process.wait().await.unwrap();
    }
}

/// Says a line to the first process. Written through at once, as the pipe outlives a kill and a buffer does not.
pub(crate) fn say(line: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    out.write_all(format!("@{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// Nothing, unless this is the second process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn play() {
    let Ok(part) = std::env::var(PART) else { return };
    let folder = std::path::PathBuf::from(std::env::var(FOLDER).unwrap());
    let seed = std::env::var(SEED).unwrap().parse().unwrap();
    match part.as_str() {
        "work until killed" => crate::crash::work(&folder, seed).await,
        "write beside" => crate::two_processes::write(&folder, "child").await,
        "hold the lock" => crate::lock::hold(&folder).await,
        other => panic!("no such part: {other}"),
    }
}
