//! Where a path that a model wrote points to. The workspace is where relative paths begin, not a jail.

use std::path::{Path, PathBuf};

use super::{ToolCx, ToolOutput};

impl ToolCx {
    /// An absolute path for `text`: `~` is the home folder, anything else relative begins at the workspace.
    pub(super) fn resolve(&self, text: &str) -> PathBuf {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix('~')
            && (rest.is_empty() || rest.starts_with('/'))
            && let Some(home) = self.home()
        {
            return home.join(rest.trim_start_matches('/'));
        }
        self.workspace.join(text)
    }

    /// `OPENCLAW_HOME`, else `HOME`.
    pub(super) fn home(&self) -> Option<PathBuf> {
        self.env.get("HOME").or_else(|| self.env.raw("HOME")).map(PathBuf::from)
    }
}

/// The output for an IO failure on `path`.
pub(super) fn io_error(doing: &str, path: &Path, error: &std::io::Error) -> ToolOutput {
    let shown = path.display();
    ToolOutput::error(match error.kind() {
        std::io::ErrorKind::NotFound => format!("cannot {doing} `{shown}`: it does not exist"),
        std::io::ErrorKind::PermissionDenied => format!("cannot {doing} `{shown}`: permission denied"),
        _ => format!("cannot {doing} `{shown}`: {error}"),
    })
}

/// Runs file work on a thread that may block; a panic there becomes an error output.
pub(super) async fn blocking(work: impl FnOnce() -> ToolOutput + Send + 'static) -> ToolOutput {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|failed| ToolOutput::error(format!("the tool broke off: {failed}")))
}
