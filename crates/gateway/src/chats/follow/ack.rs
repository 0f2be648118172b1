//! Which messages are acknowledged by a reaction, and with what (C-10.4). Pure.

use config::Messages;
use serde_json::Value;

/// The reaction when nobody chose one.
const SEEN: &str = "👀";

/// The reaction to a message that came with `context`; `own` is the account's choice.
pub(crate) fn emoji(messages: &Messages, own: Option<&str>, context: &Value, is_group: bool) -> Option<String> {
    let wanted = match messages.ack_reaction_scope.as_deref() {
        Some("all") => true,
        Some("direct") => !is_group,
        Some("group-all") => is_group,
        Some("off" | "none") => false,
        _ => is_group && context["mentionsUs"] == true,
    };
    let emoji = own.unwrap_or(SEEN).trim();
    (wanted && !emoji.is_empty()).then(|| emoji.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// C-10.4
    #[test]
    fn by_default_only_what_is_for_us_in_a_group_is_acknowledged() {
        let (ours, other) = (json!({"mentionsUs": true}), json!({"mentionsUs": false}));
        let usual = Messages::default();
        assert_eq!(emoji(&usual, None, &ours, true).as_deref(), Some(SEEN));
        assert_eq!(emoji(&usual, Some("👍"), &ours, true).as_deref(), Some("👍"));
        assert_eq!(emoji(&usual, Some(""), &ours, true), None);
        assert_eq!(emoji(&usual, None, &other, true), None);
        assert_eq!(emoji(&usual, None, &ours, false), None);
        let scope = |scope: &str| Messages { ack_reaction_scope: Some(scope.into()), ..Messages::default() };
        assert!(emoji(&scope("all"), None, &other, false).is_some());
        assert!(emoji(&scope("direct"), None, &other, true).is_none());
        assert!(emoji(&scope("group-all"), None, &other, true).is_some());
        assert!(emoji(&scope("off"), None, &ours, true).is_none());
    }
}
