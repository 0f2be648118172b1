//! Carrying out fixes: each only once, each only when somebody agreed to it.

use std::collections::{BTreeMap, BTreeSet};

use config::edit::Change;

use super::{Ailment, Fix, Look, fix::Work, gateway::TOKEN_MISSING};
use crate::app::App;
use crate::finding::{Finding, Severity};

/// What may be done.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Consent {
    /// Something may be mended at all.
    pub(crate) fix: bool,
    /// Nobody needs to be asked.
    pub(crate) yes: bool,
    /// There is somebody to ask.
    pub(crate) can_ask: bool,
    /// Also what takes away something that may be meant.
    pub(crate) force: bool,
    /// A missing token may be made.
    pub(crate) make_token: bool,
}

/// A fix that was carried out, or tried.
#[derive(Debug)]
pub(crate) struct Treated {
    pub(super) id: &'static str,
    pub(super) severity: Severity,
    pub(super) title: String,
    pub(super) detail: String,
    /// What it did.
    pub(super) does: String,
    /// Why it could not.
    pub(super) error: Option<String>,
}

impl Treated {
    fn of(finding: &Finding, fix: &Fix, error: Option<String>) -> Self {
        let Finding { check_id: id, severity, title, detail, .. } = finding.clone();
        Self { id, severity, title, detail, does: fix.does.clone(), error }
    }

    /// Whether this was about that finding.
    pub(super) fn is_about(&self, finding: &Finding) -> bool {
        self.id == finding.check_id && self.detail == finding.detail
    }
}

/// The fixes of one run.
pub(super) struct Treatment<'c> {
    consent: &'c Consent,
    /// Findings whose fix was decided about, one way or the other.
    decided: BTreeSet<(&'static str, String)>,
    /// What was answered, by what the fix does: several findings can have one cure.
    answers: BTreeMap<String, bool>,
    /// Somebody pressed Ctrl-C instead of answering: nothing more is asked.
    is_over: bool,
    pub(super) treated: Vec<Treated>,
}

impl<'c> Treatment<'c> {
    pub(super) fn new(consent: &'c Consent) -> Self {
        Self { consent, decided: BTreeSet::new(), answers: BTreeMap::new(), is_over: false, treated: Vec::new() }
    }

    /// Does what was agreed to about these looks; whether there was anything.
    pub(super) fn round(&mut self, app: &App, looks: Vec<(&'static str, Look)>) -> bool {
        let before = self.treated.len();
        let ailments = looks.into_iter().flat_map(|(_, look)| look.found);
        let mut changes = Vec::new();
        let mut acts = Vec::new();
        for Ailment { finding, fix } in ailments {
            let Some(fix) = fix.filter(|fix| self.is_agreed(&finding, fix)) else { continue };
            match &fix.work {
                Work::Config(change) => changes.push((finding, change.clone(), fix)),
                Work::Act(_) => acts.push((finding, fix)),
            }
        }
        self.edit(app, changes);
        for (finding, fix) in acts {
            let Work::Act(work) = &fix.work else { continue };
            let error = work(app).err().map(|failure| failure.message);
            let has_moved = fix.ends_round && error.is_none();
            self.treated.push(Treated::of(&finding, &fix, error));
            self.decided.insert((finding.check_id, finding.detail));
            if has_moved {
                break;
            }
        }
        self.treated.len() > before
    }

    /// All edits of a round are one, so that the ring of backups keeps what was there. Where one cannot be made, the
    /// others are.
    fn edit(&mut self, app: &App, changes: Vec<(Finding, Change, Fix)>) {
        let apply = |change| config::edit::apply(app.config_file(), &app.env, None, change);
        let all = Change::Batch(changes.iter().map(|(_, change, _)| change.clone()).collect());
        let is_done = !changes.is_empty() && apply(all).is_ok();
        for (finding, change, fix) in changes {
            let error = if is_done { None } else { apply(change).err().map(|error| error.to_string()) };
            self.treated.push(Treated::of(&finding, &fix, error));
            self.decided.insert((finding.check_id, finding.detail));
        }
    }

    /// Asks about each fix once.
    fn is_agreed(&mut self, finding: &Finding, fix: &Fix) -> bool {
        let key = (finding.check_id, finding.detail.clone());
        if self.decided.contains(&key) {
            return false;
        }
        let consent = self.consent;
        if finding.check_id == TOKEN_MISSING && consent.make_token {
            return true;
        }
        if !consent.fix || (fix.is_drastic && !consent.force) {
            return false;
        }
        let agreed = consent.yes || consent.can_ask && self.asked(finding, fix);
        if !agreed {
            self.decided.insert(key);
        }
        agreed
    }

    fn asked(&mut self, finding: &Finding, fix: &Fix) -> bool {
        if let Some(answer) = self.answers.get(&fix.does) {
            return *answer;
        }
        if self.is_over {
            return false;
        }
        crate::out::complain(&format!("\n{}: {}", finding.title, finding.detail));
        let question = format!("{}?", capitalised(&fix.does));
        let answer = inquire::Confirm::new(&question).with_default(true).prompt();
        self.is_over = answer.is_err();
        let answer = answer.unwrap_or(false);
        self.answers.insert(fix.does.clone(), answer);
        answer
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
