//! Jobs and runs as lists show them.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};
use wire::ErrorShape;
use wire::methods::cron::{ListParams, Page, RunsPage, RunsParams, StatusResult};

use super::Clock;
use super::kept::{Kept, revision_of};
use crate::fault;

/// Rows of a page when nobody says.
const LIST_LIMIT: usize = 50;
/// Most rows of a page.
const LIMIT_MAX: usize = 200;
/// Most runs that are looked through.
const RUNS_MAX: usize = 10_000;

impl Clock {
    /// A page of jobs.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn page(&self, wish: &ListParams) -> Result<Page, ErrorShape> {
        let mut jobs = self.jobs().await?;
        jobs.retain(|kept| self.is_wanted(kept, wish));
        let ascending = wish.sort_dir.as_deref() != Some("desc");
        jobs.sort_by(|a, b| {
            let order = by(wish.sort_by.as_deref(), a, b).then_with(|| a.job.id.cmp(&b.job.id));
            if ascending { order } else { order.reverse() }
        });
        let snapshot = json!(jobs.iter().map(Kept::revision).collect::<Vec<_>>());
        let (total, offset) = (jobs.len(), wish.offset.unwrap_or(0));
        let limit = wish.limit.unwrap_or(LIST_LIMIT).clamp(1, LIMIT_MAX);
        let jobs: Vec<Kept> = jobs.into_iter().skip(offset).take(limit).collect();
        let compact = wish.compact == Some(true);
        let mut previews = (!compact && wish.include_delivery_previews != Some(false)).then(Map::new);
        let mut rows = Vec::with_capacity(jobs.len());
        for kept in &jobs {
            if let Some(previews) = &mut previews {
                previews.insert(kept.job.id.clone(), self.preview(&kept.job).await);
            }
            let mut row = if compact { short(kept) } else { kept.view() };
            row["effectiveAgentId"] = json!(self.agent_of(kept));
            rows.push(row);
        }
        let end = offset + rows.len();
        let has_more = end < total;
        Ok(Page {
            jobs: rows,
            snapshot_revision: revision_of(&snapshot),
            total,
            offset,
            limit,
            has_more,
            next_offset: has_more.then_some(end),
            delivery_previews: previews,
        })
    }

    /// One job as clients see it.
    ///
    /// # Errors
    /// When there is none of that id.
    pub(crate) async fn view(&self, id: &str) -> Result<Value, ErrorShape> {
        Ok(self.job(id).await?.view())
    }

    /// A job that was just made, and where its answers would go (A-17.4a).
    pub(crate) async fn made(&self, kept: &Kept) -> Value {
        let mut view = kept.view();
        view["deliveryPreview"] = self.preview(&kept.job).await;
        view
    }

    /// How the clock stands.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn status(&self) -> Result<StatusResult, ErrorShape> {
        let enabled = self.0.config.current().cron.enabled;
        let jobs = self.jobs().await?;
        let next = jobs.iter().filter(|kept| kept.job.enabled && (enabled || kept.is_ours()));
        let path = self.0.agents.database().display().to_string();
        Ok(StatusResult {
            enabled,
            triggers_enabled: false,
            store_path: path.clone(),
            storage: "sqlite".into(),
            sqlite_path: path,
            jobs: jobs.iter().filter(|kept| kept.job.enabled || !kept.is_ours()).count(),
            next_wake_at_ms: next.filter_map(|kept| kept.job.state.next_run_at_ms).min(),
        })
    }

    /// A page of runs.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn runs(&self, wish: &RunsParams) -> Result<RunsPage, ErrorShape> {
        let id = wish.job.id.as_deref().or(wish.job.job_id.as_deref()).filter(|_| wish.scope.as_deref() != Some("all"));
        let mut runs = self.0.store.cron_runs(id, RUNS_MAX).await.map_err(fault::store)?;
        runs.retain(|run| is_wanted(&run.body, wish));
        if let Some(agent) = &wish.agent_id {
            let of = self.jobs().await?;
            let of: Vec<_> = of.iter().filter(|kept| self.agent_of(kept).as_deref() == Some(agent)).collect();
            runs.retain(|run| of.iter().any(|kept| kept.job.id == run.job_id));
        }
        if wish.sort_dir.as_deref() == Some("asc") {
            runs.reverse();
        }
        let (total, offset) = (runs.len(), wish.offset.unwrap_or(0));
        let limit = wish.limit.unwrap_or(LIST_LIMIT).clamp(1, LIMIT_MAX);
        let entries: Vec<Value> = runs.into_iter().skip(offset).take(limit).map(|run| run.body).collect();
        let end = offset + entries.len();
        let has_more = end < total;
        Ok(RunsPage { entries, total, offset, limit, has_more, next_offset: has_more.then_some(end) })
    }

    /// The agent that does a job; `None` for one that is gone.
    fn agent_of(&self, kept: &Kept) -> Option<String> {
        self.0.agents.find(kept.job.agent_id.as_deref()).ok().map(|agent| agent.to_string())
    }

    fn is_wanted(&self, kept: &Kept, wish: &ListParams) -> bool {
        let job = &kept.job;
        let shown = match wish.enabled.as_deref() {
            Some("all") => true,
            Some("enabled") => job.enabled,
            Some("disabled") => !job.enabled,
            _ => job.enabled || wish.include_disabled == Some(true),
        };
        let or_all =
            |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == "all" || wanted == is);
        let words = [Some(&job.name), job.display_name.as_ref(), job.description.as_ref(), Some(&job.id)];
        let said = |query: &str| words.into_iter().flatten().any(|text| holds(text, query));
        shown
            && or_all(&wish.schedule_kind, job.schedule.kind())
            && or_all(&wish.last_run_status, job.state.last_run_status.as_deref().unwrap_or("unknown"))
            && wish.agent_id.as_ref().is_none_or(|agent| self.agent_of(kept).as_ref() == Some(agent))
            && wish.query.as_deref().is_none_or(said)
    }
}

fn holds(text: &str, query: &str) -> bool {
    text.to_lowercase().contains(&query.trim().to_lowercase())
}

fn by(what: Option<&str>, a: &Kept, b: &Kept) -> Ordering {
    match what {
        Some("name") => a.job.name.to_lowercase().cmp(&b.job.name.to_lowercase()),
        Some("updatedAtMs") => a.job.updated_at_ms.cmp(&b.job.updated_at_ms),
        _ => {
            let next = |kept: &Kept| kept.job.state.next_run_at_ms.unwrap_or(i64::MAX);
            next(a).cmp(&next(b))
        }
    }
}

fn is_wanted(run: &Value, wish: &RunsParams) -> bool {
    let or_all = |wanted: &Option<String>, is: &Value| {
        wanted.as_deref().is_none_or(|wanted| wanted == "all" || is.as_str() == Some(wanted))
    };
    let among = |wanted: &Option<Vec<String>>, is: &Value| {
        wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|word| is.as_str() == Some(word)))
    };
    let said =
        |query: &str| ["summary", "error"].iter().any(|name| run[name].as_str().is_some_and(|text| holds(text, query)));
    or_all(&wish.status, &run["status"])
        && or_all(&wish.delivery_status, &run["deliveryStatus"])
        && among(&wish.statuses, &run["status"])
        && among(&wish.delivery_statuses, &run["deliveryStatus"])
        && wish.run_id.as_deref().is_none_or(|id| run["runId"].as_str() == Some(id))
        && wish.query.as_deref().is_none_or(said)
}

/// The row of a list that shows little.
fn short(kept: &Kept) -> Value {
    let (job, state) = (&kept.job, &kept.job.state);
    let mut row = json!({
        "id": job.id, "name": job.name, "updatedAtMs": job.updated_at_ms, "enabled": job.enabled,
        "nextRunAt": state.next_run_at_ms.map(base::iso), "nextRunAtMs": state.next_run_at_ms,
        "scheduleKind": job.schedule.kind(), "schedule": job.schedule,
        "lastRunAt": state.last_run_at_ms.map(base::iso), "lastRunAtMs": state.last_run_at_ms,
        "lastRunStatus": state.last_run_status, "lastRunError": state.last_error,
    });
    let more = [
        ("agentId", json!(job.agent_id)),
        ("declarationKey", json!(job.declaration_key)),
        ("displayName", json!(job.display_name)),
        ("lastDeliveryStatus", json!(state.last_delivery_status)),
    ];
    for (name, value) in more.into_iter().filter(|(_, value)| !value.is_null()) {
        row[name] = value;
    }
    row
}
