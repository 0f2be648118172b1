//! An agent's workspace: where it is, and the files a new one begins with.
//!
//! Seeds are written once. A file that is there is never overwritten, and one that its owner deleted stays deleted as
//! long as the rest of the workspace shows that it is not brand new. `BOOTSTRAP.md`, the script of the first
//! conversation, which the agent deletes when it has been through it, comes only into a workspace with nothing in it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base::{Env, StatePaths};
use wire::AgentId;

/// The script of the first conversation.
pub const BOOTSTRAP: &str = "BOOTSTRAP.md";

/// Files a new workspace begins with, besides [`BOOTSTRAP`].
const SEEDS: &[(&str, &str)] = &[
    ("AGENTS.md", include_str!("../seeds/AGENTS.md")),
    ("SOUL.md", include_str!("../seeds/SOUL.md")),
    ("IDENTITY.md", include_str!("../seeds/IDENTITY.md")),
    ("USER.md", include_str!("../seeds/USER.md")),
    ("TOOLS.md", include_str!("../seeds/TOOLS.md")),
    ("HEARTBEAT.md", include_str!("../seeds/HEARTBEAT.md")),
];
const BOOTSTRAP_TEXT: &str = include_str!("../seeds/BOOTSTRAP.md");
const MEMORY: &str = "memory";
/// Where files that came from elsewhere are kept.
const MEDIA: &str = "media/inbound";

/// Where the workspace of `agent` is: what its config says, else `OPENCLAW_WORKSPACE_DIR` for the main agent, else a
/// folder of the state folder. `~` is the home folder.
pub fn locate(agent: &AgentId, configured: Option<&Path>, paths: &StatePaths, env: &Env) -> PathBuf {
    let from_env = || (*agent == AgentId::main()).then(|| env.get("WORKSPACE_DIR").map(PathBuf::from)).flatten();
    let chosen = configured.map(Path::to_owned).or_else(from_env);
    match chosen {
        Some(path) => path.strip_prefix("~").map_or(path.clone(), |rest| paths.home.join(rest)),
        None => paths.workspace(agent.as_str()),
    }
}

/// What [`seed`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seeded {
    /// The workspace was brand new and has everything now.
    New,
    /// It had been used before; missing files were added, but no first conversation.
    Known,
}

/// Makes the folder and what is missing of its seeds.
///
/// # Errors
/// Any IO error from making folders and files.
pub fn seed(workspace: &Path) -> io::Result<Seeded> {
    fs::create_dir_all(workspace)?;
    let state = if is_brand_new(workspace)? { Seeded::New } else { Seeded::Known };
    if state == Seeded::New {
        // First, so that a crash between these files does not lose the first conversation.
        create(&workspace.join(BOOTSTRAP), BOOTSTRAP_TEXT)?;
    }
    for (name, text) in SEEDS {
        create(&workspace.join(name), text)?;
    }
    fs::create_dir_all(workspace.join(MEMORY))?;
    Ok(state)
}

/// Keeps a file that came from elsewhere under a name of ours, readable by the owner only. `ending` names its
/// kind; whatever is no plain short word becomes `bin`.
///
/// # Errors
/// Any IO error; nothing is there then.
pub fn keep_media(workspace: &Path, bytes: &[u8], ending: &str) -> io::Result<PathBuf> {
    let plain = |c: char| c.is_ascii_alphanumeric();
    let ending = if (1..=8).contains(&ending.len()) && ending.chars().all(plain) { ending } else { "bin" };
    let folder = workspace.join(MEDIA);
    base::ensure_private_dir(&folder)?;
    let path = folder.join(format!("{}.{}", uuid::Uuid::new_v4(), ending.to_ascii_lowercase()));
    base::write_atomic(&path, bytes)?;
    Ok(path)
}

/// Nothing but hidden files, such as the `.git` of a folder somebody prepared.
fn is_brand_new(workspace: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(workspace)? {
        if !entry?.file_name().to_string_lossy().starts_with('.') {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes a file that does not exist; a file, folder or link of that name is left alone.
fn create(path: &Path, text: &str) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
