//! The questions, each of which has a flag.

use std::io::IsTerminal as _;

use base::Secret;
use inquire::{Confirm, InquireError, Password, PasswordDisplayMode, Select, Text};

use super::ModeFlag;
use crate::app::App;
use crate::cred;
use crate::exit::Failure;

const HERE: &str = "on this machine";
const ELSEWHERE: &str = "on another one";

/// Whether there is somebody to ask.
pub(super) fn can(app: &App) -> bool {
    !app.out.json && app.out.is_terminal && std::io::stdin().is_terminal()
}

pub(super) fn risk(app: &App) -> Result<(), Failure> {
    app.out.note("An agent with tools reads files and runs commands as you, and can be misled by what it reads.");
    match Confirm::new("Go on?").with_default(false).prompt() {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::new("NOT_CONFIRMED", "nothing was changed")),
        Err(error) => Err(unanswered(&error)),
    }
}

pub(super) fn mode() -> Result<ModeFlag, Failure> {
    let chosen = Select::new("Where does the Gateway run?", vec![HERE, ELSEWHERE]).prompt();
    let chosen = chosen.map_err(|error| unanswered(&error))?;
    Ok(if chosen == HERE { ModeFlag::Local } else { ModeFlag::Remote })
}

pub(super) fn target() -> Result<String, Failure> {
    Text::new("Which host? (user@host for SSH, or wss://…)").prompt().map_err(|error| unanswered(&error))
}

pub(super) fn token() -> Result<Option<Secret>, Failure> {
    let typed = Password::new("The Gateway's token (nothing if it has none):")
        .with_display_mode(PasswordDisplayMode::Hidden)
        .without_confirmation()
        .prompt();
    typed.map(|typed| cred::usable(&Secret::new(typed))).map_err(|error| unanswered(&error))
}

pub(super) fn service() -> Result<bool, Failure> {
    let answer = Confirm::new("Keep the Gateway running, also after a reboot?").with_default(true).prompt();
    answer.map_err(|error| unanswered(&error))
}

fn unanswered(error: &InquireError) -> Failure {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => Failure::interrupted(),
        other => Failure::new("NOT_CONFIRMED", other.to_string()),
    }
}
