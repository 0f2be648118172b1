//! The clock as an agent's `cron` tool reaches it. Only an owner's run gets this far; the tool itself asks.

use agent::ports::{self, Asker};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use wire::ErrorShape;
use wire::methods::cron::{AddParams, ListParams, RunMode, RunsParams, WakeMode};

use super::Clock;

impl ports::Clock for Clock {
    fn status(&self) -> BoxFuture<'_, Result<Value, ErrorShape>> {
        Box::pin(async move { Ok(json!(Self::status(self).await?)) })
    }

    fn list(&self, wish: ListParams) -> BoxFuture<'_, Result<Value, ErrorShape>> {
        Box::pin(async move { Ok(json!(self.page(&wish).await?)) })
    }

    fn add<'a>(&'a self, mut job: AddParams, asker: &'a Asker) -> BoxFuture<'a, Result<Value, ErrorShape>> {
        Box::pin(async move {
            owner(asker)?;
            job.agent_id = job.agent_id.or_else(|| Some(asker.agent.to_string()));
            job.session_key = job.session_key.or_else(|| Some(asker.session.to_string()));
            // No job may do more than whoever made it.
            let (kept, _) = Self::add(self, job, asker.rights).await?;
            Ok(self.made(&kept).await)
        })
    }

    fn update<'a>(&'a self, id: &'a str, patch: Value, asker: &'a Asker) -> BoxFuture<'a, Result<Value, ErrorShape>> {
        Box::pin(async move {
            owner(asker)?;
            let patch = patch.as_object().cloned().unwrap_or_default();
            Ok(Self::update(self, id, &patch, None, asker.rights).await?.view())
        })
    }

    fn remove<'a>(&'a self, id: &'a str, asker: &'a Asker) -> BoxFuture<'a, Result<Value, ErrorShape>> {
        Box::pin(async move {
            owner(asker)?;
            Self::remove(self, id).await?;
            Ok(json!({"ok": true, "removed": true}))
        })
    }

    fn run<'a>(&'a self, id: &'a str, mode: RunMode, asker: &'a Asker) -> BoxFuture<'a, Result<Value, ErrorShape>> {
        Box::pin(async move {
            owner(asker)?;
            Ok(match self.want(id, mode).await? {
                Ok(run_id) => json!({"ok": true, "enqueued": true, "runId": run_id}),
                Err(why) => json!({"ok": true, "ran": false, "reason": why}),
            })
        })
    }

    fn runs(&self, wish: RunsParams) -> BoxFuture<'_, Result<Value, ErrorShape>> {
        Box::pin(async move { Ok(json!(Self::runs(self, &wish).await?)) })
    }

    fn wake<'a>(&'a self, text: &'a str, mode: WakeMode, asker: &'a Asker) -> BoxFuture<'a, Result<Value, ErrorShape>> {
        Box::pin(async move {
            owner(asker)?;
            let session =
                super::wake(self, (mode, "wake", asker.rights), text, Some(asker.session.as_str()), None).await?;
            Ok(json!({"ok": true, "sessionKey": session}))
        })
    }
}

fn owner(asker: &Asker) -> Result<(), ErrorShape> {
    match asker.rights.owner && !asker.rights.from_node {
        true => Ok(()),
        false => Err(ErrorShape::invalid("only the owner of this Gateway plans jobs")),
    }
}
