//! The passphrase of a key, asked for before anything is dialled, so that no deadline runs while somebody types. Only the
//! built-in SSH client needs it, and only a person at a terminal is asked.

use std::io::IsTerminal as _;
use std::path::Path;

use base::Secret;
use inquire::{Password, PasswordDisplayMode};
use link::{Caller, Passphrase, Route, SshRoute, Target};

use crate::app::App;
use crate::exit::Failure;
use crate::rpc::block_on;

/// `target` with the passphrase of the key it cannot do without. Where nobody can be asked it stays as it is, and the
/// dial says what is missing.
pub(crate) fn asked_for(app: &App, target: Target) -> Result<Target, Failure> {
    let Some(route) = target.ssh() else { return Ok(target) };
    let nobody_there = app.out.json || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal();
    // A forward that is kept by hand may need no login at all.
    if nobody_there || route.standing.is_some() || route.caller.unlocked.is_some() {
        return Ok(target);
    }
    let route = route.clone();
    let looked = route.clone();
    // The caller may be a runtime already, which cannot wait for another.
    let locked = std::thread::spawn(move || block_on(async { Ok(looked.locked_key().await) })).join();
    let Some(file) = locked.ok().and_then(Result::ok).flatten() else { return Ok(target) };
    let unlocked = match app.unlocked.get() {
        Some(unlocked) => unlocked.clone(),
        None => {
            let typed = ask(&file)?;
            app.unlocked.get_or_init(|| (file, typed)).clone()
        }
    };
    let caller = Caller { unlocked: Some(unlocked), ..route.caller.clone() };
    Ok(target.by(Route::Ssh(Box::new(SshRoute { caller, ..route }))))
}

fn ask(file: &Path) -> Result<Passphrase, Failure> {
    let question = format!("Passphrase of {}:", file.display());
    let typed = Password::new(&question).with_display_mode(PasswordDisplayMode::Hidden).without_confirmation().prompt();
    let typed = typed.map_err(|error| {
        let failure = Failure::refused("SSH_KEY_LOCKED", format!("no passphrase of {}: {error}", file.display()));
        failure.run(format!("ssh-add {}", file.display()))
    })?;
    Ok(Passphrase::new(Secret::new(typed)))
}
