//! The house checks itself: what the map says of the crates, their files and their promises is true.

#![expect(clippy::unwrap_used, reason = "a check that cannot read the house fails loudly")]

mod arrows;
mod boundaries;
mod compatibility;
mod dependencies;
mod files;
mod house;
mod links;
mod registries;
