//! May this be run? (N-11.10, N-12)
//!
//! [`document`] is the owner's word and [`file`] where it lies, [`rules`] the stricter of it and of what a caller wants.
//! [`line`] takes what is to be run apart into its programs, [`places`] finds them, [`pattern`] and [`arguments`] compare
//! each with the list, [`harmless`] and [`safe`] know programs that need no entry. [`judge`] decides, [`scripts`] tells
//! what else a decision stands on. What cannot be understood without doubt is never on the list. Nothing here runs
//! anything.

mod arguments;
mod document;
mod file;
mod harmless;
mod judge;
mod line;
mod pattern;
mod places;
mod rules;
mod safe;
mod scripts;

use sha2::{Digest as _, Sha256};

pub use self::document::{Document, Effective, Entry, Used};
pub use self::file::{DocumentError, ReplaceError, Stored};
pub use self::harmless::harmless_programs;
pub use self::judge::{Admitted, Coverage, Denied, Extras, Judged, Miss, Verdict, Wish, coverage, judge};
pub use self::line::Line;
pub use self::places::{Found, Places};
pub use self::rules::{Ask, Host, Level, Requested, Security};
pub use self::scripts::{Ground, Script, ground};

/// SHA-256 as documents write it.
fn hex_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
