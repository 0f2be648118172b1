//! `nodes list --watch`: what is, then what changes, one line or one object each.

use std::time::Duration;

use link::{CallError, Happened, Happenings, Link};
use serde_json::{Value, json};
use wire::methods::{Method as _, node};
use wire::{Scope, events};

use super::list::{List, joined, listing};
use super::{name, short};
use crate::app::App;
use crate::cmd::waiting::rows;
use crate::exit::Failure;
use crate::out;
use crate::rpc::{self, Want};

/// How long nodes are watched while their Gateway is away: until somebody comes to work and sees it.
const WATCHED_FOR: Duration = Duration::from_secs(24 * 3600);
/// Between two looks when no event came: a node is announced just before it is in the list.
const LOOK: Duration = Duration::from_secs(2);

pub(super) fn watch(app: &App, args: &List) -> Result<(), Failure> {
    let scopes = vec![Scope::Read, Scope::Pairing];
    let want = Want { scopes, ..Want::of(node::List::NAME, args.rpc.timeout_or(rpc::TIMEOUT)) };
    rpc::block_on(async {
        let (link, mut happenings, place) = rpc::open_link(app, &args.rpc.reach, &want, WATCHED_FOR).await?;
        let at = |error: CallError| Failure::call(&error).at(&place);
        let _standing = app.out.standing(&link, true);
        let pairs = link.request_raw(node::PairList::NAME, Some(json!({}))).await.map_err(at)?;
        let mut known = look(&link).await.map_err(at)?;
        let mut first = joined(pairs, &known);
        match app.out.json {
            true => {
                first["type"] = json!("nodes");
                out::say(&first.to_string());
            }
            false => out::say(listing(app, &first, base::now_ms()).trim_end()),
        }
        loop {
            // Whatever was missed is in the next look, so an event is only a reason to look at once.
            let _sooner = tokio::time::timeout(LOOK, news(&mut happenings)).await;
            let now = look(&link).await.map_err(at)?;
            for change in changes(&known, &now) {
                tell(app, &change);
            }
            known = now;
        }
    })
}

async fn look(link: &Link) -> Result<Vec<Value>, CallError> {
    let answer = link.request_raw(node::List::NAME, Some(json!({}))).await?;
    Ok(rows(&answer, "nodes").to_vec())
}

/// Waits for an event that has to do with nodes.
async fn news(happenings: &mut Happenings) {
    let about_nodes = [&events::PRESENCE, &events::NODE_PAIR_REQUESTED, &events::NODE_PAIR_RESOLVED];
    loop {
        match happenings.next().await {
            Happened::Event(event) if about_nodes.iter().all(|row| event.event != row.name) => {}
            // A link that has ended says so for ever; the next look tells why.
            Happened::Closed(_) => return tokio::time::sleep(LOOK).await,
            _ => return,
        }
    }
}

/// Something that became different, and the node it is about.
#[derive(Debug, PartialEq)]
struct Change {
    what: &'static str,
    node: Value,
}

/// What is different `now`, in an order that reads well: who is gone, who came, what they want.
fn changes(before: &[Value], now: &[Value]) -> Vec<Change> {
    let same = |rows: &[Value], row: &Value| rows.iter().find(|other| other["nodeId"] == row["nodeId"]).cloned();
    let gone = before.iter().filter(|row| same(now, row).is_none());
    let mut changes: Vec<Change> = gone.map(|row| Change { what: "removed", node: row.clone() }).collect();
    for row in now {
        let old = same(before, row).unwrap_or_default();
        let became = |key: &str, value: Value| row[key] == value && old[key] != value;
        let is_here = row["connected"] == true;
        let said = [
            ("disconnected", !is_here && old["connected"] == true),
            ("connected", is_here && (old["connected"] != true || old["connectedAtMs"] != row["connectedAtMs"])),
            ("asks", row["pendingRequestId"].is_string() && old["pendingRequestId"] != row["pendingRequestId"]),
            ("approved", became("approvalState", json!("approved")) && old["pendingRequestId"].is_string()),
            ("refused", became("approvalState", json!("unapproved"))),
        ];
        let said = said.into_iter().filter(|(_, is_so)| *is_so);
        changes.extend(said.map(|(what, _)| Change { what, node: row.clone() }));
    }
    changes
}

fn tell(app: &App, change: &Change) {
    if app.out.json {
        return out::say(&json!({"type": "change", "change": change.what, "node": change.node}).to_string());
    }
    let node = &change.node;
    let time = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
    let what = match change.what {
        "asks" => format!("asks to be approved: openclaw nodes approve {}", super::cell(node, "pendingRequestId")),
        what => what.to_owned(),
    };
    out::say(&format!("{time}  {} ({}) {what}", name(node), short(node)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(before: &[Value], now: &[Value]) -> Vec<&'static str> {
        changes(before, now).iter().map(|change| change.what).collect()
    }

    #[test]
    fn what_changes_is_said_once() {
        let away = json!({"nodeId": "a", "connected": false, "approvalState": "approved"});
        let here = json!({"nodeId": "a", "connected": true, "connectedAtMs": 1, "approvalState": "approved"});
        let again = json!({"nodeId": "a", "connected": true, "connectedAtMs": 2, "approvalState": "approved"});
        let asks = json!({"nodeId": "a", "connected": true, "connectedAtMs": 1, "approvalState": "pending-approval",
            "pendingRequestId": "r"});
        let rows = |row: &Value| vec![row.clone()];
        assert_eq!(told(&rows(&here), &rows(&here)), [""; 0]);
        assert_eq!(told(&rows(&away), &rows(&here)), ["connected"]);
        assert_eq!(told(&rows(&here), &rows(&again)), ["connected"], "between two looks");
        assert_eq!(told(&rows(&here), &rows(&away)), ["disconnected"]);
        assert_eq!(told(&[], &rows(&asks)), ["connected", "asks"]);
        assert_eq!(told(&rows(&asks), &rows(&here)), ["approved"]);
        assert_eq!(told(&rows(&here), &[]), ["removed"]);
    }
}
