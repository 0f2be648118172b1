//! The files of this machine that its owner opened to the Gateway (N-10.22): folders with everything below them, and nothing
//! beside. A path is never trusted to stay what it was: [`roots`] walks it folder by folder, follows no link, and works
//! on what it holds open.

mod roots;
mod tar;
mod write;

use std::fs::File;
use std::io::Read as _;

use sha2::{Digest as _, Sha256};

pub(crate) use self::roots::{Entry, Kind, Roots, Spot, Wish};
pub(crate) use self::tar::pack;
pub(crate) use self::write::{Over, write};
use crate::commands::Refusal;

/// Most bytes of one file, or of one packed folder: with what base64 adds it fits a frame (N-10.22, N-5.15).
pub(crate) const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The SHA-256 of `bytes`, in hex.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All of a file, when it is not larger than `most`.
///
/// # Errors
/// `PAYLOAD_TOO_LARGE`, or that it could not be read.
pub(crate) fn whole(file: &mut File, most: usize, spot: &Spot) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(|error| spot.failed(&error))?;
    if bytes.len() > most {
        let message = format!("`{}` is larger than the {most} bytes that are sent at once", spot.shown());
        return Err(Refusal { code: "PAYLOAD_TOO_LARGE", message });
    }
    Ok(bytes)
}
