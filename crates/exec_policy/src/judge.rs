//! May this be run, or is a person to be asked? (N-11.10, N-12.4)

use base::shell::{self, Simple};

use crate::arguments;
use crate::document::{Effective, Entry, Used};
use crate::harmless::{self, Use};
use crate::line::{self, Line, Segment};
use crate::pattern;
use crate::places::Places;
use crate::rules::{Ask, Security};
use crate::{safe, scripts};

/// What is to be run, and where.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The program and its arguments, or a text for `sh -c`.
    pub line: Line<'a>,
    /// Where programs are looked for.
    pub places: &'a Places,
    /// What counts as listed besides the document's lists.
    pub extras: Extras<'a>,
}

/// What counts as listed besides a document's lists.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extras<'a> {
    /// Entries of a config: `git`, `/opt/x/bin/*`, or a program with its first words, `git log`. About texts only.
    pub words: &'a [String],
    /// Whether programs count that only read and print. About texts only.
    pub harmless: bool,
    /// Programs trusted with what is piped into them (N-12.8).
    pub safe_bins: &'a [String],
    /// Programs of skills, where a document counts them (N-12.9).
    pub skills: &'a [String],
}

/// Why something may be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// Everything may.
    Fully,
    /// Each of its programs is on the list; then nothing else may choose what code runs, such as a variable.
    ByList,
}

/// What a line has that is not on the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Miss {
    /// It is not understood without doubt.
    #[error("{0}")]
    Obscure(String),
    /// A harmless program is given arguments that are not.
    #[error("`{0}` is given arguments that may write, start another program or show secrets")]
    Armed(String),
    /// A program that is not listed.
    #[error("{why}")]
    Unlisted {
        /// As it was written.
        program: String,
        /// What was looked for.
        why: String,
    },
    /// Nothing; everything is asked about.
    #[error("everything is asked about")]
    Everything,
}

/// Why something may not be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nothing may (`security=deny`).
    #[error("this machine runs nothing: its security is `deny`")]
    Disabled,
    /// A person would have to be asked, and nobody was.
    #[error("approval required: {0}")]
    ApprovalRequired(Miss),
    /// It is not on the list, and nobody is to be asked.
    #[error("allowlist miss: {0}")]
    AllowlistMiss(Miss),
    /// The owner's word cannot be read.
    #[error("{0}")]
    Unreadable(String),
}

impl Denied {
    /// The code of the answer (N-11.10).
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Disabled | Self::Unreadable(_) => "SYSTEM_RUN_DISABLED",
            Self::ApprovalRequired(_) | Self::AllowlistMiss(_) => "SYSTEM_RUN_DENIED",
        }
    }

    /// The reason in `exec.denied` (N-11.10).
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Disabled | Self::Unreadable(_) => "security=deny",
            Self::ApprovalRequired(_) => "approval-required",
            Self::AllowlistMiss(_) => "allowlist-miss",
        }
    }
}

/// What is to be done about a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is run.
    Allowed(Admitted),
    /// A person is asked.
    Ask {
        /// About what.
        why: Miss,
        /// What counts when nobody can be, or nobody answers.
        otherwise: Result<Admitted, Denied>,
    },
    /// It is not run, whoever is asked.
    Denied(Denied),
}

/// A verdict, and on what it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What is to be done.
    pub verdict: Verdict,
    /// The entries of the document that cover its programs.
    pub used: Vec<Used>,
}

/// Decides about one wish, in the order of N-11.10.
pub fn judge(rules: &Effective, wish: &Wish<'_>) -> Judged {
    let level = rules.level;
    if level.security == Security::Deny {
        return Judged { verdict: Verdict::Denied(Denied::Disabled), used: Vec::new() };
    }
    let look = Look::new(rules, wish);
    let listed = look.on_the_list();
    let (used, miss) = match listed {
        Ok(used) => (used, None),
        Err(miss) => (Vec::new(), Some(miss)),
    };
    // N-12.4: an entry never silences `always`.
    let asks = match level.ask {
        Ask::Always => true,
        Ask::OnMiss => level.security == Security::Allowlist && miss.is_some(),
        Ask::Off => false,
    };
    let verdict = if asks {
        // Without an answer the fallback has the word, which is never more than the rule's.
        let otherwise = admit(level.security.min(level.ask_fallback), miss.clone());
        Verdict::Ask { why: miss.unwrap_or(Miss::Everything), otherwise }
    } else {
        match admit(level.security, miss) {
            Ok(admitted) => Verdict::Allowed(admitted),
            Err(denied) => Verdict::Denied(denied),
        }
    };
    Judged { verdict, used }
}

fn admit(security: Security, miss: Option<Miss>) -> Result<Admitted, Denied> {
    match (security, miss) {
        (Security::Full, _) => Ok(Admitted::Fully),
        (Security::Allowlist, None) => Ok(Admitted::ByList),
        (Security::Allowlist, Some(miss)) => Err(Denied::AllowlistMiss(miss)),
        (Security::Deny, miss) => Err(Denied::ApprovalRequired(miss.unwrap_or(Miss::Everything))),
    }
}

/// What "allow always" would write down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Whether the same line would not be asked about again. When not, nothing is written down.
    pub complete: bool,
    /// The entries that are missing.
    pub entries: Vec<Entry>,
}

/// What to write down so that just this line is on the list (N-12.6, N-12.7): the programs behind shells and wrappers,
/// each with its words and the folder. A line that is not wholly understood, or that a script decides, leaves nothing.
pub fn coverage(rules: &Effective, wish: &Wish<'_>) -> Coverage {
    Look::new(rules, wish).missing().map_or_else(Coverage::default, |entries| Coverage { complete: true, entries })
}

struct Look<'a> {
    rules: &'a Effective,
    wish: &'a Wish<'a>,
    /// What a text has before it is looked for.
    commands: Result<Vec<Simple>, String>,
    /// Whether the text goes elsewhere before it is done.
    moves: bool,
}

impl<'a> Look<'a> {
    fn new(rules: &'a Effective, wish: &'a Wish<'a>) -> Self {
        let commands = match wish.line {
            Line::Argv(_) => Ok(Vec::new()),
            Line::Text(text) => shell::parse(text).map_err(|obscure| obscure.0),
        };
        let is_cd = |command: &Simple| command.words.first().is_some_and(|word| word.text == "cd");
        let moves = commands.as_ref().is_ok_and(|commands| commands.iter().any(is_cd));
        Self { rules, wish, commands, moves }
    }

    /// The entries by which every program of the wish is on the list.
    fn on_the_list(&self) -> Result<Vec<Used>, Miss> {
        let mut used = Vec::new();
        if let Line::Argv(_) = self.wish.line {
            let segments = line::segments(self.wish.line, &|name| self.find(name)).map_err(Miss::Obscure)?;
            for segment in &segments {
                used.extend(self.admits(segment).map_err(|why| unlisted(segment.found.name(), why))?);
            }
            return Ok(used);
        }
        let commands = self.commands.as_ref().map_err(|what| Miss::Obscure(format!("it uses {what}")))?;
        for command in commands.iter().filter(|command| !self.by_words(command)) {
            let Some((program, arguments)) = command.words.split_first() else { continue };
            let admitted = self.segments_of(command).and_then(|segments| {
                segments.iter().map(|segment| self.admits(segment)).collect::<Result<Vec<_>, _>>()
            });
            let is_known = || matches!(harmless::look_up(&program.text, arguments), Use::Armed);
            match admitted {
                Ok(entries) => used.extend(entries.into_iter().flatten()),
                Err(_) if self.wish.extras.harmless && is_known() => return Err(Miss::Armed(program.text.clone())),
                Err(why) => return Err(unlisted(&program.text, why)),
            }
        }
        Ok(used)
    }

    /// What is missing for that; `None` when it cannot be written down.
    fn missing(&self) -> Option<Vec<Entry>> {
        let segments = match self.wish.line {
            Line::Argv(_) => line::segments(self.wish.line, &|name| self.find(name)).ok()?,
            Line::Text(_) => {
                let open = self.commands.as_ref().ok()?.iter().filter(|command| !self.by_words(command));
                let each: Option<Vec<_>> = open.map(|command| self.segments_of(command).ok()).collect();
                each?.into_iter().flatten().collect()
            }
        };
        let open = segments.iter().filter(|segment| self.admits(segment).is_err());
        let entry = |segment: &Segment| {
            let cwd = self.cwd().filter(|cwd| !scripts::has_script(segment, cwd))?;
            arguments::entry_of(segment, cwd)
        };
        open.map(entry).collect()
    }

    /// Whether a command needs no look at where its program is.
    fn by_words(&self, command: &Simple) -> bool {
        let Some((program, arguments)) = command.words.split_first() else { return true };
        let extras = &self.wish.extras;
        extras.words.iter().any(|entry| pattern::begins(entry, command))
            || (extras.harmless && matches!(harmless::look_up(&program.text, arguments), Use::Harmless))
    }

    fn segments_of(&self, command: &Simple) -> Result<Vec<Segment>, String> {
        if matches!(self.wish.line, Line::Text(text) if text.contains(['\n', '\r'])) {
            return Err("the text has several lines".into());
        }
        line::of_command(command, &|name| self.find(name))
    }

    /// By what a program is on the list: an entry, or something else that counts.
    fn admits(&self, segment: &Segment) -> Result<Option<Used>, String> {
        let (places, found) = (self.wish.places, &segment.found);
        let covers = |entry: &&Entry| {
            pattern::matches(&entry.pattern, found, &places.home)
                && arguments::fit(entry.arg_pattern.as_deref(), segment, self.cwd())
        };
        if let Some(entry) = self.rules.allowlist.iter().find(covers) {
            return Ok(Some(Used { entry: entry.clone(), path: found.real.display().to_string() }));
        }
        let extras = &self.wish.extras;
        let is_skills = self.rules.level.auto_allow_skills
            && found.by_name
            && found.name() == found.real_name()
            && extras.skills.iter().any(|skill| skill == found.name());
        let is_safe = || self.cwd().is_some_and(|cwd| safe::reads_only_input(extras.safe_bins, segment, cwd));
        if is_skills || is_safe() {
            return Ok(None);
        }
        Err(match found.is_itself() {
            true => format!("`{}` is not in the allowlist", found.path.display()),
            false => {
                let (path, real) = (found.path.display(), found.real.display());
                format!("`{path}` is a link to `{real}`, which is not in the allowlist")
            }
        })
    }

    fn find(&self, name: &str) -> Option<crate::Found> {
        let is_relative = name.contains('/') && !name.starts_with('/');
        if self.moves && is_relative { None } else { self.wish.places.find(name) }
    }

    /// Where it runs, when that does not change on the way.
    fn cwd(&self) -> Option<&std::path::Path> {
        (!self.moves).then_some(self.wish.places.cwd.as_path())
    }
}

fn unlisted(program: &str, why: String) -> Miss {
    Miss::Unlisted { program: program.to_owned(), why }
}
