//! What a log line must not show even when nobody registered it: values of fields named like secrets, user names and
//! passwords in URLs, and their query parameters named like secrets (LOG-2). Prose is left alone.

use std::borrow::Cow;

use crate::REDACTED;

/// Ends of names whose values are secret, spelled without `-` and `_`. Counts of tokens end in `tokens`.
const SECRET_ENDINGS: [&str; 10] = [
    "authorization",
    "token",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "apikey",
    "privatekey",
    "cookie",
    "credential",
];
/// What cannot stand in a URL as people and programs write one into a line.
const URL_ENDS: [char; 9] = [' ', '\t', '\n', '"', '\'', '\\', '<', '>', '`'];

/// Whether a field, header, variable or query parameter of this name holds a secret.
pub fn is_secret_name(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
    SECRET_ENDINGS.iter().any(|ending| plain.ends_with(ending))
}

/// A line of JSON with the string values of secret names replaced, however deep they stand; other text as it is.
pub(crate) fn fields(line: &str) -> Cow<'_, str> {
    if !line.starts_with('{') {
        return Cow::Borrowed(line);
    }
    let (mut clean, mut copied, mut at) = (String::new(), 0, 0);
    let mut hides = false;
    while let Some(open) = line[at..].find('"').map(|found| at + found) {
        let Some(close) = end_of_string(line, open + 1) else { break };
        let is_name = line[close + 1..].trim_start().starts_with(':');
        if hides && !is_name {
            clean.push_str(&line[copied..=open]);
            clean.push_str(REDACTED);
            copied = close;
        }
        // A number or an object after a secret name is no secret itself; what stands in it has names of its own.
        let value = line[close + 1..].trim_start().strip_prefix(':').map(str::trim_start);
        hides = is_name && is_secret_name(&line[open + 1..close]) && value.is_some_and(|v| v.starts_with('"'));
        at = close + 1;
    }
    if copied == 0 {
        return Cow::Borrowed(line);
    }
    clean.push_str(&line[copied..]);
    Cow::Owned(clean)
}

/// Where the string that begins at `from` has its closing quote.
fn end_of_string(line: &str, from: usize) -> Option<usize> {
    let mut escaped = false;
    line[from..]
        .bytes()
        .position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })
        .map(|length| from + length)
}

/// `text` with the userinfo and the secret query parameters of every URL replaced.
pub(crate) fn urls(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let (mut clean, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(scheme) = rest.find("://") {
        let (before, url) = rest.split_at(scheme + 3);
        let (url, after) = url.split_at(url.find(URL_ENDS).unwrap_or(url.len()));
        clean.push_str(before);
        without_secrets(url, &mut clean);
        rest = after;
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

/// Writes what follows a `://`.
fn without_secrets(url: &str, clean: &mut String) {
    let authority = url.find(['/', '?', '#']).unwrap_or(url.len());
    let begin = url[..authority].rfind('@').unwrap_or(0);
    if begin > 0 {
        clean.push_str(REDACTED);
    }
    for part in url[begin..].split_inclusive(['?', '&', '#', ';']) {
        match part.split_once('=') {
            Some((name, value)) if is_secret_name(name) => {
                clean.push_str(name);
                clean.push('=');
                clean.push_str(REDACTED);
                clean.extend(value.chars().next_back().filter(|last| matches!(last, '?' | '&' | '#' | ';')));
            }
            _ => clean.push_str(part),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// LOG-2
    #[test]
    fn names_of_secrets_are_known_in_every_spelling_and_counts_are_not() {
        for name in
            ["authorization", "Proxy-Authorization", "token", "device_token", "apiKey", "x-api-key", "Set-Cookie"]
        {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["gateway_password", "clientSecret", "passphrase", "private_key", "refreshToken"] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["inputTokens", "key", "monkey", "sessionKey", "author", "tokens", "message"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    /// LOG-2
    #[test]
    fn fields_named_like_secrets_lose_their_text_at_any_depth() {
        let line = r#"{"message":"a \"token\":\"in prose\"","token":"s1","n":{"Authorization":"Bearer \"s2\"","ok":"kept"},"inputTokens":5,"password":7}"#;
        let clean = fields(line);
        let value: serde_json::Value = serde_json::from_str(&clean).unwrap();
        assert_eq!((&value["token"], &value["n"]["Authorization"]), (&REDACTED.into(), &REDACTED.into()));
        assert_eq!((&value["n"]["ok"], &value["inputTokens"]), (&"kept".into(), &5.into()));
        assert_eq!(value["message"], r#"a "token":"in prose""#);
        assert_eq!(fields("token: abc, not JSON"), "token: abc, not JSON");
        assert_eq!(fields(r#"{"token":{"kind":"none"}}"#), r#"{"token":{"kind":"none"}}"#);
        for cut in 0..line.len() {
            if line.is_char_boundary(cut) {
                let _half_a_line_must_not_panic = fields(&line[..cut]);
            }
        }
    }

    /// LOG-2
    #[test]
    fn urls_lose_their_userinfo_and_secret_parameters() {
        let cases = [
            ("wss://ann:pw@host:1/x", format!("wss://{REDACTED}@host:1/x")),
            ("see http://t@h and http://h/@ann.", format!("see http://{REDACTED}@h and http://h/@ann.")),
            ("http://h/?a=1&token=s&b=2", format!("http://h/?a=1&token={REDACTED}&b=2")),
            ("\"http://h/#password=s\" x", format!("\"http://h/#password={REDACTED}\" x")),
            ("mail ann@host about a://", "mail ann@host about a://".to_owned()),
        ];
        for (text, clean) in cases {
            assert_eq!(urls(text), clean);
        }
    }
}
