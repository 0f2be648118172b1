//! `openclaw sessions export`: one conversation as JSON lines (A-4.1a, A-4.2), to stdout or into a file that is there
//! whole or not at all.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use wire::methods::Method as _;
use wire::methods::session_export::{Export, ExportParams, ExportResult};

use crate::app::App;
use crate::args::Rpc;
use crate::exit::Failure;
use crate::out;
use crate::rpc::{self, Want};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Its key, or `main`
    key: String,
    /// Write into this file; `-` is stdout
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    rpc: Rpc,
}

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let file = Some(args.output.as_path()).filter(|file| file.as_os_str() != "-");
    if let Some(file) = file {
        refuse_existing(file, args.force)?;
    }
    let (session_id, lines) = rpc::block_on(fetch(app, args))?;
    let Some(file) = file else {
        lines.iter().for_each(|line| out::say(line));
        return Ok(());
    };
    write(file, &lines, args.force)?;
    let value = json!({"ok": true, "path": file, "sessionId": session_id, "lines": lines.len()});
    app.out.either(&value, || format!("Wrote {} lines to {}.", lines.len(), file.display()));
    Ok(())
}

/// Asks page after page; a page is about a mebibyte.
async fn fetch(app: &App, args: &Args) -> Result<(String, Vec<String>), Failure> {
    let want = Want::of(Export::NAME, args.rpc.timeout_or(rpc::TIMEOUT));
    let mut connection = rpc::open(app, &args.rpc.reach, None, &want).await?;
    let mut params = ExportParams { key: args.key.clone(), ..ExportParams::default() };
    let mut lines = Vec::new();
    loop {
        let asked = serde_json::to_value(&params).map_err(|error| Failure::new("EXPORT", error.to_string()))?;
        let page = connection.call(Export::NAME, Some(asked)).await?;
        let page: ExportResult = serde_json::from_value(page)
            .map_err(|error| Failure::new("EXPORT", format!("the Gateway sent an unreadable page: {error}")))?;
        lines.extend(page.lines);
        // A place that does not move would ask for the same page for ever.
        match page.next.filter(|next| params.after.is_none_or(|after| *next > after)) {
            Some(next) => params = ExportParams { session_id: Some(page.session_id), after: Some(next), ..params },
            None => {
                connection.client.close().await;
                return Ok((page.session_id, lines));
            }
        }
        // A long conversation takes as long as it takes; each page has the time of a command.
        connection.renew();
    }
}

fn refuse_existing(file: &Path, force: bool) -> Result<(), Failure> {
    if force || !file.exists() {
        return Ok(());
    }
    let message = format!("`{}` exists", file.display());
    Err(Failure::new("FILE_EXISTS", message).advise("choose another name, or write over it with --force"))
}

/// Written beside, then given its name: a reader sees all of it or nothing. A conversation is private.
fn write(file: &Path, lines: &[String], force: bool) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new("WRITE_FAILED", format!("`{}`: {error}", file.display()));
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut beside = tempfile::Builder::new().prefix(".openclaw-export-").tempfile_in(folder).map_err(failed)?;
    for line in lines {
        writeln!(beside, "{line}").map_err(failed)?;
    }
    beside.as_file().sync_all().map_err(failed)?;
    let named = if force { beside.persist(file) } else { beside.persist_noclobber(file) };
    match named {
        Ok(_) => Ok(()),
        // Somebody made it meanwhile.
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => refuse_existing(file, false),
        Err(error) => Err(failed(error.error)),
    }
}
