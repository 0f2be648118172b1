//! `openclaw completion`: a script that completes commands and flags.

use clap_complete::Shell;

use crate::app::App;
use crate::exit::Failure;
use crate::out;

/// Print a completion script for your shell
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which shell
    #[arg(short, long, value_enum, default_value = "zsh")]
    shell: Shell,
    /// Write the script into the state folder and say how to load it
    #[arg(short, long)]
    install: bool,
    /// As --install, for scripts
    #[arg(long)]
    write_state: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::tree(), "openclaw", &mut script);
    if !args.install && !args.write_state {
        out::pour(&String::from_utf8_lossy(&script));
        return Ok(());
    }
    let folder = app.paths.state_dir.join("completions");
    let file = folder.join(format!("openclaw.{}", args.shell));
    let written = base::ensure_private_dir(&folder).and_then(|()| base::write_atomic(&file, &script));
    written.map_err(|error| Failure::new("WRITE_FAILED", format!("`{}`: {error}", file.display())))?;
    let line = format!("source \"{}\"", file.display());
    app.out.either(&serde_json::json!({"ok": true, "file": file, "load": line}), || {
        format!("Written. Add this line to your shell's start-up file:\n{line}")
    });
    Ok(())
}
