//! A spinner on stderr while something takes its time; none when stderr is no terminal.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::ProgressBar;

use super::Out;

/// Between two pictures of the spinner.
const TICK: Duration = Duration::from_millis(100);

/// Shows `what` until it is dropped.
pub(crate) struct Spinner(Option<ProgressBar>);

impl Out {
    /// A spinner, if a person watches and did not ask for JSON.
    pub(crate) fn spinner(&self, what: &str) -> Spinner {
        if self.json || !std::io::stderr().is_terminal() {
            return Spinner(None);
        }
        let bar = ProgressBar::new_spinner().with_message(what.to_owned());
        bar.enable_steady_tick(TICK);
        Spinner(Some(bar))
    }
}

impl Spinner {
    /// Takes it away before it is dropped, when something else wants the line.
    pub(crate) fn hide(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.hide();
    }
}
