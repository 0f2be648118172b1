//! How an error tells a person what happened and what to do next.
//!
//! Every error that can reach a terminal or a client implements [`Explain`]: a stable [`Code`] for scripts, a [`Kind`]
//! that decides the exit code (CLI-7), and the next steps as data, so that text and `--json` say the same.

/// A stable, documented name of a failure, upper snake case; scripts match on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(pub &'static str);

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// What sort of failure it was; decides the exit code of a command (CLI-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The operation failed, or the thing asked for does not exist.
    Failure,
    /// Unknown command or option, missing or malformed argument.
    Usage,
    /// The Gateway could not be reached at all.
    Unreachable,
    /// Reached, but not let in.
    Refused,
    /// Sent, but the answer was lost; the action may have happened.
    Lost,
    /// Nothing moves any more; whoever keeps this process shall start it again (EX_TEMPFAIL).
    Restart,
    /// Configuration; nothing should be restarted until a person acts (EX_CONFIG).
    Config,
}

impl Kind {
    /// The process exit code (CLI-7).
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Refused => 4,
            Self::Lost => 5,
            Self::Restart => 75,
            Self::Config => 78,
        }
    }
}

/// One thing a person can do about a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A command to run exactly as written.
    Run(String),
    /// Anything else, as one sentence.
    Do(String),
}

impl Step {
    /// A command to run.
    pub fn run(command: impl Into<String>) -> Self {
        Self::Run(command.into())
    }

    /// A sentence of advice.
    pub fn advise(sentence: impl Into<String>) -> Self {
        Self::Do(sentence.into())
    }

    /// The command or sentence.
    pub fn text(&self) -> &str {
        match self {
            Self::Run(text) | Self::Do(text) => text,
        }
    }
}

/// An error a person or a script can act on.
pub trait Explain: std::error::Error {
    /// The stable name of this failure.
    fn code(&self) -> Code;
    /// What sort of failure it is.
    fn kind(&self) -> Kind;
    /// What to do next, most useful first; empty when there is nothing honest to say.
    fn next(&self) -> Vec<Step> {
        Vec::new()
    }
}
