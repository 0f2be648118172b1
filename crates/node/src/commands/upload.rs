//! `terminal.upload`: a file a person drops on a terminal of this machine (N-10.23): kept for its owner, and named as it
//! is written on a shell's line.

use std::path::Path;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;
use wire::methods::node::UPLOAD_COMMAND;

use super::files::{content, off_the_road};
use super::{Command, Cx, Refusal, read};
use crate::files::digest;

/// How long what was sent is kept.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Longest name that is kept, in bytes; file systems have room for 255.
const MAX_NAME: usize = 200;

pub(super) struct Upload;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    #[serde(alias = "fileName")]
    name: String,
    #[serde(alias = "base64")]
    content_base64: String,
    expected_sha256: Option<String>,
}

impl Command for Upload {
    fn name(&self) -> &'static str {
        UPLOAD_COMMAND
    }

    fn cap(&self) -> &'static str {
        "terminal"
    }

    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let Params { name, content_base64, expected_sha256 } = read(params)?;
            let bytes = content(&content_base64, expected_sha256.as_deref())?;
            let name = plain(&name)?;
            // In a folder of its own, so that the name stays what it is.
            let all = cx.host.uploads.clone();
            let folder = all.join(Uuid::new_v4().to_string());
            let staged = off_the_road(move || {
                forget_old(&all);
                let path = folder.join(name);
                let failed = |error: std::io::Error| Refusal::unavailable(format!("`{}`: {error}", path.display()));
                base::ensure_private_dir(&folder).map_err(failed)?;
                base::write_atomic(&path, &bytes).map_err(failed)?;
                let quoted = quoted(&path.to_string_lossy());
                Ok(json!({"ok": true, "path": path, "quoted": quoted, "size": bytes.len(), "sha256": digest(&bytes)}))
            });
            staged.await
        })
    }
}

/// Removes what was sent long ago.
fn forget_old(all: &Path) {
    for folder in std::fs::read_dir(all).into_iter().flatten().flatten() {
        let sent = folder.metadata().and_then(|about| about.modified());
        if sent.is_ok_and(|sent| sent.elapsed().is_ok_and(|age| age > KEPT))
            && let Err(error) = std::fs::remove_dir_all(folder.path())
        {
            tracing::warn!(%error, "an old upload was not removed");
        }
    }
}

/// The last part of a name, without what a terminal would take for a command of its own.
fn plain(name: &str) -> Result<String, Refusal> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut name: String = last.chars().filter(|c| !c.is_control()).collect();
    while name.len() > MAX_NAME {
        name.pop();
    }
    match name.trim() {
        "" | "." | ".." => Err(Refusal::invalid("name: names no file")),
        name => Ok(name.to_owned()),
    }
}

/// One word of a shell's line.
fn quoted(path: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,".contains(c);
    if path.chars().all(is_plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::commands::tests::cx;

    /// N-10.23
    #[tokio::test]
    async fn a_file_for_a_terminal_is_its_owners_and_one_word_of_a_line() {
        let home = tempfile::tempdir().unwrap();
        let asked = json!({"name": "../../it's $HOME\n.txt", "contentBase64": "aGVsbG8="});
        let staged = Upload.handle(cx(home.path()), asked).await.unwrap();
        let path = Path::new(staged["path"].as_str().unwrap());
        assert_eq!(path.file_name().unwrap(), "it's $HOME.txt");
        assert!(path.starts_with(home.path().join("uploads")), "{staged}");
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        let line = format!("cat {}", staged["quoted"].as_str().unwrap());
        let said = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
        assert_eq!(said.stdout, b"hello", "{line}");
        let old = home.path().join("uploads/old");
        std::fs::create_dir(&old).unwrap();
        std::fs::File::open(&old).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        Upload.handle(cx(home.path()), json!({"name": "b", "contentBase64": ""})).await.unwrap();
        assert!(!old.exists() && path.exists());
        for wrong in ["", "..", "a/", "\u{7}"] {
            let refused = Upload.handle(cx(home.path()), json!({"name": wrong, "contentBase64": ""})).await;
            assert_eq!(refused.unwrap_err().code, "INVALID_REQUEST", "{wrong:?}");
        }
    }
}
