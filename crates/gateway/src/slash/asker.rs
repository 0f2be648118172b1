//! Who types a command: a client on a connection, or somebody in a chat.

use std::ops::Deref;

use crate::approvals::Decider;
use crate::rpc::{Caller, Cx};
use crate::services::Services;

/// Who asks, and the services the command may use. Dereferences to [`Services`].
pub(crate) struct Asker<'a> {
    /// Who asks.
    pub(crate) who: Who<'a>,
    services: &'a Services,
}

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) enum Who<'a> {
    /// A client.
    Client(&'a Caller),
    /// Somebody in a chat.
    Chat(&'a ChatPerson),
}

/// Somebody in a chat, by the channel's own id.
#[derive(Debug, Clone)]
pub(crate) struct ChatPerson {
    /// The channel.
    pub(crate) channel: String,
    /// The account of ours they wrote to.
    pub(crate) account: String,
    /// The channel's id of them.
    pub(crate) id: String,
    /// What they call themselves.
    pub(crate) name: String,
    /// The chat.
    pub(crate) chat: String,
    /// Whether they own this assistant.
    pub(crate) is_owner: bool,
}

impl ChatPerson {
    /// For `/whoami`.
    pub(super) fn described(&self) -> String {
        let Self { channel, account, id, name, chat, is_owner } = self;
        let owner = if *is_owner { "yes" } else { "no" };
        format!("Channel: {channel}\nAccount: {account}\nYour id: {id}\nName: {name}\nChat: {chat}\nOwner: {owner}")
    }
}

impl<'a> Asker<'a> {
    /// The client of a request.
    pub(crate) fn client(cx: &'a Cx) -> Self {
        Self { who: Who::Client(&cx.who), services: &cx.services }
    }

    /// Somebody in a chat.
    pub(crate) fn chat(services: &'a Services, person: &'a ChatPerson) -> Self {
        Self { who: Who::Chat(person), services }
    }

    /// As the one who decides a question.
    pub(super) fn decider(&self) -> Decider {
        match self.who {
            Who::Client(who) => Decider::client(who),
            Who::Chat(who) => Decider::chat(&who.channel, &who.id, &who.name),
        }
    }
}

impl Deref for Asker<'_> {
    type Target = Services;

    fn deref(&self) -> &Services {
        self.services
    }
}
