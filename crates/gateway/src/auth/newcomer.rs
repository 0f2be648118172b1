//! What a setup code hands over beside a node's own token (N-3.7): for an app with a person in front of it one operator
//! token, which chats and decides about approvals, and never administers or lets others in.

use wire::ScopeSet;
use wire::connect::ClientInfo;

/// What an app may do as an operator.
const OF_AN_APP: [&str; 4] = ["operator.approvals", "operator.read", "operator.talk.secrets", "operator.write"];
/// What a thing one talks to may do.
const OF_A_VOICE: [&str; 2] = ["operator.read", "operator.talk"];
/// A machine that only offers commands.
const HEADLESS: &str = "node-host";

/// How much a setup code hands over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Access {
    /// An operator token to apps; a headless node gets none.
    #[default]
    Limited,
    /// A token for talking to whoever comes.
    VoiceNode,
    /// Nothing more.
    Node,
}

impl Access {
    /// `bootstrapProfile` of `device.pair.setupCode`.
    pub(crate) fn parse(profile: &str) -> Option<Self> {
        match profile {
            "limited" => Some(Self::Limited),
            "voice-node" => Some(Self::VoiceNode),
            "node" => Some(Self::Node),
            _ => None,
        }
    }

    /// `access` of its answer.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Limited | Self::VoiceNode => "limited",
            Self::Node => "node",
        }
    }

    /// The scopes of the operator token for `client`; `None` when it gets none.
    pub(crate) fn operator(self, client: &ClientInfo) -> Option<ScopeSet> {
        match self {
            Self::Limited if client.id != HEADLESS => Some(ScopeSet::new(OF_AN_APP)),
            Self::VoiceNode => Some(ScopeSet::new(OF_A_VOICE)),
            Self::Limited | Self::Node => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::Scope;

    use super::*;

    /// N-3.7
    #[test]
    fn an_app_becomes_a_bounded_operator_and_a_headless_node_none() {
        let client = |id: &str| ClientInfo { id: id.into(), ..ClientInfo::default() };
        let phone = Access::Limited.operator(&client("openclaw-ios")).unwrap();
        for scope in [Scope::Read, Scope::Write, Scope::Approvals, Scope::TalkSecrets] {
            assert!(phone.allows(scope), "{scope:?}");
        }
        let speaker = Access::VoiceNode.operator(&client(HEADLESS)).unwrap();
        for scopes in [&phone, &speaker] {
            assert!(!scopes.allows(Scope::Admin) && !scopes.allows(Scope::Pairing));
        }
        assert!(!speaker.allows(Scope::Write));
        assert_eq!(Access::Limited.operator(&client(HEADLESS)), None);
        assert_eq!(Access::Node.operator(&client("openclaw-ios")), None);
    }
}
