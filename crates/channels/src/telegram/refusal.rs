//! What Telegram's refusals of a message mean (C-8.3). It tells them apart by their words alone.

use crate::SendError;

use super::api::ApiError;

/// Makes a failure of Telegram's words.
type Meaning = fn(String) -> SendError;

/// Words of a refusal, in lower case, and what they mean.
const MEANINGS: &[(&str, Meaning)] = &[
    ("can't parse entities", SendError::Format),
    ("can't find end", SendError::Format),
    ("unsupported start tag", SendError::Format),
    ("message is too long", |_| SendError::TooLong),
    ("message_too_long", |_| SendError::TooLong),
    ("caption is too long", |_| SendError::TooLong),
    ("caption_too_long", |_| SendError::TooLong),
    ("message thread not found", |_| SendError::ThreadGone),
    ("topic_deleted", |_| SendError::ThreadGone),
    ("message to be replied not found", |_| SendError::ReplyGone),
    ("replied message not found", |_| SendError::ReplyGone),
    ("message to reply not found", |_| SendError::ReplyGone),
    ("chat not found", SendError::NotFound),
    ("user not found", SendError::NotFound),
    ("peer_id_invalid", SendError::NotFound),
    ("message_id_invalid", SendError::NotFound),
    ("not found", SendError::NotFound),
    ("user is deactivated", SendError::Forbidden),
    ("not enough rights", SendError::Forbidden),
    ("have no rights", SendError::Forbidden),
    ("chat_write_forbidden", SendError::Forbidden),
    ("voice_messages_forbidden", SendError::Unsupported),
    ("file is too big", SendError::TooLarge),
    ("too large", SendError::TooLarge),
];

/// What a failed call means for something that was to be said.
pub(super) fn meaning(error: ApiError) -> SendError {
    if let ApiError::Refused { code: 400, description, .. } = &error {
        let words = description.to_lowercase();
        if let Some((_, meaning)) = MEANINGS.iter().find(|(known, _)| words.contains(known)) {
            return meaning(description.clone());
        }
    }
    error.into()
}

/// Whether an edit changes nothing, which is what was wanted.
pub(super) fn is_unchanged(error: &ApiError) -> bool {
    refuses_with(error, "message is not modified")
}

/// Whether what was to be taken away is not there.
pub(super) fn is_gone(error: &ApiError) -> bool {
    refuses_with(error, "message to delete not found")
}

fn refuses_with(error: &ApiError, words: &str) -> bool {
    matches!(error, ApiError::Refused { code: 400, description, .. } if description.to_lowercase().contains(words))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::telegram::api::Parameters;

    fn refused(code: u16, description: &str) -> ApiError {
        ApiError::Refused { code, description: description.into(), parameters: Parameters::default() }
    }

    /// C-8.3, C-8.4, C-8.5
    #[test]
    fn every_refusal_has_its_meaning() {
        let of = |code, text: &str| meaning(refused(code, text));
        let format = "Bad Request: can't parse entities: Unsupported start tag \"x\" at byte offset 4";
        assert!(matches!(of(400, format), SendError::Format(_)));
        assert_eq!(of(400, "Bad Request: message is too long"), SendError::TooLong);
        assert_eq!(of(400, "Bad Request: message caption is too long"), SendError::TooLong);
        assert_eq!(of(400, "Bad Request: message thread not found"), SendError::ThreadGone);
        assert_eq!(of(400, "Bad Request: message to be replied not found"), SendError::ReplyGone);
        assert!(matches!(of(400, "Bad Request: chat not found"), SendError::NotFound(_)));
        assert!(matches!(of(400, "Bad Request: message to edit not found"), SendError::NotFound(_)));
        assert!(matches!(of(400, "Bad Request: VOICE_MESSAGES_FORBIDDEN"), SendError::Unsupported(_)));
        assert!(matches!(of(403, "Forbidden: bot was blocked by the user"), SendError::Forbidden(_)));
        assert!(matches!(of(400, "Bad Request: something new"), SendError::Permanent(_)));
        assert_eq!(of(401, "Unauthorized"), SendError::Auth);
        assert!(matches!(of(502, "Bad Gateway"), SendError::Ambiguous(_)));
        let parameters = Parameters { retry_after: Some(2), ..Parameters::default() };
        let busy = ApiError::Refused { code: 429, description: "Too Many Requests".into(), parameters };
        assert!(
            matches!(meaning(busy), SendError::Retry { after: Some(after), .. } if after == Duration::from_secs(2))
        );
        assert!(matches!(meaning(ApiError::NotSent("x".into())), SendError::Retry { after: None, .. }));
        assert!(is_unchanged(&refused(400, "Bad Request: message is not modified: specified new message content")));
        assert!(is_gone(&refused(400, "Bad Request: message to delete not found")));
    }
}
