//! The jobs of the clock: `cron.*`.

use serde_json::{Value, json};
use wire::ErrorShape;
use wire::methods::cron::{
    Add, AddParams, Get, JobRef, List, ListParams, Page, Remove, Removed, Run, RunParams, RunResult, Runs, RunsPage,
    RunsParams, Status, StatusResult, Update, UpdateParams,
};

use crate::clock::named;
use crate::rpc::{Cx, Table};

/// Adds this family's rows.
pub(super) fn add(table: Table) -> Table {
    table
        .on::<List>(list)
        .on::<Status>(status)
        .on::<Get>(get)
        .on::<Add>(make)
        .on::<Update>(update)
        .on::<Remove>(remove)
        .on::<Run>(run)
        .on::<Runs>(runs)
}

async fn list(cx: Cx, params: ListParams) -> Result<Page, ErrorShape> {
    cx.clock.page(&params).await
}

async fn status(cx: Cx, _: Value) -> Result<StatusResult, ErrorShape> {
    cx.clock.status().await
}

async fn get(cx: Cx, params: JobRef) -> Result<Value, ErrorShape> {
    cx.clock.view(&named(&params, "get")?).await
}

/// A job with a `declarationKey` is answered with what became of it, any other as it is.
async fn make(cx: Cx, params: AddParams) -> Result<Value, ErrorShape> {
    let declared = params.declaration_key.is_some();
    let (kept, created) = cx.clock.add(params, cx.who.rights()).await?;
    let job = cx.clock.made(&kept).await;
    if !declared {
        return Ok(job);
    }
    let preview = job["deliveryPreview"].clone();
    Ok(json!({"created": created, "updated": !created, "job": kept_view(job), "deliveryPreview": preview}))
}

fn kept_view(mut job: Value) -> Value {
    if let Some(members) = job.as_object_mut() {
        members.remove("deliveryPreview");
    }
    job
}

async fn update(cx: Cx, params: UpdateParams) -> Result<Value, ErrorShape> {
    let id = named(&params.job, "update")?;
    let revision = params.expected_config_revision.as_deref();
    let kept = cx.clock.update(&id, &params.patch, revision, cx.who.rights()).await?;
    Ok(kept.view())
}

async fn remove(cx: Cx, params: JobRef) -> Result<Removed, ErrorShape> {
    cx.clock.remove(&named(&params, "remove")?).await?;
    Ok(Removed { ok: true, removed: true })
}

/// Promises a run; it is durable when this answers, and begins when there is a place.
async fn run(cx: Cx, params: RunParams) -> Result<RunResult, ErrorShape> {
    let id = named(&params.job, "run")?;
    let process = cx.run.boot_id.clone();
    if params.expected_process_instance_id.as_ref().is_some_and(|wanted| *wanted != process) {
        return Err(ErrorShape::invalid("invalid cron.run params: Gateway process changed after preflight"));
    }
    let answer = RunResult { ok: true, process_instance_id: process, ..RunResult::default() };
    Ok(match cx.clock.want(&id, params.mode).await? {
        Ok(run_id) => RunResult { enqueued: Some(true), run_id: Some(run_id), ..answer },
        Err(why) => RunResult { ran: Some(false), reason: Some(why.into()), ..answer },
    })
}

async fn runs(cx: Cx, params: RunsParams) -> Result<RunsPage, ErrorShape> {
    cx.clock.runs(&params).await
}
