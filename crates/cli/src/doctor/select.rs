//! `--only`, `--skip` and `--severity-min`: what of all there is to find is asked for.

use super::{FAMILIES, Family, Look};
use crate::exit::Failure;
use crate::finding::Severity;

/// What is asked for; everything by default.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    only: Vec<String>,
    skip: Vec<String>,
    least: Option<Severity>,
}

impl Selection {
    /// Checks that every name is a family or something that one can find.
    pub(crate) fn new(only: &[String], skip: &[String], least: Option<Severity>) -> Result<Self, Failure> {
        let known = || FAMILIES.iter().flat_map(|family| family.ids.iter().copied().chain([family.name]));
        let unknown = |name: &&String| !known().any(|known| known == name.as_str());
        if let Some(name) = only.iter().chain(skip).find(unknown) {
            let distance = |known: &&str| strsim::damerau_levenshtein(name, known);
            let near = known().min_by_key(distance).filter(|near| distance(near) <= 2.max(name.len() / 3));
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            let families = FAMILIES.iter().map(|family| family.name).collect::<Vec<_>>().join(", ");
            let message = format!("`{name}` is no family of checks and nothing they find{hint} (families: {families})");
            return Err(Failure::usage(message).run("openclaw doctor --all"));
        }
        Ok(Self { only: only.to_vec(), skip: skip.to_vec(), least })
    }

    /// The config alone, for `--lint`.
    pub(crate) fn of_config(self) -> Self {
        let only = if self.only.is_empty() { vec!["config".to_owned()] } else { self.only };
        Self { only, ..self }
    }

    /// Whether anything of this family is asked for.
    pub(super) fn takes_family(&self, family: &Family) -> bool {
        let names = |list: &[String]| list.iter().any(|name| name == family.name);
        let has = |list: &[String]| list.iter().any(|name| family.ids.contains(&name.as_str()));
        !names(&self.skip) && (self.only.is_empty() || names(&self.only) || has(&self.only))
    }

    /// What of `look` is asked for.
    pub(super) fn of(&self, mut look: Look) -> Look {
        let family = |id: &str| FAMILIES.iter().find(|family| family.ids.contains(&id)).map(|family| family.name);
        let names = |list: &[String], id: &str| list.iter().any(|name| name == id || Some(name.as_str()) == family(id));
        let takes = |id: &str| (self.only.is_empty() || names(&self.only, id)) && !names(&self.skip, id);
        look.passed.retain(|passed| takes(passed.id));
        look.found
            .retain(|one| takes(one.finding.check_id) && self.least.is_none_or(|least| one.finding.severity >= least));
        look
    }
}
