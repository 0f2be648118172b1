//! One thing that happened, and what everybody who deals with it needs: the account, the person, the conversation.

use std::sync::Arc;

use channels::access::Verdict;
use channels::route::{self, Conversation, From};
use channels::{ChatKind, Event};
use serde_json::Value;
use store::{Session, StoreError};
use wire::{AgentId, SessionKey};

use super::super::{Live, owners, pairing};
use crate::services::Services;
use crate::slash::{ACTIVATION, ChatPerson};

/// What happened, where.
pub(super) struct Scene<'a> {
    pub(super) services: &'a Arc<Services>,
    pub(super) live: Arc<Live>,
    /// All of it as one event.
    pub(super) event: Event,
    /// What of the inbox it is made of.
    pub(super) positions: Vec<i64>,
    /// The conversation.
    pub(super) session: SessionKey,
    /// Its agent.
    pub(super) agent: AgentId,
    /// What kind of reset holds for it.
    pub(super) kind: Conversation,
    /// The conversation as it stands; `None` for one that begins.
    pub(super) row: Option<Session>,
    /// Whether an owner let the sender in by a code.
    pub(super) is_paired: bool,
    /// Whether the sender owns this assistant.
    pub(super) is_owner: bool,
}

impl<'a> Scene<'a> {
    /// Finds all of it out.
    pub(super) async fn of(
        services: &'a Arc<Services>,
        live: Arc<Live>,
        event: Event,
        positions: Vec<i64>,
    ) -> Result<Self, StoreError> {
        let sender = event.sender.as_ref().map_or("", |sender| sender.id.as_str());
        let config = services.config.current();
        let is_paired = pairing::is_paired(services, &live, sender).await?;
        let is_owner = !sender.is_empty() && owners::is_owner(&config, live.channel, sender);
        let place = live.account.access.place(&event);
        let own_agent = place.as_ref().and_then(|place| place.find(|group| group.agent.as_deref()));
        let agents = services.agents.ids();
        let known = |agent: &AgentId| agents.contains(agent);
        let from = From { channel: live.channel.id(), account: &live.account.id, event: &event, agent: own_agent };
        let routed = route::route(&config.session, &config.bindings, &services.agents.default_id(), &known, from);
        let (session, row) = found(services, routed.key).await?;
        let (agent, kind) = (routed.agent, routed.kind);
        Ok(Self { services, live, event, positions, session, agent, kind, row, is_paired, is_owner })
    }

    /// Whether the sender may talk here.
    pub(super) fn judge(&self) -> Verdict {
        self.live.account.access.judge(&self.event, self.is_paired, &|entry| self.live.channel.peer(entry))
    }

    /// Whether the sender may give commands here.
    pub(super) fn may_command(&self) -> bool {
        let sender = self.sender_id();
        if self.is_owner {
            return true;
        }
        let allowed = self.services.config.current().commands.allow_from.clone();
        if let Some(Value::Object(by_channel)) = allowed {
            let lists = [by_channel.get(self.live.channel.id()), by_channel.get("*")];
            let mut entries = lists.into_iter().flat_map(owners::entries);
            return entries.any(|entry| entry == "*" || owners::names(&entry, self.live.channel, sender));
        }
        let named = self.live.account.access.names(&self.event, &|entry| self.live.channel.peer(entry));
        named || self.is_paired || self.event.chat.kind == ChatKind::Direct
    }

    /// Whether the sender may decide what commands run: owners, and whom the account names for it.
    pub(super) fn may_approve(&self) -> bool {
        let named = owners::entries(self.live.account.settings.pointer("/execApprovals/approvers"));
        self.is_owner || named.iter().any(|entry| owners::names(entry, self.live.channel, self.sender_id()))
    }

    /// What `/activation` said.
    pub(super) fn activation(&self) -> Option<&str> {
        self.row.as_ref()?.extra.get(ACTIVATION)?.as_str()
    }

    /// The sender's id over there.
    pub(super) fn sender_id(&self) -> &str {
        self.event.sender.as_ref().map_or("", |sender| sender.id.as_str())
    }

    /// The sender.
    pub(super) fn person(&self) -> ChatPerson {
        ChatPerson {
            channel: self.live.channel.id().into(),
            account: self.live.account.id.clone(),
            id: self.sender_id().into(),
            name: self.event.sender.as_ref().map(|sender| sender.name.clone()).unwrap_or_default(),
            chat: self.event.chat.id.clone(),
            is_owner: self.is_owner,
        }
    }

    /// Names this thing for ever: the run, or the answer to a command.
    pub(super) fn run_id(&self) -> String {
        format!("{}:{}:{}", self.live.channel.id(), self.live.account.id, self.event.event_id)
    }

    /// Nothing more comes of it.
    pub(super) async fn done(&self) -> Result<(), StoreError> {
        self.services.store.arrivals_done(self.positions.clone()).await
    }

    /// Keeps what was said for turns to come (C-6.2) and for who asks for it (C-10.8).
    pub(super) async fn keep(&self, told: bool) -> Result<(), StoreError> {
        let Some(message) = self.event.message_id.clone() else { return Ok(()) };
        let body = super::context::kept(&self.event);
        let message = store::ChatMessage { message, body, told, at: self.event.at };
        let (channel, account, lane) = (self.live.channel.id(), &self.live.account.id, self.event.lane());
        self.services.store.keep_chat_message(channel, account, &lane, message).await
    }
}

/// The conversation of that key, or the one that began when keys were spelt otherwise.
async fn found(services: &Services, key: SessionKey) -> Result<(SessionKey, Option<Session>), StoreError> {
    if let Some(row) = services.store.session(&key).await? {
        return Ok((key, Some(row)));
    }
    if let Some(older) = route::older_spelling(&key)
        && let Some(row) = services.store.session(&older).await?
    {
        return Ok((older, Some(row)));
    }
    Ok((key, None))
}
