//! Where the secret of a new account comes from: a flag, a file, stdin, the environment, a question.

use std::io::Read as _;
use std::path::PathBuf;

use inquire::{Password, PasswordDisplayMode};

use super::absolute;
use crate::app::App;
use crate::exit::Failure;

/// The longest secret.
const LONGEST: u64 = 4096;
/// The variable of Telegram's default account (C-2.2).
const VARIABLE: &str = "TELEGRAM_BOT_TOKEN";

#[derive(Debug, Default, clap::Args)]
pub(super) struct Flags {
    /// The bot's token, or a webhook's secret; other users of this machine may see it while this runs
    #[arg(long, value_name = "TOKEN", visible_alias = "secret", conflicts_with_all = ["token_file", "token_stdin", "use_env"])]
    token: Option<String>,
    /// A file that has it, and keeps it: the config only names the file
    #[arg(long, value_name = "PATH", conflicts_with_all = ["token_stdin", "use_env"])]
    token_file: Option<PathBuf>,
    /// Read it from stdin
    #[arg(long, conflicts_with = "use_env")]
    token_stdin: bool,
    /// The Gateway's environment has it, as TELEGRAM_BOT_TOKEN
    #[arg(long)]
    use_env: bool,
}

/// What the config says of it, by key.
pub(super) fn of(
    app: &App,
    channel: &str,
    account: &str,
    flags: &Flags,
    asks: bool,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let key = if channel == "webhook" { "secret" } else { "botToken" };
    if flags.use_env {
        let is_there = account == "default" && app.env.get(VARIABLE).is_some();
        return if is_there {
            Ok(Vec::new())
        } else {
            Err(Failure::usage(format!("--use-env is for the default account, with {VARIABLE} set here, too")))
        };
    }
    if let Some(path) = &flags.token_file {
        let path = absolute(path)?;
        let about = std::fs::symlink_metadata(&path)
            .map_err(|error| Failure::usage(format!("--token-file `{}`: {error}", path.display())))?;
        if !about.is_file() {
            return Err(Failure::usage(format!("--token-file `{}` is no regular file", path.display())));
        }
        if channel == "webhook" {
            let text = std::fs::read_to_string(&path);
            let text = text.map_err(|error| Failure::usage(format!("--token-file `{}`: {error}", path.display())))?;
            return Ok(vec![(key, one_line(&text)?)]);
        }
        return Ok(vec![("tokenFile", path.display().to_string())]);
    }
    if let Some(token) = &flags.token {
        return Ok(vec![(key, one_line(token)?)]);
    }
    if flags.token_stdin {
        let mut text = String::new();
        let read = std::io::stdin().take(LONGEST).read_to_string(&mut text);
        read.map_err(|error| Failure::usage(format!("stdin has no token: {error}")))?;
        return Ok(vec![(key, one_line(&text)?)]);
    }
    if channel == "webhook" {
        return Ok(vec![(key, base::random_hex(32))]);
    }
    if !asks {
        return Err(Failure::usage("without questions this needs --token-file, --token-stdin, --token or --use-env")
            .run(format!("openclaw channels add {channel} --token-file <path> --non-interactive")));
    }
    let typed =
        Password::new("The token:").with_display_mode(PasswordDisplayMode::Masked).without_confirmation().prompt();
    let typed = typed.map_err(|_| Failure::new("NOT_CONFIRMED", "nothing was changed"))?;
    Ok(vec![(key, one_line(&typed)?)])
}

fn one_line(text: &str) -> Result<String, Failure> {
    let text = text.trim();
    if text.is_empty() || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Failure::usage("a token is one word on one line"));
    }
    Ok(text.to_owned())
}
