//! `config restore`: an earlier version of the file, from the ring of backups (CFG-7, CFG-9). Nothing else ever restores
//! one. The version it replaces becomes the youngest backup, so that a restore can be taken back.

use config::edit::{Change, backups};
use serde_json::json;

use super::change;
use crate::app::App;
use crate::exit::Failure;
use crate::out::table;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which: 1 is the youngest
    #[arg(value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    age: u8,
    /// Show what there is, change nothing
    #[arg(long)]
    list: bool,
    /// Check and show, do not write
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let kept = backups(app.config_file());
    if args.list {
        return list(app, &kept);
    }
    let Some(backup) = kept.get(usize::from(args.age) - 1) else {
        let message = format!("there is no backup number {}; {} are kept", args.age, kept.len());
        return Err(Failure::new("NO_BACKUP", message).run("openclaw config restore --list"));
    };
    let text = std::fs::read_to_string(backup)
        .map_err(|error| Failure::new("BACKUP_UNREADABLE", format!("`{}`: {error}", backup.display())))?;
    change::make(app, Change::Replace(text), args.dry_run, &format!("Restored {}.", backup.display()))
}

fn list(app: &App, kept: &[std::path::PathBuf]) -> Result<(), Failure> {
    let ages: Vec<_> = kept
        .iter()
        .enumerate()
        .map(|(at, file)| {
            let modified = file.metadata().and_then(|meta| meta.modified()).ok();
            let age = modified.and_then(|at| at.elapsed().ok()).map(|age| i64::try_from(age.as_millis()).unwrap_or(0));
            (at + 1, file, age)
        })
        .collect();
    let rows = ages.iter().map(|(number, file, age)| json!({"n": number, "path": file, "ageMs": age}));
    let value = json!({"path": app.config_file(), "backups": rows.collect::<Vec<_>>()});
    app.out.either(&value, || {
        if ages.is_empty() {
            return "No backups.".into();
        }
        let rows = ages.iter().map(|(number, file, age)| {
            let age = age.map(|age| table::age(-age, 0)).unwrap_or_default();
            vec![number.to_string(), age, file.display().to_string()]
        });
        table::table(&["N", "AGE", "FILE"], rows)
    });
    Ok(())
}
