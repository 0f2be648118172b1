//! One page of a text file, and where the next one begins.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek as _, SeekFrom};

use serde_json::json;

use crate::tools::ToolOutput;

/// Most lines of one page.
const PAGE_LINES: u64 = 2000;
/// Most bytes of one page.
const PAGE_BYTES: usize = 50 * 1024;
/// Beyond this a file's lines are not counted to the end.
const COUNTED_BYTES: u64 = 64 * 1024 * 1024;

/// What was asked for.
pub(super) struct Wanted {
    /// First line, from 1.
    pub(super) offset: Option<u64>,
    /// Most lines.
    pub(super) limit: Option<u64>,
    /// First byte, instead of `offset`.
    pub(super) cursor: Option<u64>,
}

/// A page being filled.
#[derive(Default)]
struct Page {
    text: Vec<u8>,
    lines: u64,
    /// Where in the file the page ends.
    end: u64,
    /// Whether its last line was cut because it alone is longer than a page.
    cut: bool,
    /// Whether a line was left for the next page.
    more: bool,
}

/// The page of `file` that was asked for, with a hint how to read on.
pub(super) fn show(mut file: File, wanted: &Wanted) -> io::Result<ToolOutput> {
    let size = file.metadata()?.len();
    let first = wanted.offset.unwrap_or(1).max(1);
    let start = wanted.cursor.unwrap_or(0);
    file.seek(SeekFrom::Start(start))?;
    let mut reader = BufReader::new(file);
    let mut position = start;
    if wanted.cursor.is_none() {
        let (skipped, bytes) = skip_lines(&mut reader, first - 1)?;
        position = bytes;
        if skipped < first - 1 {
            return Ok(past_the_end(first, skipped));
        }
    }
    let page = fill(&mut reader, wanted.limit.unwrap_or(PAGE_LINES).clamp(1, PAGE_LINES), position)?;
    let rest = if page.more && size <= COUNTED_BYTES { Some(skip_lines(&mut reader, u64::MAX)?.0) } else { None };
    Ok(finish(&page, wanted, first, rest))
}

fn past_the_end(first: u64, lines: u64) -> ToolOutput {
    ToolOutput::error(format!("offset {first} is past the end: the file has {lines} lines"))
}

/// Passes over up to `count` lines; answers how many there were and how many bytes they had.
fn skip_lines(reader: &mut impl BufRead, count: u64) -> io::Result<(u64, u64)> {
    let (mut lines, mut bytes) = (0, 0);
    let mut open_line = false;
    while lines < count {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok((lines + u64::from(open_line), bytes));
        }
        let (used, ended) =
            buffer.iter().position(|byte| *byte == b'\n').map_or((buffer.len(), false), |at| (at + 1, true));
        reader.consume(used);
        bytes += used as u64;
        lines += u64::from(ended);
        open_line = !ended;
    }
    Ok((lines, bytes))
}

fn fill(reader: &mut impl BufRead, limit: u64, position: u64) -> io::Result<Page> {
    let mut page = Page { end: position, ..Page::default() };
    while page.lines < limit {
        let room = PAGE_BYTES.saturating_sub(page.text.len());
        let mut line = Vec::new();
        // One byte more than fits, to know that it does not.
        let read = io::Read::take(&mut *reader, room as u64 + 1).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(page);
        }
        if line.len() > room {
            page.more = true;
            if page.lines == 0 {
                line.truncate(whole_characters(&line[..room]));
                page.end += line.len() as u64;
                page.text = line;
                page.cut = true;
            }
            return Ok(page);
        }
        page.end += line.len() as u64;
        page.text.extend_from_slice(&line);
        page.lines += 1;
    }
    page.more = !reader.fill_buf()?.is_empty();
    Ok(page)
}

/// The length of `bytes` without a character cut at its end.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(wrong) if wrong.error_len().is_none() => wrong.valid_up_to(),
        _ => bytes.len(),
    }
}

fn finish(page: &Page, wanted: &Wanted, first: u64, rest: Option<u64>) -> ToolOutput {
    let mut text = String::from_utf8_lossy(&page.text).into_owned();
    if first == 1 && wanted.cursor.is_none_or(|at| at == 0) {
        text = text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned);
    }
    let last = first + page.lines.saturating_sub(1);
    let hint = if page.cut || (page.more && wanted.cursor.is_some()) {
        Some(format!("[goes on; read further with cursor={}]", page.end))
    } else if page.more {
        let total = rest.map_or(String::new(), |rest| format!(" of about {}", last + rest.max(1)));
        Some(format!("[lines {first} to {last}{total}; read on with offset={}]", last + 1))
    } else if text.is_empty() {
        Some("[the file is empty]".to_owned())
    } else {
        None
    };
    if let Some(hint) = hint {
        let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        text = format!("{text}{gap}{hint}");
    }
    let mut output = ToolOutput::text(text);
    output.details = Some(json!({"lines": page.lines, "truncated": page.more, "cursor": page.end}));
    output
}
