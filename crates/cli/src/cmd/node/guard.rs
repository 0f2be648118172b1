//! `openclaw node guard`: what the node host starts a program with. It ends as the program does, and stops the program
//! when its own standard input ends.

use std::ffi::OsString;

use crate::exit::Failure;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How much of standard input is the program's
    #[arg(long, default_value_t = 0)]
    stdin_bytes: u64,
    /// The program and its arguments
    #[arg(last = true, required = true)]
    argv: Vec<OsString>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    match ::node::guard(&args.argv, args.stdin_bytes) {
        0 => Ok(()),
        exit => {
            let mut failed = Failure::new("PROGRAM_FAILED", "the program failed").quietly();
            failed.exit = exit;
            Err(failed)
        }
    }
}
