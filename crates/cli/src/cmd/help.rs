//! `openclaw help [COMMAND…]`, and topics that belong to no command.

use crate::exit::{EXIT_CODES, Failure};
use crate::out;

/// Explain a command, or a topic such as `exit-codes`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A command, or the topic `exit-codes`
    #[arg(value_name = "COMMAND")]
    words: Vec<String>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    if args.words.first().is_some_and(|word| word == "exit-codes") {
        out::say(EXIT_CODES);
        return Ok(());
    }
    let mut command = super::tree();
    command.build();
    for word in &args.words {
        let Some(below) = command.find_subcommand(word) else {
            return Err(Failure::usage(format!("there is no help for `{word}`")).run("openclaw --help"));
        };
        command = below.clone();
    }
    out::say(command.render_help().to_string().trim_end());
    Ok(())
}
