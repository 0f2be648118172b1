//! The far host: who logs in, what is run there, and what it says.

use std::io;
use std::path::Path;
use std::time::Duration;

use base::Step;
use link::{DialError, Ran, SshRoute};
use serde_json::Value;
use tokio::io::AsyncRead;

use super::scripts::{self, Place};
use crate::exit::Failure;
use crate::rpc::block_on;

/// A look, which reads the program there once.
const LOOKS_WITHIN: Duration = Duration::from_secs(60);
/// Copying the program over a slow line.
const COPIES_WITHIN: Duration = Duration::from_secs(30 * 60);
/// What the program there does: at most a stop, a start and a wait for its answer.
const ACTS_WITHIN: Duration = Duration::from_secs(120);
/// What a shell says when there is no such program.
const NO_PROGRAM: i32 = 127;

/// A login, and where things are over there.
pub(crate) struct Far {
    pub(crate) route: SshRoute,
    pub(crate) place: Place,
}

/// What is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// As `uname -s` says.
    pub(crate) os: String,
    /// As `uname -m` says.
    pub(crate) cpu: String,
    /// Of the program, when there is one.
    pub(crate) sum: Option<String>,
}

impl Far {
    /// Looks at the host; changes nothing.
    pub(crate) fn look(&self) -> Result<Seen, Failure> {
        let ran = self.run(&self.place.look(), tokio::io::empty(), LOOKS_WITHIN)?;
        let told = String::from_utf8_lossy(&ran.stdout).into_owned();
        let value = |key: &str| {
            let prefix = format!("openclaw {key}=");
            told.lines().find_map(|line| line.strip_prefix(&prefix)).map(|value| value.trim().to_owned())
        };
        match (ran.status, value("os"), value("cpu")) {
            (Some(0), Some(os), Some(cpu)) => Ok(Seen { os, cpu, sum: value("sum") }),
            (Some(scripts::NO_CHECKSUM), ..) => Err(no_checksum(&ran)),
            _ => Err(Failure::new("UP_HOST_UNKNOWN", format!("the host did not say what it is: {}", said(&ran)))
                .step(self.route.command_there("uname -sm"))),
        }
    }

    /// Puts `file`, whose checksum is `sum`, into the program's place.
    pub(crate) fn send(&self, file: &Path, sum: &str) -> Result<(), Failure> {
        let opened = std::fs::File::open(file).map_err(|error| unreadable(file, &error))?;
        let ran = self.run(&self.place.receive(sum), tokio::fs::File::from_std(opened), COPIES_WITHIN)?;
        let failure = |code, what: &str| Err(Failure::new(code, format!("{what}: {}", said(&ran))));
        match ran.status {
            Some(0) => Ok(()),
            Some(scripts::NO_CHECKSUM) => Err(no_checksum(&ran)),
            Some(scripts::DAMAGED) => failure("UP_COPY_DAMAGED", "the copy was damaged on the way"),
            Some(scripts::DOES_NOT_RUN) => failure("UP_BINARY_DOES_NOT_RUN", "this program does not run over there")
                .map_err(|failure| failure.advise("name one that does with --binary PATH")),
            _ => failure("UP_COPY_FAILED", &format!("`{}` cannot be written over there", self.place.program))
                .map_err(|failure| failure.advise("choose another place with --remote-path, or make room")),
        }
    }

    /// Runs the program there with `--json`, and reads its one value.
    pub(crate) fn openclaw(&self, args: &[&str]) -> Result<Value, Failure> {
        let ran = self.run(&self.command(args), tokio::io::empty(), ACTS_WITHIN)?;
        let told = String::from_utf8_lossy(&ran.stdout);
        // A shell that greets says its words before.
        let value = told.lines().rev().find_map(|line| serde_json::from_str::<Value>(line).ok());
        match value.filter(Value::is_object) {
            Some(value) if ran.is_ok() => Ok(value),
            Some(value) => Err(self.failed_there(&value)),
            None if ran.status == Some(NO_PROGRAM) => {
                let message = format!("there is no `{}` on {}", self.place.program, self.route.target);
                Err(Failure::new("UP_NO_PROGRAM", message).run(format!("openclaw up {}", self.route.target)))
            }
            None => Err(Failure::new("UP_FAILED_THERE", format!("the program over there failed: {}", said(&ran)))
                .step(self.route.command_there("openclaw gateway status"))),
        }
    }

    /// The command line of the program there.
    pub(crate) fn command(&self, args: &[&str]) -> String {
        let args: Vec<String> = args.iter().copied().chain(["--json"]).map(str::to_owned).collect();
        self.place.openclaw(&args)
    }

    fn run(&self, script: &str, input: impl AsyncRead + Unpin, within: Duration) -> Result<Ran, Failure> {
        block_on(async {
            let ran = link::ssh_run(&self.route, script, input, within).await;
            ran.map_err(|failure| Failure::dial(&DialError::Ssh(Box::new(failure))))
        })
    }

    /// What the program there says of its failure; its own advice is for that host.
    fn failed_there(&self, value: &Value) -> Failure {
        let error = &value["error"];
        let message = error["message"].as_str().unwrap_or("it failed without a word");
        let code = error["code"].as_str().unwrap_or("unknown");
        let failure = Failure::new("UP_FAILED_THERE", format!("over there: {message} [{code}]"));
        let next = error["next"][0].as_str().filter(|next| next.starts_with("openclaw "));
        failure.step(next.map_or_else(|| Step::advise("log in there and look"), |next| self.route.command_there(next)))
    }
}

fn said(ran: &Ran) -> String {
    match (ran.complaint(), ran.status) {
        (said, _) if !said.is_empty() => said,
        (_, Some(status)) => format!("exit {status}"),
        (_, None) => "it was killed".into(),
    }
}

fn no_checksum(ran: &Ran) -> Failure {
    Failure::new("UP_NO_CHECKSUM", said(ran)).advise("install coreutils, perl or openssl over there")
}

/// A file of this machine that cannot be read.
pub(crate) fn unreadable(file: &Path, error: &io::Error) -> Failure {
    Failure::new("UP_BINARY_UNREADABLE", format!("`{}`: {error}", file.display()))
}
