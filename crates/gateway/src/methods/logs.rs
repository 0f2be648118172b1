//! `logs.tail`: today's log file from a cursor on, whole lines only, so that following it neither loses nor repeats one.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use wire::ErrorShape;
use wire::methods::logs::{TailParams, TailResult};

use crate::rpc::Cx;

const DEFAULT_LINES: usize = 500;
const MAX_LINES: usize = 5_000;
const DEFAULT_BYTES: u64 = 250_000;
const MAX_BYTES: u64 = 1_000_000;

/// The next lines.
pub(super) async fn tail(cx: Cx, params: TailParams) -> Result<TailResult, ErrorShape> {
    let file = base::log::file_of_today(&cx.config.paths().logs());
    let read = tokio::task::spawn_blocking(move || read(&file, &params)).await;
    let read = read.map_err(|_| ErrorShape::unavailable("the log could not be read"))?;
    read.map_err(|error| ErrorShape::unavailable(format!("the log could not be read: {error}")))
}

fn read(path: &Path, params: &TailParams) -> io::Result<TailResult> {
    let limit = params.limit.unwrap_or(DEFAULT_LINES).clamp(1, MAX_LINES);
    let max_bytes = params.max_bytes.unwrap_or(DEFAULT_BYTES).clamp(1, MAX_BYTES);
    let name = path.display().to_string();
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(TailResult { file: name, reset: params.cursor.is_some_and(|c| c > 0), ..TailResult::default() });
        }
        Err(error) => return Err(error),
    };
    let size = file.metadata()?.len();
    // A cursor beyond the end is one of yesterday's file.
    let reset = params.cursor.is_some_and(|cursor| cursor > size);
    let asked = params.cursor.filter(|_| !reset);
    let from = asked.unwrap_or(0).max(size.saturating_sub(max_bytes));
    let mut truncated = from > asked.unwrap_or(0);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(size - from).read_to_end(&mut bytes)?;
    // What stands after the last line end is still being written.
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let cut_in = truncated && from > 0;
    let begin = if cut_in { bytes[..end].iter().position(|byte| *byte == b'\n').map_or(end, |at| at + 1) } else { 0 };
    let text = String::from_utf8_lossy(&bytes[begin.min(end)..end]);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.len() > limit {
        truncated = true;
        lines.drain(..lines.len() - limit);
    }
    Ok(TailResult { file: name, cursor: from + end as u64, size, lines, truncated, reset })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(path: &Path, cursor: Option<u64>, limit: Option<usize>) -> TailResult {
        read(path, &TailParams { cursor, limit, max_bytes: None }).unwrap()
    }

    /// LOG-1
    #[test]
    fn following_neither_loses_nor_repeats_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        assert_eq!(ask(&path, None, None).lines.len(), 0);
        std::fs::write(&path, "one\ntwo\nthr").unwrap();
        let first = ask(&path, None, None);
        assert_eq!((first.lines, first.cursor, first.truncated), (vec!["one".into(), "two".into()], 8, false));
        std::fs::write(&path, "one\ntwo\nthree\n").unwrap();
        assert_eq!(ask(&path, Some(8), None).lines, ["three"]);
        assert!(ask(&path, Some(14), None).lines.is_empty());
        std::fs::write(&path, "new\n").unwrap();
        let restarted = ask(&path, Some(14), None);
        assert!(restarted.reset);
        assert_eq!(restarted.lines, ["new"]);
    }

    #[test]
    fn a_long_log_is_cut_at_whole_lines_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        std::fs::write(&path, "aaaa\nbbbb\ncccc\n").unwrap();
        let last = ask(&path, None, Some(1));
        assert_eq!((last.lines, last.truncated, last.cursor), (vec!["cccc".into()], true, 15));
        let tight = read(&path, &TailParams { max_bytes: Some(7), ..TailParams::default() }).unwrap();
        assert_eq!((tight.lines, tight.truncated), (vec!["cccc".into()], true));
    }
}
