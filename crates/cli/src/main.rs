//! The `openclaw` command: reads the command line, runs one command, and turns its end into an exit code.
//!
//! A command is one file under `cmd` and one line in its table. Data goes to stdout, everything else to stderr; with
//! `--json` stdout is exactly one JSON value, also on failure (CLI-4). Nothing is started that the command does not
//! need: a client command runs on one thread, and `--version` touches neither config nor runtime.

mod app;
mod args;
mod audit;
mod cmd;
mod cred;
mod desk;
mod doctor;
mod exit;
mod finding;
mod invitation;
mod join;
mod out;
mod passphrase;
mod rpc;
mod service;
mod setup_code;
mod ssh;
mod tunnel;
mod up;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let argv: Vec<_> = std::env::args_os().collect();
    if let [_, only] = argv.as_slice()
        && (only == "--version" || only == "-V" || only == "-v")
    {
        out::say(cmd::version::LINE);
        return ExitCode::SUCCESS;
    }
    ExitCode::from(cmd::run(&argv))
}
