//! Chats as an agent's turn reaches them: its own chat, and others only on an owner's behalf.

use agent::ports::{Asker, Deed};
use agent::run::RunOutcome;
use channels::{Attached, AttachedFrom, Body};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use store::{Outgoing, Route};
use wire::ErrorShape;

use super::errand::{self, Named};
use super::{Chats, deed};
use crate::fault;

impl agent::ports::Chats for Chats {
    fn act<'a>(&'a self, deed: Deed, asker: &'a Asker) -> BoxFuture<'a, Result<Value, ErrorShape>> {
        Box::pin(async move { self.act_for(deed, asker).await })
    }
}

impl Chats {
    async fn act_for(&self, wish: Deed, asker: &Asker) -> Result<Value, ErrorShape> {
        if asker.rights.from_node {
            return Err(ErrorShape::invalid("what a node set off may not write to chats"));
        }
        let home = self.home(asker).await?;
        let (live, route) = errand::place(self, &named(&wish, home.as_ref())?)?;
        let is_home = home.as_ref().is_some_and(|home| same_chat(home, &route));
        if !is_home && !asker.rights.owner {
            return Err(ErrorShape::invalid(
                "only an owner may have other chats written to; this goes only where it came from",
            ));
        }
        let files = wish.files.into_iter();
        let files =
            files.map(|path| Attached { from: AttachedFrom::Path(path), mime_type: None, name: None }).collect();
        let read =
            deed::read(wish.action, &wish.words, files, live.channel.capabilities()).map_err(ErrorShape::invalid)?;
        let body = match read {
            deed::Deed::Read { limit } => return errand::read(self, &route, limit).await,
            deed::Deed::Out(body) => body,
        };
        let key = format!("{}{}", prefix(&asker.run_id), wish.call_id);
        let done = errand::run(self, &key, route, &body).await?;
        let mut value = done.to_value(&key);
        value["ok"] = json!(true);
        value["action"] = json!(wish.action);
        Ok(value)
    }

    /// The chat that a run is answered in.
    async fn home(&self, asker: &Asker) -> Result<Option<Route>, ErrorShape> {
        let input = self.0.store.input(&asker.run_id).await.map_err(fault::store)?;
        Ok(input.and_then(|input| input.answer).map(|answer| answer.route))
    }

    /// Whether a run's answer says what the run itself has sent to that chat already.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn is_said(&self, answer: &Outgoing) -> Result<bool, store::StoreError> {
        let Some(outcome) = answer.body.get("outcome") else { return Ok(false) };
        let Some(RunOutcome::Completed { text, .. }) = RunOutcome::from_value(outcome) else { return Ok(false) };
        let said = self.said_by_run(&answer.id, &answer.route).await?;
        Ok(said.iter().any(|said| said.trim() == text.trim()))
    }

    /// The texts that a run itself sent to a chat; they are not said there again.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn said_by_run(&self, run_id: &str, to: &Route) -> Result<Vec<String>, store::StoreError> {
        let rows = self.0.store.outgoing_under(&format!("ask:{}", prefix(run_id))).await?;
        let here = rows.into_iter().filter(|row| same_chat(&row.route, to) && row.end == Some(store::End::Sent));
        let text = |body: Value| match serde_json::from_value(body) {
            Ok(Body::Say(say)) if !say.text.trim().is_empty() => Some(say.text),
            _ => None,
        };
        Ok(here.filter_map(|row| text(row.body)).collect())
    }
}

/// What the keys of a run's own messages begin with.
fn prefix(run_id: &str) -> String {
    format!("tool:{run_id}:")
}

/// Where it is meant to go; without a word of that, where the run came from.
fn named(wish: &Deed, home: Option<&Route>) -> Result<Named, ErrorShape> {
    let said = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let (channel, to) = (said(&wish.channel), said(&wish.to));
    let elsewhere = home.is_none_or(|home| channel.as_ref().is_some_and(|channel| *channel != home.channel));
    match (to, home) {
        (None, Some(home)) if !elsewhere => Ok(Named {
            channel: Some(home.channel.clone()),
            account: home.account_id.clone(),
            to: home.to.clone(),
            thread: said(&wish.thread).or_else(|| home.thread_id.clone()),
        }),
        (None, _) => Err(ErrorShape::invalid("`target` is missing: this conversation is in no such chat")),
        (Some(to), _) => {
            let home = home.filter(|_| !elsewhere);
            Ok(Named {
                channel: channel.or_else(|| home.map(|home| home.channel.clone())),
                account: said(&wish.account).or_else(|| home.and_then(|home| home.account_id.clone())),
                to,
                thread: said(&wish.thread),
            })
        }
    }
}

/// Whether both are the same chat; topics of it are one chat, with the same people.
fn same_chat(one: &Route, other: &Route) -> bool {
    (&one.channel, &one.to, &one.account_id) == (&other.channel, &other.to, &other.account_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(channel: Option<&str>, to: Option<&str>) -> Deed {
        Deed {
            call_id: "1".into(),
            action: "send",
            channel: channel.map(str::to_owned),
            account: None,
            to: to.map(str::to_owned),
            thread: None,
            words: Value::Null,
            files: Vec::new(),
        }
    }

    ///
    #[test]
    fn without_a_word_it_goes_where_the_run_came_from() {
        let home =
            Route { channel: "telegram".into(), to: "5".into(), account_id: Some("work".into()), thread_id: None };
        let at =
            |wish: &Deed, home: Option<&Route>| named(wish, home).map(|named| (named.channel, named.account, named.to));
        let work = || Some("work".to_owned());
        let telegram = || Some("telegram".to_owned());
        assert_eq!(at(&wish(None, None), Some(&home)).unwrap(), (telegram(), work(), "5".into()));
        assert_eq!(at(&wish(Some("telegram"), None), Some(&home)).unwrap(), (telegram(), work(), "5".into()));
        assert_eq!(at(&wish(None, Some("7")), Some(&home)).unwrap(), (telegram(), work(), "7".into()));
        assert_eq!(
            at(&wish(Some("webhook"), Some("7")), Some(&home)).unwrap(),
            (Some("webhook".into()), None, "7".into())
        );
        assert!(named(&wish(Some("webhook"), None), Some(&home)).is_err());
        assert!(named(&wish(None, None), None).is_err());
    }
}
