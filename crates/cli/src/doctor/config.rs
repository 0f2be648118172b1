//! The config file: is it there, does it say what this version understands, and would the daemon start on it.

use config::edit::{Change, backups};
use config::{Loaded, Outdated, Problem, Problems};

use super::{Ailment, Fix, Look, Patient};
use crate::audit;
use crate::finding::{Finding, Severity};

pub(super) const IDS: &[&str] = &[
    "config.missing",
    "config.unreadable",
    "config.outdated",
    "config.unknown_key",
    "config.invalid",
    "config.doubtful",
    "config.refused",
    "config.mode_missing",
    "config.secret_unavailable",
    "config.legacy_variable",
    "gateway.env_token_overrides_config",
];

pub(super) fn look(patient: &Patient<'_>) -> Look {
    let file = patient.app.config_file();
    let mut found = environment(patient);
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let detail = format!("There is no `{}`; the defaults apply.", file.display());
            let missing = Finding::new("config.missing", Severity::Warn, "No config yet", detail);
            found.push(missing.mend("openclaw setup").into());
            return Look::with("not there yet", found);
        }
        Err(error) => {
            let detail = format!("`{}`: {error}.", file.display());
            let unreadable = Finding::new("config.unreadable", Severity::Critical, "The config cannot be read", detail);
            found.push(unreadable.mend(format!("ls -l {}", file.display())).into());
            return Look::with("cannot be read", found);
        }
    };
    let old = config::outdated(&text);
    match config::load(file, &patient.app.env) {
        Ok(loaded) => {
            found.extend(old.iter().map(|one| outdated(one, severity_of(one))));
            found.extend(doubtful(&loaded, &old));
            found.extend(refused(patient, &loaded));
        }
        Err(problems) => found.extend(broken(patient, &text, &problems, &old)),
    }
    Look::with(file.display().to_string(), found)
}

/// Variables by their earlier names, and secrets that contradict each other (ENV-2).
fn environment(patient: &Patient<'_>) -> Vec<Ailment> {
    let legacy = patient.app.env.legacy_used();
    let finding = |(old, new): (String, String)| {
        let detail = format!("{old} is set; it is called {new} today.");
        let found = Finding::new("config.legacy_variable", Severity::Info, "A variable with an earlier name", detail);
        found.mend(format!("set {new} instead, and remove {old}")).into()
    };
    let mut found: Vec<Ailment> = legacy.into_iter().map(finding).collect();
    found.extend(audit::secrets_at_odds(&patient.subject()).into_iter().map(Ailment::from));
    found
}

const fn severity_of(one: &Outdated) -> Severity {
    if one.is_idle { Severity::Info } else { Severity::Warn }
}

fn outdated(one: &Outdated, severity: Severity) -> Ailment {
    let detail = format!("`{}` {}.", one.path, one.message);
    let finding = Finding::new("config.outdated", severity, "A key or word of an earlier version", detail);
    match one.change.clone() {
        None => finding.mend(format!("openclaw config unset {}", one.path)).into(),
        Some(change) => Ailment {
            finding: finding.mend("openclaw doctor --fix"),
            fix: Some(Fix::config(format!("bring `{}` up to date", one.path), change)),
        },
    }
}

/// A config that does not load: each problem with its place, and outdated keys as what they are.
fn broken(patient: &Patient<'_>, text: &str, problems: &Problems, old: &[Outdated]) -> Vec<Ailment> {
    let at = |problem: &Problem| problem.unknown.as_ref().map_or(problem.path.clone(), ToString::to_string);
    let breaks = |one: &Outdated| problems.0.iter().any(|problem| at(problem) == one.path);
    let mut found: Vec<Ailment> =
        old.iter().map(|one| outdated(one, if breaks(one) { Severity::Critical } else { severity_of(one) })).collect();
    let others = problems.0.iter().filter(|problem| !old.iter().any(|one| one.path == at(problem)));
    found.extend(others.map(|problem| wrong(patient, text, problem)));
    found
}

fn wrong(patient: &Patient<'_>, text: &str, problem: &Problem) -> Ailment {
    let (id, title) = match problem.unknown {
        Some(_) => ("config.unknown_key", "A key that this version does not know"),
        None => ("config.invalid", "The config is not valid"),
    };
    let finding = Finding::new(id, Severity::Critical, title, format!("{problem}."));
    let is_own = problem.file.as_deref().is_none_or(|file| file == patient.app.config_file());
    let fix = if is_own { mending(text, problem) } else { None };
    let mend = match (&fix, problem.line) {
        (Some(Fix { is_drastic: false, .. }), _) => "openclaw doctor --fix".to_owned(),
        (Some(_), _) => "correct it, or let `openclaw doctor --fix --force` take it out".to_owned(),
        (None, _) if problem.path.is_empty() && !backups(patient.app.config_file()).is_empty() => {
            "correct it, or go back: openclaw config restore".to_owned()
        }
        (None, Some(line)) => format!("correct line {line}, then: openclaw config validate"),
        (None, None) => "openclaw config validate".to_owned(),
    };
    Ailment { finding: finding.mend(mend), fix }
}

/// A likely spelling, or else taking out what nobody knows.
fn mending(text: &str, problem: &Problem) -> Option<Fix> {
    if let Some(change) = config::suggested(text, problem) {
        let suggestion = problem.suggestion.as_deref().unwrap_or_default();
        return Some(Fix::config(format!("say `{suggestion}` instead"), change));
    }
    let path = problem.unknown.clone()?;
    Some(Fix::config(format!("take `{path}` out"), Change::Unset { path }).drastic())
}

/// What loads and is probably a mistake.
fn doubtful(loaded: &Loaded, old: &[Outdated]) -> Vec<Ailment> {
    let told = |problem: &&Problem| old.iter().any(|one| one.path == problem.path);
    let finding = |problem: &Problem| {
        let found = Finding::new("config.doubtful", Severity::Warn, "Probably a mistake", format!("{problem}."));
        found.mend("openclaw config validate").into()
    };
    loaded.warnings.iter().filter(|problem| !told(problem)).map(finding).collect()
}

/// What the daemon would not start on, and secrets that cannot be had.
fn refused(patient: &Patient<'_>, loaded: &Loaded) -> Vec<Ailment> {
    let mut found = Vec::new();
    let subject = patient.subject();
    let of_secret = |detail: String| {
        Finding::new("config.secret_unavailable", Severity::Warn, "A secret cannot be had", format!("{detail}."))
    };
    found.extend(subject.secret_diagnostics().into_iter().map(|detail| of_secret(detail).into()));
    if !subject.runs_a_gateway() {
        return found;
    }
    let refusals = config::refusals(&loaded.config, &patient.overrides, &patient.app.env);
    for refusal in refusals {
        let detail = format!("{} [{}]", refusal.message, refusal.code);
        let title = "The Gateway would not start";
        let finding = Finding::new("config.refused", Severity::Critical, title, detail);
        found.push(finding.first_of(&refusal.next).into());
    }
    if let (None, Err(refusal)) = (loaded.config.gateway.mode, config::may_start(loaded, false)) {
        let title = "The Gateway would not start";
        let finding = Finding::new("config.mode_missing", Severity::Critical, title, refusal.message);
        let path = config::Path::root().key("gateway").key("mode");
        let change = Change::Set { path, value: "local".into() };
        let fix = Fix::config("set gateway.mode to `local`, if nothing else is missing", change).drastic();
        let finding = finding.mend("openclaw config set gateway.mode local");
        found.push(Ailment { finding, fix: Some(fix) });
    }
    found
}
