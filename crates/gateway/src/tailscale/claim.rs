//! One claim: `tailscale serve|funnel --yes --bg=false PORT`, held in the foreground by a program of ours (TS-5).
//!
//! tailscaled takes the route down when the program that holds it ends. So the program must end with the Gateway,
//! however that ends: a shell waits for the end of its own stdin, which only this process holds open, and then ends the
//! program. A `kill -9` of the Gateway closes it too.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use base::Env;
use config::TailscaleMode;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::timeout;

use super::diagnose::Problem;
use super::program::Program;
use crate::program;

/// TS-5
const READY_WITHIN: Duration = Duration::from_secs(15);
/// From the end of its stdin to the end of the program.
const GONE_WITHIN: Duration = Duration::from_secs(3);
/// More than the program says before it serves.
const WORDS_MAX_BYTES: usize = 16 * 1024;
/// Runs its arguments until they end or its stdin does.
const HOLD: &str = r#"exec 3<&0
"$@" </dev/null 2>&1 &
held=$!
(read -r _ <&3; kill "$held") >/dev/null 2>&1 &
watch=$!
wait "$held"
code=$?
kill "$watch" 2>/dev/null
exit "$code"
"#;

/// A route that is up.
pub(super) struct Claim {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
}

impl Claim {
    /// Puts the route to `port` up; once more as root when this user may not (TS-5).
    ///
    /// # Errors
    /// Why it is not up; nothing is held then.
    pub(super) async fn put_up(program: &Program, env: &Env, mode: TailscaleMode, port: u16) -> Result<Self, Problem> {
        let port = port.to_string();
        let path = program.path().to_string_lossy();
        let hold = ["/bin/sh", "-c", HOLD, "hold", &*path, mode.as_str(), "--yes", "--bg=false", &*port];
        let denied = match Self::attempt(program, &hold).await {
            Err(denied @ Problem::NotPermitted) => denied,
            outcome => return outcome,
        };
        let Some(sudo) = program::on_path(env, "sudo") else { return Err(denied) };
        let sudo = sudo.to_string_lossy();
        match Self::attempt(program, &[&[&*sudo, "-n"], &hold[..]].concat()).await {
            // sudo has said why on its stderr, and whatever it is, this user may not.
            Err(Problem::Refused(_)) => Err(denied),
            outcome => outcome,
        }
    }

    async fn attempt(program: &Program, argv: &[&str]) -> Result<Self, Problem> {
        let refused = |error: io::Error| Problem::Refused(error.to_string());
        let mut command = program.command(argv[0]);
        // A group of its own: Ctrl-C at the terminal is for the Gateway, which lets go when it is done.
        command.args(&argv[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        let mut child = command.spawn().map_err(refused)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Problem::NotReady);
        };
        let mut claim = Self { child, stdin, stdout };
        let outcome = timeout(READY_WITHIN, claim.ready()).await.unwrap_or(Err(Problem::NotReady));
        match outcome {
            Ok(()) => Ok(claim),
            Err(problem) => {
                claim.let_go().await;
                Err(problem)
            }
        }
    }

    /// Reads what the program says until it serves.
    async fn ready(&mut self) -> Result<(), Problem> {
        let mut words = Vec::new();
        loop {
            let read = self.stdout.read_buf(&mut words).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&words);
            if text.contains("Available ") && text.contains("https://") {
                return Ok(());
            }
            // A program that waits for somebody to enable something goes on for ever.
            let waits = text.contains("To enable, visit");
            if read == 0 || waits || words.len() > WORDS_MAX_BYTES {
                let last = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it said nothing");
                return Err(Problem::of_words(&text).unwrap_or_else(|| Problem::Refused(shortened(last))));
            }
        }
    }

    /// Resolves when the route is gone without us.
    pub(super) async fn lost(&mut self) {
        let mut said = [0; 1024];
        while self.stdout.read(&mut said).await.is_ok_and(|read| read > 0) {}
    }

    /// Takes the route down and waits until it is.
    pub(super) async fn let_go(self) {
        let Self { mut child, stdin, stdout } = self;
        drop((stdin, stdout));
        if timeout(GONE_WITHIN, child.wait()).await.is_err() {
            tracing::warn!("tailscale did not let go of the route in time");
        }
    }
}

fn shortened(line: &str) -> String {
    line.chars().take(300).collect()
}
