//! A folder in one piece: the plain archive every system can open (ustar), of files and folders; links are left out.

use std::io::{Read as _, Take};

use super::{Entry, Kind, MAX_BYTES, Spot};
use crate::commands::Refusal;

/// An archive is made of these.
const BLOCK: usize = 512;
/// Longest name a header has room for, and longest folder before it.
const NAME: usize = 100;
const PREFIX: usize = 155;
/// Most things in one archive.
const MAX_THINGS: usize = 5000;
/// Folders within folders, at most.
const MAX_DEPTH: usize = 64;

/// A packed folder.
#[derive(Debug, Default)]
pub(crate) struct Packed {
    /// The archive.
    pub(crate) bytes: Vec<u8>,
    /// How many files are in it.
    pub(crate) files: usize,
    /// What was left out, since it is no file or folder, or its name is too long.
    pub(crate) skipped: usize,
    things: usize,
}

/// Packs a folder.
///
/// # Errors
/// `PAYLOAD_TOO_LARGE` when it does not fit, or that something could not be read.
pub(crate) fn pack(spot: &Spot) -> Result<Packed, Refusal> {
    let mut packed = Packed::default();
    packed.folder(spot, "", 0)?;
    packed.bytes.extend_from_slice(&[0; 2 * BLOCK]);
    Ok(packed)
}

impl Packed {
    fn folder(&mut self, spot: &Spot, within: &str, depth: usize) -> Result<(), Refusal> {
        if depth > MAX_DEPTH {
            return Err(too_large(spot, &format!("has more than {MAX_DEPTH} folders within folders")));
        }
        let held = spot.folder()?;
        let (names, more) = spot.names()?;
        if more {
            return Err(too_large(spot, &format!("holds more than {MAX_THINGS} things")));
        }
        for name in names {
            let child = spot.child(&held, &name)?;
            let Some(entry) = child.look()? else { continue };
            self.things += 1;
            if self.things > MAX_THINGS {
                return Err(too_large(spot, &format!("holds more than {MAX_THINGS} things")));
            }
            let path = format!("{within}{name}");
            match entry.kind {
                Kind::File => self.file(&child, &path)?,
                Kind::Folder => match header(&format!("{path}/"), &entry, b'5') {
                    Some(header) => {
                        self.add(&header, spot)?;
                        self.folder(&child, &format!("{path}/"), depth + 1)?;
                    }
                    None => self.skipped += 1,
                },
                Kind::Link | Kind::Other => self.skipped += 1,
            }
        }
        Ok(())
    }

    /// A file as long as it is when it is opened: an archive cannot take back what it said.
    fn file(&mut self, spot: &Spot, path: &str) -> Result<(), Refusal> {
        let file = spot.file()?;
        let size = file.metadata().map_err(|error| spot.failed(&error))?.len();
        let Some(entry) = spot.look()? else { return Ok(()) };
        let Some(header) = header(path, &Entry { size, ..entry }, b'0') else {
            self.skipped += 1;
            return Ok(());
        };
        let length = usize::try_from(size).unwrap_or(usize::MAX);
        if length > MAX_BYTES {
            return Err(too_large(spot, "does not fit"));
        }
        self.add(&header, spot)?;
        let mut bytes = Vec::with_capacity(length);
        let mut rest: Take<_> = file.take(size);
        rest.read_to_end(&mut bytes).map_err(|error| spot.failed(&error))?;
        bytes.resize(length.next_multiple_of(BLOCK), 0);
        self.files += 1;
        self.add(&bytes, spot)
    }

    fn add(&mut self, bytes: &[u8], spot: &Spot) -> Result<(), Refusal> {
        if self.bytes.len() + bytes.len() + 2 * BLOCK > MAX_BYTES {
            return Err(too_large(spot, &format!("takes more than the {MAX_BYTES} bytes that are sent at once")));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

fn too_large(spot: &Spot, why: &str) -> Refusal {
    Refusal { code: "PAYLOAD_TOO_LARGE", message: format!("`{}` {why}", spot.shown()) }
}

/// One header; `None` when the path has no room in it.
fn header(path: &str, entry: &Entry, kind: u8) -> Option<[u8; BLOCK]> {
    let (prefix, name) = split(path)?;
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, format!("{:07o}", entry.mode.bits()).as_bytes());
    put(108, b"0000000");
    put(116, b"0000000");
    let size = if kind == b'0' { entry.size } else { 0 };
    put(124, format!("{size:011o}").as_bytes());
    put(136, format!("{:011o}", entry.modified_ms.max(0) / 1000).as_bytes());
    // The sum is made as if its own place held spaces.
    put(148, b"        ");
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    put(345, prefix.as_bytes());
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Some(block)
}

/// A path in the two parts a header has room for.
fn split(path: &str) -> Option<(&str, &str)> {
    if path.len() <= NAME {
        return Some(("", path));
    }
    let mut cuts = path.char_indices().filter(|(at, c)| *c == '/' && *at <= PREFIX && *at > 0);
    let (at, _) = cuts.rfind(|(at, _)| path.len() - at - 1 <= NAME && path.len() - at > 1)?;
    Some((&path[..at], &path[at + 1..]))
}
