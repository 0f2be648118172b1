//! The shared secret: one token or password for everyone who may come in (AUTH-2, AUTH-3).

use wire::connect::{AuthMethod, ConnectAuth, Credential};

use super::policy::Shared;
use super::refusal::Reason;

/// What the credentials of a `connect` prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The secret was right, or none is asked for.
    Valid(AuthMethod),
    /// No secret was given; this does not count as a failed attempt.
    Missing(Reason),
    /// It was wrong.
    Wrong(Reason),
}

/// Compares what was given with what counts. The field named like the mode is looked at first, then the other.
pub(crate) fn check(shared: &Shared, auth: Option<&ConnectAuth>) -> Proof {
    let (secret, missing, wrong) = match shared {
        Shared::None => return Proof::Valid(AuthMethod::None),
        Shared::Token(secret) => (secret, Reason::TokenMissing, Reason::TokenMismatch),
        Shared::Password(secret) => (secret, Reason::PasswordMissing, Reason::PasswordMismatch),
        // Direct local callers only; whoever comes through the proxy is judged before this (PROXY-2).
        Shared::TrustedProxy(Some(secret)) => (secret, Reason::PasswordMissing, Reason::PasswordMismatch),
        Shared::TrustedProxy(None) => return Proof::Missing(Reason::Unauthorized),
    };
    let token = auth.and_then(|auth| auth.token.as_ref());
    let password = auth.and_then(|auth| auth.password.as_ref());
    let mut given = [token, password].into_iter().flatten().map(Credential::as_str).filter(|text| !text.is_empty());
    // No early exit: which of the two was right must not show in the time it takes.
    let (tried, matched) =
        given.by_ref().fold((false, false), |(_, matched), text| (true, secret.matches(text) | matched));
    match (tried, matched) {
        (_, true) if matches!(shared, Shared::TrustedProxy(_)) => Proof::Valid(AuthMethod::Password),
        (_, true) => Proof::Valid(shared.method()),
        (true, false) => Proof::Wrong(wrong),
        (false, false) => Proof::Missing(missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Secret;

    fn given(token: Option<&str>, password: Option<&str>) -> ConnectAuth {
        let credential = |text: &str| Credential::new(text);
        ConnectAuth { token: token.map(credential), password: password.map(credential), ..ConnectAuth::default() }
    }

    /// AUTH-2
    #[test]
    fn the_secret_may_stand_in_either_field() {
        let token = Shared::Token(Secret::new("right"));
        let valid = Proof::Valid(AuthMethod::Token);
        assert_eq!(check(&token, Some(&given(Some("right"), None))), valid);
        assert_eq!(check(&token, Some(&given(None, Some("right")))), valid);
        assert_eq!(check(&token, Some(&given(Some("wrong"), Some("right")))), valid);
        assert_eq!(check(&token, Some(&given(Some("wrong"), None))), Proof::Wrong(Reason::TokenMismatch));
        let password = Shared::Password(Secret::new("right"));
        assert_eq!(check(&password, Some(&given(Some("right"), None))), Proof::Valid(AuthMethod::Password));
        assert_eq!(check(&password, Some(&given(None, Some("w")))), Proof::Wrong(Reason::PasswordMismatch));
    }

    /// AUTH-5
    #[test]
    fn nothing_and_blank_are_missing_not_wrong() {
        let token = Shared::Token(Secret::new("right"));
        assert_eq!(check(&token, None), Proof::Missing(Reason::TokenMissing));
        assert_eq!(check(&token, Some(&given(Some(""), Some("")))), Proof::Missing(Reason::TokenMissing));
        assert_eq!(check(&Shared::None, Some(&given(Some("x"), None))), Proof::Valid(AuthMethod::None));
    }
}
