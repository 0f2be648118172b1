//! Questions about commands, asked in chats (C-2.1, N-12.11): those who may decide get one as a message with buttons, and see
//! there how it ended. A button stands for the command that could be typed (`/approve`), and who presses it is judged like whoever
//! types it.

use std::time::Duration;

use channels::{Body, Button, Part, Receipt, Say};
use futures_util::future::BoxFuture;
use serde_json::Value;
use store::{NewOutgoing, Outgoing, Route};
use wire::methods::exec_approval::Decision;

use super::{Chats, Live};
use crate::approvals::{Elsewhere, Told};
use crate::config_now::ConfigNow;

/// What a button stands for is what could be typed.
const PREFIX: &str = "/approve ";
/// Signs of an id that fit into a button; the beginning of one names it.
const ID_SHOWN: usize = 40;
/// A question that is being sent gets so long until its outcome is written under it.
const SENT_WITHIN: Duration = Duration::from_secs(60);
/// Between two looks whether it was sent, when no news came.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Who may decide, in every chat.
#[derive(Clone)]
pub(crate) struct Approvers {
    chats: Chats,
    config: ConfigNow,
}

impl Approvers {
    /// Those of the accounts at work.
    pub(crate) fn new(chats: Chats, config: ConfigNow) -> Self {
        Self { chats, config }
    }

    /// The ids of those who may decide at an account: whom it names, else the owners; nobody when it is switched off.
    pub(crate) fn of(&self, live: &Live) -> Vec<String> {
        let settings = &live.account.settings["execApprovals"];
        if live.transport.is_none() || settings["enabled"] == false {
            return Vec::new();
        }
        let named = ids(&settings["approvers"], live);
        if !named.is_empty() {
            return named;
        }
        let config = self.config.current();
        config.commands.owner_allow_from.as_ref().map(|owners| ids(owners, live)).unwrap_or_default()
    }

    fn direct(&self) -> Vec<Route> {
        let mut routes = Vec::new();
        for live in self.chats.all() {
            if live.account.settings["execApprovals"]["target"] == "channel" {
                continue;
            }
            routes.extend(self.of(&live).into_iter().map(|id| route(&live, id)));
        }
        routes
    }

    /// The chat that asks, where its account wants questions there.
    async fn own_chat(&self, told: &Told) -> Option<Route> {
        let session = self.chats.0.store.session(told.session.as_ref()?).await.ok()??;
        let own = session.route?;
        let live = self.chats.of(&own)?;
        let target = live.account.settings["execApprovals"]["target"].as_str().unwrap_or("dm");
        (matches!(target, "channel" | "both") && !self.of(&live).is_empty()).then_some(own)
    }

    async fn put(&self, told: Told) {
        let mut routes = self.direct();
        if let Some(own) = self.own_chat(&told).await
            && !routes.iter().any(|known| (&known.channel, &known.to) == (&own.channel, &own.to))
        {
            routes.push(own);
        }
        for (number, route) in routes.into_iter().enumerate() {
            let say = Say { text: told.text.clone(), buttons: buttons(&told), ..Say::default() };
            let body = serde_json::to_value(Body::Say(say)).unwrap_or_default();
            let new = NewOutgoing { id: format!("{}{number}", prefix(&told.id)), route, body, inbox: Vec::new() };
            if let Err(error) = self.chats.0.store.put_outgoing(new).await {
                tracing::warn!(%error, approval = %told.id, "somebody could not be asked in a chat");
            }
        }
    }

    /// Writes the outcome where the question was asked.
    async fn tell_end(self, id: String, how: String) {
        let rows = match self.chats.0.store.outgoing_under(&prefix(&id)).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, approval = %id, "the end of a question was not told in chats");
                return;
            }
        };
        for row in rows.into_iter().filter(|row| !row.id.ends_with(":end")) {
            if let Err(error) = self.edit(row, &how).await {
                tracing::warn!(%error, approval = %id, "the end of a question was not told in a chat");
            }
        }
    }

    async fn edit(&self, asked: Outgoing, how: &str) -> Result<(), store::StoreError> {
        let Some(row) = self.sent(asked).await? else { return Ok(()) };
        let Some(message_id) = last_message(&row) else { return Ok(()) };
        let question = match serde_json::from_value(row.body.clone()) {
            Ok(Body::Say(say)) => say.text.split("\nIt expires in ").next().unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        let text = format!("{question}\n\n{}", sentence(how));
        let Some(transport) = self.chats.of(&row.route).and_then(|live| live.transport.clone()) else { return Ok(()) };
        let say = Say { text, ..Say::default() };
        let Some(Part::Text { words, .. }) = transport.plan(&row.route, &say).into_iter().next() else { return Ok(()) };
        let body = Body::Calls { parts: vec![Part::Edit { message_id, words, buttons: Vec::new() }] };
        let new = NewOutgoing {
            id: format!("{}:end", row.id),
            route: row.route,
            body: serde_json::to_value(body).unwrap_or_default(),
            inbox: Vec::new(),
        };
        self.chats.0.store.put_outgoing(new).await.map(drop)
    }

    /// The question once it was sent; `None` when it never was.
    async fn sent(&self, mut row: Outgoing) -> Result<Option<Outgoing>, store::StoreError> {
        let until = tokio::time::Instant::now() + SENT_WITHIN;
        let ends = self.chats.0.store.outbox_ends();
        while row.end.is_none() && tokio::time::Instant::now() < until {
            // The news may be of any row; the time only bounds the wait.
            let _told_or_time = tokio::time::timeout(LOOK_AGAIN, ends.notified()).await;
            match self.chats.0.store.outgoing(&row.id).await? {
                Some(now) => row = now,
                None => return Ok(None),
            }
        }
        Ok(Some(row))
    }
}

impl Elsewhere for Approvers {
    fn is_anybody(&self) -> bool {
        self.chats.all().iter().any(|live| !self.of(live).is_empty())
    }

    fn ask(&self, told: Told) -> BoxFuture<'_, ()> {
        Box::pin(self.put(told))
    }

    fn over(&self, id: String, how: String) -> BoxFuture<'static, ()> {
        Box::pin(self.clone().tell_end(id, how))
    }
}

fn buttons(told: &Told) -> Vec<Vec<Button>> {
    let id: String = told.id.chars().take(ID_SHOWN).collect();
    let one = |(decision, label): (Decision, &str)| {
        let data = format!("{PREFIX}{id} {}", decision.as_str());
        told.allowed.contains(&decision).then(|| Button { label: label.to_owned(), data })
    };
    let all = [(Decision::AllowOnce, "Allow once"), (Decision::AllowAlways, "Allow always"), (Decision::Deny, "Deny")];
    vec![all.into_iter().filter_map(one).collect()]
}

fn prefix(id: &str) -> String {
    format!("approval:{id}:")
}

fn route(live: &Live, to: String) -> Route {
    Route { channel: live.channel.id().to_owned(), to, account_id: Some(live.account.id.clone()), thread_id: None }
}

fn last_message(row: &Outgoing) -> Option<String> {
    let receipts = row.parts.iter().rev().filter_map(|part| part.receipt.clone());
    receipts
        .filter_map(|receipt| serde_json::from_value::<Receipt>(receipt).ok())
        .map(|receipt| receipt.message_id)
        .find(|id| !id.is_empty())
}

/// The ids of a list that are of this channel; `*` names nobody, since who decides is a person.
fn ids(list: &Value, live: &Live) -> Vec<String> {
    let texts = list.as_array().map_or(std::slice::from_ref(list), Vec::as_slice).iter();
    let texts =
        texts.filter_map(|one| one.as_str().map(str::to_owned).or_else(|| one.as_i64().map(|id| id.to_string())));
    let known = |prefix: &str| channels::find(prefix).is_some();
    texts
        .filter(|entry| entry.split_once(':').is_none_or(|(prefix, _)| prefix == live.channel.id() || !known(prefix)))
        .filter_map(|entry| {
            let own = entry.strip_prefix(live.channel.id()).and_then(|rest| rest.strip_prefix(':')).unwrap_or(&entry);
            live.channel.peer(own).filter(|id| id != "*")
        })
        .collect()
}

fn sentence(how: &str) -> String {
    let mut chars = how.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-2.1, C-10.3
    #[test]
    fn a_button_fits_and_means_what_it_says() {
        let told = Told {
            id: "x".repeat(128),
            text: String::new(),
            allowed: vec![Decision::AllowOnce, Decision::Deny],
            session: None,
        };
        let row = buttons(&told).remove(0);
        assert_eq!(row.len(), 2);
        for button in &row {
            assert!(button.data.len() <= 64, "{}", button.data);
        }
        assert_eq!(row[1].data, format!("/approve {} deny", "x".repeat(ID_SHOWN)));
    }

    #[test]
    fn an_ending_is_a_sentence() {
        assert_eq!(sentence("it was denied by Anna"), "It was denied by Anna.");
    }
}
