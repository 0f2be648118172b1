//! `openclaw tunnel logs`: what a keeper has said.

use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use serde_json::json;

use super::place::{not_up, those_to};
use crate::app::App;
use crate::exit::Failure;
use crate::tunnel::Records;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only tunnels to this host
    target: Option<String>,
}

/// The end of a log is what matters.
const SHOWN_BYTES: u64 = 64 * 1024;

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let records = Records::of(&app.paths)?;
    let tunnels = those_to(records.live(), args.target.as_deref())?;
    if let Some(target) = args.target.as_deref().filter(|_| tunnels.is_empty()) {
        return Err(not_up(target));
    }
    let mut logs = Vec::new();
    for record in &tunnels {
        let file = records.log(&record.near());
        let text = tail(&file).map_err(|error| {
            Failure::new("TUNNEL_LOG", format!("`{}` cannot be read: {error}", file.display()))
                .run("openclaw tunnel status")
        })?;
        logs.push((record, file, text));
    }
    let value: Vec<_> = logs
        .iter()
        .map(|(record, file, text)| json!({"localPort": record.local_port, "socket": record.socket, "file": file, "lines": text.lines().collect::<Vec<_>>()}))
        .collect();
    app.out.either(&json!({"logs": value}), || match logs.is_empty() {
        true => "No tunnel is up.".to_owned(),
        false => logs.iter().map(|(.., text)| text.as_str()).collect(),
    });
    Ok(())
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let skipped = file.metadata()?.len().saturating_sub(SHOWN_BYTES);
    file.seek(SeekFrom::Start(skipped))?;
    let mut bytes = Vec::new();
    file.take(SHOWN_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
