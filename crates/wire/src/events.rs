//! Every event a Gateway may send, and who receives it (`protocol.md` 5).

pub mod agent;
pub mod chat;
pub mod sessions;
pub mod tls;

use crate::scope::Scope;

/// Who receives an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Every connection that finished its handshake, nodes included.
    Everyone,
    /// Operators that hold the scope.
    Holders(Scope),
    /// Named connections only; carries no `seq`.
    Targeted,
}

/// One event of the protocol.
#[derive(Debug, Clone, Copy)]
pub struct EventRow {
    /// Its name.
    pub name: &'static str,
    /// Who receives it.
    pub audience: Audience,
    /// Whether a slow reader may miss it; it is told by the gap in `seq`.
    pub droppable: bool,
}

macro_rules! events {
    ($($ident:ident = $name:literal, $audience:expr, $drop:literal;)*) => {
        $(#[doc = concat!("`", $name, "`")] pub const $ident: EventRow = EventRow { name: $name, audience: $audience, droppable: $drop };)*
        /// Every event this Gateway sends.
        pub const ALL: &[EventRow] = &[$($ident),*];
    };
}

use Audience::{Everyone, Holders, Targeted};

events! {
    CONNECT_CHALLENGE = "connect.challenge", Targeted, false;
    AGENT = "agent", Holders(Scope::Read), true;
    CHAT = "chat", Holders(Scope::Read), true;
    SESSION_MESSAGE = "session.message", Holders(Scope::Read), true;
    SESSION_TOOL = "session.tool", Holders(Scope::Read), true;
    SESSIONS_CHANGED = "sessions.changed", Holders(Scope::Read), true;
    PRESENCE = "presence", Holders(Scope::Read), true;
    HEALTH = "health", Everyone, true;
    HEARTBEAT = "heartbeat", Everyone, true;
    TICK = "tick", Everyone, true;
    SHUTDOWN = "shutdown", Everyone, false;
    TLS_NEXT = "tls.next", Everyone, false;
    CRON = "cron", Holders(Scope::Read), true;
    CONFIG_CHANGED = "config.changed", Holders(Scope::Read), true;
    VOICEWAKE_CHANGED = "voicewake.changed", Holders(Scope::Read), true;
    VOICEWAKE_ROUTING_CHANGED = "voicewake.routing.changed", Holders(Scope::Read), true;
    DEVICE_PAIR_REQUESTED = "device.pair.requested", Holders(Scope::Pairing), false;
    DEVICE_PAIR_RESOLVED = "device.pair.resolved", Holders(Scope::Pairing), false;
    DEVICE_PAIR_CHANGED = "device.pair.changed", Holders(Scope::Pairing), false;
    DEVICE_PAIR_SETUP_COMPLETED = "device.pair.setup.completed", Holders(Scope::Pairing), false;
    NODE_PAIR_REQUESTED = "node.pair.requested", Holders(Scope::Pairing), false;
    NODE_PAIR_RESOLVED = "node.pair.resolved", Holders(Scope::Pairing), false;
    NODE_INVOKE_REQUEST = "node.invoke.request", Targeted, false;
    NODE_INVOKE_PROGRESS = "node.invoke.progress", Targeted, true;
    NODE_INVOKE_INPUT = "node.invoke.input", Targeted, false;
    NODE_INVOKE_CANCEL = "node.invoke.cancel", Targeted, false;
    NODE_HOST_STATS = "node.hostStats", Holders(Scope::Read), true;
    EXEC_APPROVAL_REQUESTED = "exec.approval.requested", Holders(Scope::Approvals), false;
    EXEC_APPROVAL_RESOLVED = "exec.approval.resolved", Holders(Scope::Approvals), false;
    SESSION_APPROVAL = "session.approval", Holders(Scope::Approvals), false;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_names_are_unique_and_need_no_escaping() {
        let names: std::collections::BTreeSet<_> = ALL.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ALL.len());
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '.';
        assert!(ALL.iter().all(|row| row.name.chars().all(plain)));
    }
}
