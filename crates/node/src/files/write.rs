//! Writing a file whole or not at all, and never over what the writer has not seen.

use std::fs::File;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use rustix::fs::{AtFlags, Mode, OFlags, fchmod, fsync, openat, renameat, unlinkat};
use rustix::io::Errno;
use uuid::Uuid;

use super::{Kind, MAX_BYTES, Spot, digest, whole};
use crate::commands::Refusal;

/// A new file beside the old one.
const NEW: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// What a new file may be: its owner's.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// What may be written over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Over {
    /// Nothing.
    Nothing,
    /// A file with this SHA-256.
    This(String),
    /// Whatever file is there.
    Anything,
}

/// Two calls look and write one after the other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Writes it. Whether something was written over.
///
/// # Errors
/// `FILE_EXISTS`, `INVALID_REQUEST` when what is there is not what the writer has seen, or no file; that it failed.
pub(crate) fn write(spot: &Spot, bytes: &[u8], over: &Over) -> Result<bool, Refusal> {
    let name = spot.name()?;
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let before = may_replace(spot, over)?;
    let mode = before.unwrap_or(PRIVATE);
    let failed = |error: Errno| spot.failed(&error.into());
    let beside = format!(".openclaw-{}.part", Uuid::new_v4().simple());
    let folder = spot.parent();
    let mut file = File::from(openat(&folder, &*beside, NEW, PRIVATE).map_err(failed)?);
    let written = file.write_all(bytes).and_then(|()| {
        fchmod(&file, mode)?;
        file.sync_all()?;
        match before {
            Some(_) => renameat(&folder, &*beside, &folder, name),
            // Somebody may have made one by that name meanwhile.
            None => rename_to_new(&folder, &beside, name),
        }?;
        Ok(fsync(&folder)?)
    });
    match written {
        Ok(()) => Ok(before.is_some()),
        Err(error) => {
            // What could not be finished is of no use; when it cannot be removed either, its name says what it is.
            let _left_behind = unlinkat(&folder, &*beside, AtFlags::empty());
            Err(if error.kind() == std::io::ErrorKind::AlreadyExists { exists(spot) } else { spot.failed(&error) })
        }
    }
}

fn rename_to_new(folder: &impl std::os::fd::AsFd, from: &str, to: &std::ffi::OsStr) -> Result<(), Errno> {
    use rustix::fs::{RenameFlags, renameat_with};
    match renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE) {
        // Some file systems cannot; a second name, which never replaces one, can be had there.
        Err(Errno::INVAL | Errno::NOSYS) => {
            rustix::fs::linkat(folder, from, folder, to, AtFlags::empty())?;
            unlinkat(folder, from, AtFlags::empty())
        }
        outcome => outcome,
    }
}

/// Whether what is there may be replaced: its permissions if there is something.
fn may_replace(spot: &Spot, over: &Over) -> Result<Option<Mode>, Refusal> {
    let Some(there) = spot.look()? else {
        return match over {
            Over::This(_) => Err(changed(spot, "it is gone")),
            Over::Nothing | Over::Anything => Ok(None),
        };
    };
    if there.kind != Kind::File {
        return Err(Refusal::invalid(format!("`{}` is a {}; only files are written", spot.shown(), there.kind.word())));
    }
    match over {
        Over::Nothing => Err(exists(spot)),
        Over::Anything => Ok(Some(there.mode)),
        Over::This(seen) => {
            let now = digest(&whole(&mut spot.file()?, MAX_BYTES, spot)?);
            if now.eq_ignore_ascii_case(seen) {
                Ok(Some(there.mode))
            } else {
                Err(changed(spot, "it is another file now"))
            }
        }
    }
}

fn changed(spot: &Spot, how: &str) -> Refusal {
    Refusal::invalid(format!("`{}` changed since it was read: {how}; read it again", spot.shown()))
}

fn exists(spot: &Spot) -> Refusal {
    let message = format!("`{}` exists; to write over it send baseSha256, the digest of what is there", spot.shown());
    Refusal { code: "FILE_EXISTS", message }
}
