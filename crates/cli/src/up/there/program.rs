//! The program: this very one, or the one that was named, in its place over there.

use std::path::PathBuf;

use super::There;
use super::far::{Seen, unreadable};
use crate::exit::Failure;
use crate::up::plan::{Standing, Step};

pub(super) struct Program;

impl Step<There<'_>> for Program {
    fn name(&self) -> &'static str {
        "program"
    }

    fn look(&self, cx: &mut There<'_>) -> Result<Standing, Failure> {
        let Some(seen) = cx.seen.clone() else { return Err(unseen()) };
        let (file, sum) = wanted(cx)?;
        cx.binary = Some((file.clone(), sum.clone()));
        let place = &cx.wanted.place.program;
        if seen.sum.as_ref() == Some(&sum) {
            cx.has_program = true;
            return Ok(Standing::Done(format!("`{place}` is this program")));
        }
        if cx.wanted.binary.is_none() && !is_like_here(&seen) {
            let message = format!(
                "{} is {} on {}, and this program is for {} on {}",
                cx.far.route.target,
                seen.os,
                seen.cpu,
                std::env::consts::OS,
                std::env::consts::ARCH
            );
            return Err(Failure::new("UP_OTHER_PLATFORM", message)
                .advise("build or fetch the program for that host and name it with --binary PATH"));
        }
        let what = if seen.sum.is_some() { "replace" } else { "copy it to" };
        Ok(Standing::ToDo(format!("{what} `{place}` (from {}, {} MB)", file.display(), megabytes(&file)?)))
    }

    fn carry_out(&self, cx: &mut There<'_>) -> Result<String, Failure> {
        let Some((file, sum)) = cx.binary.clone() else { return Err(unseen()) };
        cx.far.send(&file, &sum)?;
        cx.has_program = true;
        Ok(format!("copied to `{}`, sha256 {}", cx.wanted.place.program, &sum[..12]))
    }
}

/// The file to copy, and its checksum.
fn wanted(cx: &There<'_>) -> Result<(PathBuf, String), Failure> {
    let file = match &cx.wanted.binary {
        Some(file) => file.clone(),
        None => std::env::current_exe()
            .map_err(|error| Failure::new("UP_BINARY_UNREADABLE", format!("where this program is: {error}")))?,
    };
    let sum = std::fs::File::open(&file).and_then(base::sha256_hex).map_err(|error| unreadable(&file, &error))?;
    Ok((file, sum))
}

fn megabytes(file: &std::path::Path) -> Result<u64, Failure> {
    let about = std::fs::metadata(file).map_err(|error| unreadable(file, &error))?;
    Ok(about.len().div_ceil(1024 * 1024))
}

/// Whether what `uname` says is the system this program was built for.
fn is_like_here(seen: &Seen) -> bool {
    let os = match seen.os.as_str() {
        "Linux" => "linux",
        "Darwin" => "macos",
        "FreeBSD" => "freebsd",
        other => other,
    };
    let cpu = match seen.cpu.as_str() {
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        other => other,
    };
    os == std::env::consts::OS && cpu == std::env::consts::ARCH
}

fn unseen() -> Failure {
    Failure::new("UP_HOST_UNKNOWN", "the host was not asked what it is")
}
