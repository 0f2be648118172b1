//! The `read` tool: a page of text, a picture, or what a binary file is.

mod page;

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Tool, ToolCx, ToolOutput, args, paths, picture};
use crate::providers::ToolSpec;

/// Enough of a file to tell what it is.
const SNIFF_BYTES: u64 = 8192;
/// Most names shown of a folder that was read by mistake.
const LISTED_NAMES: usize = 40;

pub(super) struct Read;

#[derive(Debug, Deserialize, JsonSchema)]
struct Args {
    /// The file; relative to the workspace, `~` is the home folder.
    #[serde(alias = "file_path")]
    path: String,
    /// First line to show, from 1.
    offset: Option<u64>,
    /// Most lines to show.
    limit: Option<u64>,
    /// Byte to go on from, as the end of the last page named it; only for lines longer than a page.
    cursor: Option<u64>,
    /// Whether a missing file is an empty answer instead of an error.
    optional: Option<bool>,
}

impl Tool for Read {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "read".into(),
            description: "Read a file. Text comes in pages of at most 2000 lines or 50 KB; the end of a page says how \
                          to read on. Pictures (PNG, JPEG, GIF, WebP) are shown to you. Other binary files are \
                          described."
                .into(),
            parameters: args::schema_of::<Args>(),
        }
    }

    fn parallel_safe(&self) -> bool {
        true
    }

    fn call<'a>(&'a self, arguments: Value, cx: ToolCx) -> BoxFuture<'a, ToolOutput> {
        async move {
            let args: Args = match args::parse("read", arguments) {
                Ok(args) => args,
                Err(output) => return output,
            };
            paths::blocking(move || read(&args, &cx)).await
        }
        .boxed()
    }
}

fn read(args: &Args, cx: &ToolCx) -> ToolOutput {
    let path = cx.resolve(&args.path);
    match fs::metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && args.optional == Some(true) => {
            return ToolOutput::text(format!("[`{}` does not exist]", path.display()));
        }
        Err(error) => return paths::io_error("read", &path, &error),
        Ok(meta) if meta.is_dir() => return folder(&path),
        Ok(meta) if !meta.is_file() => {
            return ToolOutput::error(format!("`{}` is a device, socket or pipe; only files are read", path.display()));
        }
        Ok(_) if holds_an_environment(&path) => {
            return ToolOutput::error(format!("`{}` may hold secrets and is not read", path.display()));
        }
        Ok(_) => {}
    }
    open(&path, args).unwrap_or_else(|error| paths::io_error("read", &path, &error))
}

fn open(path: &Path, args: &Args) -> std::io::Result<ToolOutput> {
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    file.by_ref().take(SNIFF_BYTES).read_to_end(&mut start)?;
    if picture::is_picture(&start) {
        file.seek(SeekFrom::Start(0))?;
        return Ok(picture::show(path, file));
    }
    if is_binary(&start) {
        let size = file.metadata()?.len();
        return Ok(describe(path, &start, size));
    }
    file.seek(SeekFrom::Start(0))?;
    page::show(file, &page::Wanted { offset: args.offset, limit: args.limit, cursor: args.cursor })
}

/// `/proc/<pid>/environ` shows the Gateway's own environment, tokens included.
fn holds_an_environment(path: &Path) -> bool {
    fs::canonicalize(path).is_ok_and(|real| real.starts_with("/proc") && real.ends_with("environ"))
}

fn folder(path: &Path) -> ToolOutput {
    let mut names: Vec<String> = fs::read_dir(path).map_or_else(
        |_| Vec::new(),
        |entries| entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect(),
    );
    names.sort_unstable();
    let more = names.len().saturating_sub(LISTED_NAMES);
    names.truncate(LISTED_NAMES);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let shown = path.display();
    ToolOutput::error(format!(
        "`{shown}` is a folder; list it with exec `ls -la '{shown}'`, or read one of: {}{rest}",
        names.join(", ")
    ))
}

/// A NUL byte, or text that is not UTF-8 (but for a character cut at the end of what was read).
fn is_binary(start: &[u8]) -> bool {
    start.contains(&0) || std::str::from_utf8(start).is_err_and(|wrong| wrong.error_len().is_some())
}

fn describe(path: &Path, start: &[u8], size: u64) -> ToolOutput {
    let kind = KINDS.iter().find(|(magic, _)| start.starts_with(magic)).map_or("binary data", |(_, kind)| kind);
    let mut output = ToolOutput::text(format!(
        "[`{}` is not text: {kind}, {size} bytes. It is not shown; use a program that understands it.]",
        path.display()
    ));
    output.details = Some(json!({"path": path, "kind": kind, "bytes": size}));
    output
}

/// How some files begin.
const KINDS: &[(&[u8], &str)] = &[
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a zip archive (or an Office, jar or apk file)"),
    (b"\x1f\x8b", "gzip data"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ", "xz data"),
    (b"\x28\xb5\x2f\xfd", "zstd data"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x7fELF", "an ELF program or library"),
    (b"\xcf\xfa\xed\xfe", "a Mach-O program"),
    (b"MZ", "a Windows program"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"ID3", "MP3 audio"),
    (b"OggS", "Ogg audio or video"),
    (b"fLaC", "FLAC audio"),
    (b"RIFF", "RIFF audio or video"),
    (b"\x1aE\xdf\xa3", "Matroska or WebM video"),
    (b"\0\0\0\x18ftyp", "MP4 video"),
    (b"\0\0\0\x20ftyp", "MP4 video"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
];
