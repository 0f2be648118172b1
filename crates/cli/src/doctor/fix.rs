//! What a check can do about what it found.

use config::edit::Change;

use crate::app::App;
use crate::exit::Failure;

/// One thing that can be done.
pub(super) struct Fix {
    /// What it does, as a person is asked: `move A to B`.
    pub(super) does: String,
    /// Whether it takes something away that somebody may have meant; then only `--force` does it.
    pub(super) is_drastic: bool,
    /// Whether it moves what others stand on, so that everything has to be looked at anew first.
    pub(super) ends_round: bool,
    pub(super) work: Work,
}

/// Something that can be done to this install.
type Act = Box<dyn Fn(&App) -> Result<(), Failure>>;

/// How it is done.
pub(super) enum Work {
    /// By a change of the config file; all of a round are one edit with one backup.
    Config(Change),
    /// Otherwise.
    Act(Act),
}

impl Fix {
    pub(super) fn config(does: impl Into<String>, change: Change) -> Self {
        Self { does: does.into(), is_drastic: false, ends_round: false, work: Work::Config(change) }
    }

    pub(super) fn act(does: impl Into<String>, work: impl Fn(&App) -> Result<(), Failure> + 'static) -> Self {
        Self { does: does.into(), is_drastic: false, ends_round: false, work: Work::Act(Box::new(work)) }
    }

    pub(super) fn last_of_round(self) -> Self {
        Self { ends_round: true, ..self }
    }

    pub(super) fn drastic(self) -> Self {
        Self { is_drastic: true, ..self }
    }
}
