//! `approvals pending --watch`: what waits, then each question and each decision as it comes. Who watches can decide, so
//! the Gateway lets questions wait for them (N-12.12).

use std::time::Duration;

use link::{CallError, Happened, Happenings};
use serde_json::{Value, json};
use wire::methods::{Method as _, exec_approval};

use super::cell;
use super::pending::{self, Args};
use crate::app::App;
use crate::exit::Failure;
use crate::out;
use crate::rpc::{self, Want};

/// How long questions are watched while their Gateway is away.
const WATCHED_FOR: Duration = Duration::from_secs(24 * 3600);
/// Between two looks when no event came: what was missed is seen then.
const LOOK: Duration = Duration::from_secs(2);

pub(super) fn run(app: &App, args: &Args) -> Result<(), Failure> {
    let name = exec_approval::List::NAME;
    let caps = exec_approval::CAPS.map(str::to_owned).to_vec();
    let want = Want { caps, ..Want::of(name, args.rpc.timeout_or(rpc::TIMEOUT)) };
    rpc::block_on(async {
        let (link, mut happenings, place) = rpc::open_link(app, &args.rpc.reach, &want, WATCHED_FOR).await?;
        let at = |error: CallError| Failure::call(&error).at(&place);
        let _standing = app.out.standing(&link, true);
        let mut known = link.request_raw(name, Some(json!({}))).await.map_err(at)?;
        match app.out.json {
            true => out::say(&json!({"type": "pending", "pending": known}).to_string()),
            false => out::say(&pending::text(&known, base::now_ms())),
        }
        loop {
            // Whatever was missed is in the next look, so an event is only a reason to look at once.
            let _sooner = tokio::time::timeout(LOOK, news(&mut happenings)).await;
            let now = link.request_raw(name, Some(json!({}))).await.map_err(at)?;
            for row in new(&now, &known) {
                // What became of it is in the record; one that is not there any more was withdrawn.
                let record = link.request_raw(exec_approval::AnyGet::NAME, Some(json!({"id": row["id"]}))).await;
                tell(app, "decided", row, &record.unwrap_or_default()["approval"]);
            }
            for row in new(&known, &now) {
                tell(app, "asks", row, &Value::Null);
            }
            known = now;
        }
    })
}

/// Waits for any event.
async fn news(happenings: &mut Happenings) {
    // A link that has ended says so for ever; the next look tells why.
    if let Happened::Closed(_) = happenings.next().await {
        tokio::time::sleep(LOOK).await;
    }
}

/// The questions that were not there before.
fn new<'a>(before: &Value, now: &'a Value) -> impl Iterator<Item = &'a Value> {
    let ids: Vec<Value> = before.as_array().into_iter().flatten().map(|row| row["id"].clone()).collect();
    now.as_array().into_iter().flatten().filter(move |row| !ids.contains(&row["id"]))
}

fn tell(app: &App, what: &str, row: &Value, record: &Value) {
    let decision = if record["decision"].is_string() { cell(record, "decision") } else { cell(record, "status") };
    if app.out.json {
        return out::say(&json!({"type": what, "approval": row, "decision": record["decision"]}).to_string());
    }
    let (time, id) = (jiff::Zoned::now().strftime("%H:%M:%S"), cell(row, "id"));
    let words = match what {
        "asks" => format!(
            "{} on {}: openclaw approvals resolve {id} allow-once|allow-always|deny",
            pending::command(row),
            pending::place(row)
        ),
        _ => format!("{}: {decision}", pending::command(row)),
    };
    out::say(&format!("{time}  {id}  {words}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_said_once() {
        let (one, two) = (json!({"id": "1"}), json!({"id": "2"}));
        let both = json!([one, two]);
        assert_eq!(new(&json!([one]), &both).collect::<Vec<_>>(), [&two]);
        assert_eq!(new(&both, &both).count(), 0);
    }
}
