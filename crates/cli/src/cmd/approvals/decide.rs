//! A person's word about a command that waits (N-12.14).

use clap::ValueEnum;
use serde_json::{Value, json};
use wire::methods::Method as _;
use wire::methods::exec_approval::{self, Decision};

use super::pending;
use crate::app::App;
use crate::args::Rpc;
use crate::cmd::waiting;
use crate::exit::Failure;
use crate::rpc::{self, Want};

#[derive(Debug, clap::Args)]
pub(super) struct Resolve {
    #[command(flatten)]
    which: Which,
    /// The decision
    #[arg(value_name = "DECISION", value_enum)]
    decision: Said,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
pub(super) struct Approve {
    #[command(flatten)]
    which: Which,
    /// From now on, not only this time
    #[arg(long)]
    always: bool,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
pub(super) struct Deny {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    rpc: Rpc,
}

#[derive(Debug, clap::Args)]
struct Which {
    /// The question; its first letters are enough
    #[arg(value_name = "ID")]
    id: String,
}

/// What a person can say.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Said {
    /// This time
    AllowOnce,
    /// From now on
    AllowAlways,
    /// No
    Deny,
}

pub(super) fn resolve(app: &App, args: &Resolve) -> Result<(), Failure> {
    let decision = match args.decision {
        Said::AllowOnce => Decision::AllowOnce,
        Said::AllowAlways => Decision::AllowAlways,
        Said::Deny => Decision::Deny,
    };
    say(app, &args.rpc, &args.which.id, decision)
}

pub(super) fn approve(app: &App, args: &Approve) -> Result<(), Failure> {
    let decision = if args.always { Decision::AllowAlways } else { Decision::AllowOnce };
    say(app, &args.rpc, &args.which.id, decision)
}

pub(super) fn deny(app: &App, args: &Deny) -> Result<(), Failure> {
    say(app, &args.rpc, &args.which.id, Decision::Deny)
}

fn say(app: &App, rpc: &Rpc, id: &str, decision: Decision) -> Result<(), Failure> {
    let want = Want::of(exec_approval::Resolve::NAME, rpc.timeout_or(rpc::TIMEOUT));
    let told = rpc::block_on(async {
        let connection = rpc::open(app, &rpc.reach, None, &want).await?;
        let list = connection.call(exec_approval::List::NAME, Some(json!({}))).await?;
        let waiting = list.as_array().map_or(&[][..], Vec::as_slice);
        let id = meant(waiting, id.trim())?;
        let row = waiting.iter().find(|row| row["id"] == id).cloned().unwrap_or_default();
        let asked = connection.call(exec_approval::Resolve::NAME, Some(json!({"id": id, "decision": decision}))).await;
        connection.client.close().await;
        let look = |failure: Failure| failure.run("openclaw approvals pending").run("openclaw approvals history");
        asked.map_err(look)?;
        Ok(json!({"ok": true, "id": id, "decision": decision, "command": row["request"]["command"], "row": row}))
    })?;
    let mut answer = told.clone();
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("row");
    }
    app.out.either(&answer, || {
        let word = match decision {
            Decision::AllowOnce => "Allowed once",
            Decision::AllowAlways => "Allowed from now on",
            Decision::Deny => "Refused",
        };
        format!("{word}: {} on {}.", pending::command(&told["row"]), pending::place(&told["row"]))
    });
    Ok(())
}

/// The whole id. One that waits no more is for the Gateway to say something about, if it is whole.
fn meant<'a>(waiting: &'a [Value], id: &'a str) -> Result<&'a str, Failure> {
    const WHOLE_MIN: usize = 32;
    match waiting::find(waiting, "id", id, "openclaw approvals pending") {
        Err(failure) if failure.code.0 == "NOT_FOUND" && id.len() >= WHOLE_MIN => Ok(id),
        found => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-12.14
    #[test]
    fn the_first_letters_name_a_question_that_waits() {
        let waiting = [json!({"id": "7f3a"}), json!({"id": "7f00"})];
        assert_eq!(meant(&waiting, "7f3").unwrap(), "7f3a");
        assert_eq!(meant(&waiting, "7f").unwrap_err().exit, 2);
        assert_eq!(meant(&waiting, "aa").unwrap_err().code.0, "NOT_FOUND");
        let gone = "0123456789abcdef0123456789abcdef";
        assert_eq!(meant(&waiting, gone).unwrap(), gone);
    }
}
