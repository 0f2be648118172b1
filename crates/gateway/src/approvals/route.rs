//! Whether anybody can be asked (N-12.12).

use wire::methods::exec_approval::CAPS;
use wire::{Role, Scope, SessionKey};

use crate::hub::{Hub, Topic};
use crate::rpc::Caller;

/// The way a question gets to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// A client that shows approvals.
    Client,
    /// Somebody follows the session that asks and may answer in its chat.
    Chat,
}

impl Route {
    /// `deliveryRoute` of an accepted request.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "approval-client",
            Self::Chat => "chat",
        }
    }

    /// The way there is now, if any.
    pub(super) fn now(hub: &Hub, session: Option<&SessionKey>) -> Option<Self> {
        if hub.is_here(|member| may_decide(&member.caller) && CAPS.iter().any(|cap| member.caller.has_cap(cap))) {
            return Some(Self::Client);
        }
        let one = Topic::SessionMessages(session?.clone());
        let follows = hub.is_here(|member| {
            may_decide(&member.caller)
                && member.caller.scopes.allows(Scope::Write)
                && (member.follows(&Topic::Sessions) || member.follows(&one))
        });
        follows.then_some(Self::Chat)
    }
}

fn may_decide(who: &Caller) -> bool {
    who.role == Role::Operator && who.scopes.allows(Scope::Approvals)
}
