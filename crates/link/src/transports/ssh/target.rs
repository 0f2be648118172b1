//! `user@host[:port]` (SSH-1): what a person writes, taken apart and checked before any program sees it.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use base::{Code, Explain, Kind, Step};

/// The port of SSH when none is named.
pub const SSH_PORT: u16 = 22;
/// What a shell would act on; users' own `ProxyCommand` lines hand the host to one. OpenSSH refuses the same set.
const SHELL_WORDS: &[char] =
    &['\'', '`', '"', '$', '\\', ';', '&', '<', '>', '|', '(', ')', '{', '}', '*', '?', '!', '#', '~'];

/// An SSH host and how to log in there. The host may be an alias of the user's `~/.ssh/config`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SshTarget {
    user: Option<String>,
    host: String,
    port: Option<u16>,
}

impl SshTarget {
    /// Reads `[user@]host[:port]`, with an optional leading `ssh ` or `ssh://`; IPv6 with or without brackets.
    ///
    /// # Errors
    /// [`SshTargetError`] for what is empty, could be taken for an option or by a shell, or has no usable port.
    pub fn parse(text: &str) -> Result<Self, SshTargetError> {
        let written = text.trim();
        let bad = |reason: &'static str| SshTargetError { written: shown(written), reason };
        let rest = written.strip_prefix("ssh ").map_or(written, str::trim_start);
        let rest = match rest.strip_prefix("ssh://") {
            Some(rest) => rest.strip_suffix('/').unwrap_or(rest),
            None => rest,
        };
        if rest.is_empty() {
            return Err(bad("it names no host"));
        }
        if rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(bad("it has a space in it"));
        }
        let (user, place) = match rest.split_once('@') {
            Some((user, place)) => (Some(check_user(user).map_err(bad)?), place),
            None => (None, rest),
        };
        let (host, port) = split_port(place).map_err(bad)?;
        check_host(host).map_err(bad)?;
        Ok(Self { user: user.map(str::to_owned), host: host.to_owned(), port })
    }

    /// The user, when one was named; otherwise the user's SSH configuration says.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The host or alias, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port that was named; otherwise the user's SSH configuration says.
    pub const fn named_port(&self) -> Option<u16> {
        self.port
    }

    /// The port, 22 when none was named.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(SSH_PORT)
    }

    /// `[user@]host`, as `ssh` takes it behind `--`.
    pub fn login(&self) -> String {
        match &self.user {
            Some(user) => format!("{user}@{}", self.host),
            None => self.host.clone(),
        }
    }

    /// `user@host:port` with every part that is known.
    pub fn whole(&self) -> String {
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        format!("{user}{}:{}", bracketed(&self.host), self.port())
    }

    /// The same host with what the user's configuration fills in.
    #[must_use]
    pub(crate) fn filled(&self, user: Option<String>, host: Option<String>, port: Option<u16>) -> Self {
        let host = host.filter(|host| check_host(host).is_ok()).unwrap_or_else(|| self.host.clone());
        Self { user: user.or_else(|| self.user.clone()), host, port: port.or(self.port) }
    }
}

/// As it is written: `user@host[:port]`.
impl fmt::Display for SshTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.port {
            Some(port) => write!(f, "{}:{port}", bracketed(&self.host)),
            None => f.write_str(&self.host),
        }
    }
}

impl FromStr for SshTarget {
    type Err = SshTargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// The host and its port: `[v6]:port`, a bare IPv6 literal, or split at the last `:`.
fn split_port(place: &str) -> Result<(&str, Option<u16>), &'static str> {
    if let Some(rest) = place.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or("its `[` is not closed")?;
        if !is_v6(host) {
            return Err("only an IPv6 address stands in brackets");
        }
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(parse_port(port)?))),
            None if after.is_empty() => Ok((host, None)),
            None => Err("after `]` only `:port` may follow"),
        };
    }
    if is_v6(place) {
        return Ok((place, None));
    }
    match place.rsplit_once(':') {
        Some((host, port)) => Ok((host, Some(parse_port(port)?))),
        None => Ok((place, None)),
    }
}

/// An IPv6 literal, with or without a zone (`fe80::1%eth0`).
fn is_v6(text: &str) -> bool {
    text.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

fn parse_port(text: &str) -> Result<u16, &'static str> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = digits.then(|| text.parse().ok()).flatten().filter(|port| *port != 0);
    port.ok_or("its port is not a number from 1 to 65535")
}

fn check_user(user: &str) -> Result<&str, &'static str> {
    if user.is_empty() {
        return Err("nothing stands before `@`");
    }
    if user.starts_with('-') {
        return Err("a user cannot begin with `-`");
    }
    // A backslash is part of a Windows domain user, and no shell of OpenSSH's sees the user unquoted.
    if user.contains(|c: char| c != '\\' && SHELL_WORDS.contains(&c)) {
        return Err("its user has a character that a shell would act on");
    }
    Ok(user)
}

fn check_host(host: &str) -> Result<(), &'static str> {
    if host.is_empty() {
        return Err("it names no host");
    }
    if host.starts_with('-') {
        return Err("a host cannot begin with `-`");
    }
    if host.contains('@') {
        return Err("a host has no `@`");
    }
    if host.contains(':') && !is_v6(host) {
        return Err("its host has a `:` and is no IPv6 address");
    }
    if host.contains(|c: char| c.is_whitespace() || c.is_control() || SHELL_WORDS.contains(&c)) {
        return Err("its host has a character that no host has");
    }
    Ok(())
}

/// For an error: without what cannot be printed, and not longer than a line.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}

/// Text that names no SSH host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{written}` is not an SSH target: {reason}")]
pub struct SshTargetError {
    written: String,
    reason: &'static str,
}

impl Explain for SshTargetError {
    fn code(&self) -> Code {
        Code("BAD_SSH_TARGET")
    }

    fn kind(&self) -> Kind {
        Kind::Usage
    }

    fn next(&self) -> Vec<Step> {
        vec![Step::advise("give user@host, user@host:port, or a Host of your ~/.ssh/config")]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> Option<(Option<String>, String, Option<u16>)> {
        let target = SshTarget::parse(text).ok()?;
        Some((target.user.clone(), target.host.clone(), target.port))
    }

    /// SSH-1
    #[test]
    fn a_target_is_user_host_and_port() {
        let cases = [
            ("me@host", Some("me"), "host", None),
            ("host", None, "host", None),
            ("ssh me@host:2222", Some("me"), "host", Some(2222)),
            ("  ssh   me@host ", Some("me"), "host", None),
            ("ssh://me@host:22/", Some("me"), "host", Some(22)),
            ("ssh://host", None, "host", None),
            ("me@[2001:db8::1]:2200", Some("me"), "2001:db8::1", Some(2200)),
            ("[::1]", None, "::1", None),
            ("me@2001:db8::1", Some("me"), "2001:db8::1", None),
            ("fe80::1%eth0", None, "fe80::1%eth0", None),
            ("DOM\\me@studio.local", Some("DOM\\me"), "studio.local", None),
            ("my_alias-2", None, "my_alias-2", None),
            ("me@host:65535", Some("me"), "host", Some(65535)),
        ];
        for (text, user, host, port) in cases {
            assert_eq!(parts(text), Some((user.map(str::to_owned), host.to_owned(), port)), "{text}");
        }
    }

    /// SSH-1
    #[test]
    fn what_could_be_an_option_a_command_or_nothing_is_refused() {
        let bad = [
            "",
            " ",
            "ssh://",
            "@host",
            "me@",
            "me@@host",
            "a@b@c",
            "-oProxyCommand=x",
            "me@-host",
            "-me@host",
            "me@ho st",
            "me@host\n",
            "me@ho\u{7}st",
            "host:",
            ":22",
            "me@:22",
            "host:0",
            "host:65536",
            "host:x",
            "host:+1",
            "host:-1",
            "a:b:22",
            "[::1",
            "[host]:22",
            "[::1]x",
            "[::1]:",
            "me@$(id)",
            "me@a;b",
            "`id`@host",
            "me@host|x",
            "ssh ssh me@host",
        ];
        for text in bad {
            // Outer space is nobody's mistake; a line break inside is.
            if text == "me@host\n" {
                assert!(SshTarget::parse(text).is_ok());
                continue;
            }
            let error = SshTarget::parse(text).expect_err(text);
            assert_eq!(error.kind().exit_code(), 2, "{text}");
            assert!(!error.to_string().contains('\u{7}'));
        }
    }

    #[test]
    fn it_is_shown_as_it_is_written() {
        for text in ["me@host", "me@host:22", "[::1]:2200", "2001:db8::1", "host"] {
            assert_eq!(SshTarget::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(SshTarget::parse("me@::1").unwrap().whole(), "me@[::1]:22");
    }

    proptest! {
        /// SSH-1: whatever is taken has no part that `ssh` could take for an option, and reads back as itself.
        #[test]
        fn a_taken_target_is_safe_and_reads_back(text in "(ssh |ssh://)?[-a-z@:.\\[\\]0-9 $\\n]{0,24}") {
            if let Ok(target) = SshTarget::parse(&text) {
                prop_assert!(!target.login().starts_with('-') && !target.host().starts_with('-'));
                let whole = format!("{}{}", target.login(), target.host());
                prop_assert!(!whole.contains(char::is_whitespace) && !whole.contains('$'));
                prop_assert_eq!(SshTarget::parse(&target.to_string()), Ok(target));
            }
        }
    }
}
