//! A plan: steps in order. All are looked at before the first is carried out; what is done already is not done again.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::app::App;
use crate::exit::Failure;

/// How a step stands before anything is done.
pub(crate) enum Standing {
    /// Nothing to do; what is there.
    Done(String),
    /// What would be changed.
    ToDo(String),
    /// Changes nothing and is always carried out: what is asked.
    Check(String),
}

/// One step of a plan on `C`, what its steps know and find out.
pub(crate) trait Step<C> {
    /// One word.
    fn name(&self) -> &'static str;

    /// Looks, and changes nothing.
    fn look(&self, cx: &mut C) -> Result<Standing, Failure>;

    /// Does it, and says what was done.
    fn carry_out(&self, cx: &mut C) -> Result<String, Failure>;
}

/// What the person agreed to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Consent {
    /// Only look.
    pub(crate) dry_run: bool,
    /// Do not ask.
    pub(crate) yes: bool,
}

/// What became of a step.
struct Row {
    name: &'static str,
    state: &'static str,
    what: String,
    took: Duration,
}

/// How far a plan came.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// `steps[]` of `--json`.
    pub(crate) fn steps(&self) -> Value {
        let row = |row: &Row| {
            let ms = u64::try_from(row.took.as_millis()).unwrap_or(u64::MAX);
            json!({"name": row.name, "state": row.state, "what": row.what, "ms": ms})
        };
        self.rows.iter().map(row).collect()
    }

    /// Says `failure` with the steps: as the one JSON value of this run, or in words.
    pub(crate) fn fail(&self, app: &App, failure: Failure) -> Failure {
        if !app.out.json {
            return failure;
        }
        let mut value = failure.to_json();
        value["steps"] = self.steps();
        app.out.value(&value);
        failure.quietly()
    }

    fn add(&mut self, app: &App, name: &'static str, state: &'static str, what: String, took: Duration) {
        if !app.out.json {
            app.out.note(&line(app, name, state, &what, took));
        }
        self.rows.push(Row { name, state, what, took });
    }
}

fn line(app: &App, name: &str, state: &str, what: &str, took: Duration) -> String {
    let word = match state {
        "done" => app.out.good("done"),
        "failed" => app.out.bad("failed"),
        other => app.out.dim(other),
    };
    let time =
        if took < Duration::from_millis(100) { String::new() } else { format!(" ({:.1} s)", took.as_secs_f64()) };
    format!("{word} {name}: {what}{}", app.out.dim(&time))
}

/// Looks at every step, asks, and carries out what is to be done. `report` says how far it came, also on failure.
pub(crate) fn run<C>(
    app: &App,
    steps: &[&dyn Step<C>],
    cx: &mut C,
    consent: Consent,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut standing = Vec::new();
    for step in steps {
        let spinner = app.out.spinner(&format!("looking: {}", step.name()));
        let began = Instant::now();
        let seen = step.look(cx);
        drop(spinner);
        standing.push(seen.map_err(|failure| failed(app, report, step.name(), began, failure))?);
    }
    if consent.dry_run {
        for (step, seen) in steps.iter().zip(standing) {
            let (state, what) = match seen {
                Standing::Done(what) => ("already", what),
                Standing::ToDo(what) | Standing::Check(what) => ("would", what),
            };
            report.add(app, step.name(), state, what, Duration::ZERO);
        }
        return Ok(());
    }
    agree(app, steps, &standing, consent)?;
    for (step, seen) in steps.iter().zip(standing) {
        if let Standing::Done(what) = seen {
            report.add(app, step.name(), "already", what, Duration::ZERO);
            continue;
        }
        let spinner = app.out.spinner(step.name());
        let began = Instant::now();
        let done = step.carry_out(cx);
        drop(spinner);
        let what = done.map_err(|failure| failed(app, report, step.name(), began, failure))?;
        report.add(app, step.name(), "done", what, began.elapsed());
    }
    Ok(())
}

/// The failure of a step says which it was; what stood before it stays, and is found done by the next run.
fn failed(app: &App, report: &mut Report, name: &'static str, began: Instant, mut failure: Failure) -> Failure {
    report.add(app, name, "failed", failure.message.clone(), began.elapsed());
    failure.message = format!("step `{name}`: {}", failure.message);
    failure.advise("what was done stays; run the same command again to go on from there")
}

/// CLI-11: asked once, before the first change.
fn agree<C>(app: &App, steps: &[&dyn Step<C>], standing: &[Standing], consent: Consent) -> Result<(), Failure> {
    let changes: Vec<String> = steps
        .iter()
        .zip(standing)
        .filter_map(|(step, seen)| match seen {
            Standing::ToDo(what) => Some(format!("  {}: {what}", step.name())),
            Standing::Done(_) | Standing::Check(_) => None,
        })
        .collect();
    if changes.is_empty() || consent.yes {
        return Ok(());
    }
    if app.out.json || !std::io::stdin().is_terminal() {
        let message = "this changes something; without a terminal it needs --yes";
        return Err(Failure::usage(message).advise("add --yes, or --dry-run to see what it would do"));
    }
    app.out.note(&format!("This will be done:\n{}", changes.join("\n")));
    match inquire::Confirm::new("Go on?").with_default(true).prompt() {
        Ok(true) => Ok(()),
        _ => Err(Failure::new("NOT_CONFIRMED", "nothing was changed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Globals;
    use crate::out::Out;
    use base::Env;

    /// A step that is done when its name is in the list, and fails when `breaks`.
    struct Put {
        name: &'static str,
        breaks: bool,
    }

    impl Step<Vec<&'static str>> for Put {
        fn name(&self) -> &'static str {
            self.name
        }

        fn look(&self, cx: &mut Vec<&'static str>) -> Result<Standing, Failure> {
            Ok(if cx.contains(&self.name) { Standing::Done("is there".into()) } else { Standing::ToDo("put".into()) })
        }

        fn carry_out(&self, cx: &mut Vec<&'static str>) -> Result<String, Failure> {
            if self.breaks {
                return Err(Failure::new("BROKEN", "no"));
            }
            cx.push(self.name);
            Ok("put".into())
        }
    }

    fn go(cx: &mut Vec<&'static str>, breaks: bool, consent: Consent) -> (Result<(), Failure>, Vec<Value>) {
        let out = Out { json: true, ..Out::plain() };
        let app = App::new(&Globals::default(), Env::of([("HOME", "/h")]), out).unwrap();
        let (first, second) = (Put { name: "first", breaks: false }, Put { name: "second", breaks });
        let mut report = Report::default();
        let outcome = run(&app, &[&first, &second], cx, consent, &mut report);
        let states = report.steps().as_array().unwrap().iter().map(|row| row["state"].clone()).collect();
        (outcome, states)
    }

    const YES: Consent = Consent { dry_run: false, yes: true };

    #[test]
    fn a_plan_that_broke_off_goes_on_where_it_was() {
        let mut cx = Vec::new();
        let (outcome, states) = go(&mut cx, true, YES);
        let failure = outcome.unwrap_err();
        assert_eq!((failure.message.as_str(), failure.code.0), ("step `second`: no", "BROKEN"));
        assert_eq!((cx.as_slice(), states.as_slice()), (&["first"][..], &[json!("done"), json!("failed")][..]));
        let (outcome, states) = go(&mut cx, false, YES);
        assert!(outcome.is_ok());
        assert_eq!(states, [json!("already"), json!("done")]);
        assert_eq!(go(&mut cx, true, Consent { yes: false, ..YES }).1, [json!("already"), json!("already")]);
    }

    /// CLI-11
    #[test]
    fn without_a_yes_or_a_terminal_nothing_is_changed() {
        let mut cx = Vec::new();
        assert_eq!(go(&mut cx, false, Consent { dry_run: false, yes: false }).0.unwrap_err().exit, 2);
        let (outcome, states) = go(&mut cx, true, Consent { dry_run: true, yes: false });
        assert!(outcome.is_ok() && cx.is_empty());
        assert_eq!(states, [json!("would"), json!("would")]);
    }
}
