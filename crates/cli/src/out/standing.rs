//! How the connection stands, on one line of a terminal's stderr, for as long as it does not stand (RECON-3).

use std::io::{IsTerminal as _, Write as _};

use link::{Link, LinkState};

use super::{Out, say};

/// How a state is told.
#[derive(Clone, Copy)]
enum Manner {
    /// A line that is written over.
    Line,
    /// An object on stdout, in a stream of objects.
    Object,
}

/// Tells how `link` stands until it has ended or this is dropped.
pub(crate) struct Standing(Option<tokio::task::JoinHandle<()>>);

impl Out {
    /// Follows `link`. `streams` says that stdout is a stream of objects with `--json`, so that states may be among them.
    pub(crate) fn standing(&self, link: &Link, streams: bool) -> Standing {
        let manner = match (self.json, std::io::stderr().is_terminal()) {
            (true, _) if streams => Manner::Object,
            (false, true) => Manner::Line,
            _ => return Standing(None),
        };
        let out = self.clone();
        let mut states = link.state();
        Standing(Some(tokio::spawn(async move {
            let mut was_down = false;
            while states.changed().await.is_ok() {
                let state = states.borrow_and_update().clone();
                was_down = out.tell(&state, manner, was_down);
            }
        })))
    }

    /// Shows one state; whether the line now says that there is no connection.
    fn tell(&self, state: &LinkState, manner: Manner, was_down: bool) -> bool {
        let is_down = matches!(state, LinkState::Connecting { .. } | LinkState::Paused { .. });
        if !is_down && !was_down {
            return false;
        }
        match manner {
            Manner::Object => {
                let mut object = state.to_json();
                object["type"] = "link".into();
                say(&object.to_string());
            }
            Manner::Line => {
                let line = if is_down { self.dim(&state.to_string()) } else { String::new() };
                let end = if matches!(state, LinkState::Paused { .. }) { "\n" } else { "" };
                // A terminal that is gone needs no telling.
                let _gone = write!(std::io::stderr().lock(), "\r\x1b[2K{line}{end}");
            }
        }
        is_down
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}
