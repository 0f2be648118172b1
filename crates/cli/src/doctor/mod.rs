//! What is wrong with this install and what mends it: families of checks over the config, the state on disk, the
//! service, the port, the Gateway, or in remote mode the way to one (DOC-5, DOC-6).
//!
//! Looking changes nothing. What a check can mend it says as a [`Fix`]; `treat` carries those out that somebody agreed
//! to, and then everything is looked at anew, since one mended thing can bring another to light. A new check is one
//! function in the file of its family, and its id in the family's table; a new family is one file and one line here.

mod config;
mod disk;
mod fix;
mod gateway;
mod node_host;
mod patient;
mod port;
mod remote;
mod report;
mod select;
mod service;
mod state;
mod treat;
mod tunnels;

use crate::app::App;
use crate::exit::Failure;
use crate::finding::Finding;

use fix::Fix;
use patient::Patient;
pub(crate) use report::Report;
pub(crate) use select::Selection;
pub(crate) use treat::Consent;

/// A family of checks.
pub(crate) struct Family {
    /// Its name in `--only`, `--skip` and reports.
    pub(crate) name: &'static str,
    /// What it can find.
    ids: &'static [&'static str],
    look: fn(&Patient<'_>) -> Look,
}

/// In the order they are told: what stands in the way of others comes first.
const FAMILIES: &[Family] = &[
    Family { name: "config", ids: config::IDS, look: config::look },
    Family { name: "state", ids: state::IDS, look: state::look },
    Family { name: "service", ids: service::IDS, look: service::look },
    Family { name: "port", ids: port::IDS, look: port::look },
    Family { name: "gateway", ids: gateway::IDS, look: gateway::look },
    Family { name: "remote", ids: remote::IDS, look: remote::look },
];

/// What a family saw.
pub(crate) struct Look {
    /// In a few words.
    said: String,
    /// Whether it has nothing to do here.
    is_skipped: bool,
    /// Single checks that are worth a line of their own although they are well.
    passed: Vec<Passed>,
    found: Vec<Ailment>,
}

/// One check that found nothing.
struct Passed {
    id: &'static str,
    is_skipped: bool,
    said: String,
}

/// What is wrong, and what would mend it.
struct Ailment {
    finding: Finding,
    fix: Option<Fix>,
}

impl From<Finding> for Ailment {
    fn from(finding: Finding) -> Self {
        Self { finding, fix: None }
    }
}

impl Look {
    fn skipped(said: impl Into<String>) -> Self {
        Self { is_skipped: true, ..Self::with(said, Vec::new()) }
    }

    fn with(said: impl Into<String>, found: Vec<Ailment>) -> Self {
        Self { said: said.into(), is_skipped: false, passed: Vec::new(), found }
    }
}

/// What is to be looked at, and what may be done about it.
pub(crate) struct Order {
    pub(crate) selection: Selection,
    pub(crate) consent: Consent,
    /// Also look where it takes longer: every page of the database, services of the machine.
    pub(crate) deep: bool,
}

/// Each round can bring to light what the one before it stood in the way of: a folder, the file in it, its keys.
const ROUNDS: usize = 6;

/// Looks, mends what was agreed to, and looks again.
pub(crate) fn run(app: &App, order: &Order) -> Result<Report, Failure> {
    let mut treatment = treat::Treatment::new(&order.consent);
    for _ in 0..ROUNDS {
        let now = app.anew()?;
        if !treatment.round(&now, examine(&now, order)) {
            break;
        }
    }
    let now = app.anew()?;
    let looks = examine(&now, order);
    Ok(Report::new(looks, treatment.treated))
}

/// Every family that is asked for, with what is asked for of it.
fn examine(app: &App, order: &Order) -> Vec<(&'static str, Look)> {
    let patient = Patient::new(app, order);
    let asked = FAMILIES.iter().filter(|family| order.selection.takes_family(family));
    asked.map(|family| (family.name, order.selection.of((family.look)(&patient)))).collect()
}

#[cfg(test)]
mod tests;
