//! Who may come in: mode, secrets and their strength, and the limits of guessing.

use base::{Env, Secret};
use config::AuthMode;

use super::{Check, Finding, Severity, Subject};

pub(super) const CHECKS: &[Check] = &[no_auth, no_rate_limit, weak_secrets, placeholder_secrets, container_bind];

/// Commands read the same secrets as the Gateway does.
pub(super) const OF_THE_MACHINE: &[Check] = &[environment_overridden];

/// Shorter than this can be guessed by somebody patient.
const SHORTEST_SECRET: usize = 24;

/// Makes a token and never puts it on a command line: `printf` belongs to the shell.
const NEW_TOKEN: &str = "printf '{gateway:{auth:{mode:\"token\",token:\"%s\"}}}' \"$(openssl rand -hex 24)\" | \
                         openclaw config patch --stdin";

/// Words of public examples that are no secrets (START-3).
const PLACEHOLDERS: [&str; 3] = ["change-me-to-a-long-random-token", "change-me-now", "change-me-to-a-strong-password"];

fn no_auth(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(auth) = &subject.auth else { return Vec::new() };
    let has_secret = auth.selected().is_some();
    let open = match auth.mode {
        AuthMode::None => true,
        AuthMode::Token | AuthMode::Password => !has_secret,
        AuthMode::TrustedProxy => false,
    };
    let mend = NEW_TOKEN;
    if open && subject.is_exposed() {
        let detail = "The Gateway would listen beyond this machine and nobody would be asked for a secret.";
        let finding =
            Finding::new("gateway.bind_no_auth", Severity::Critical, "Exposed without authentication", detail);
        return vec![finding.mend(mend)];
    }
    if auth.mode == AuthMode::None && subject.config.gateway.control_ui.enabled {
        let detail = "Every program and every user of this machine can control the agent through loopback.";
        let finding =
            Finding::new("gateway.loopback_no_auth", Severity::Critical, "Loopback without authentication", detail);
        return vec![finding.mend(mend)];
    }
    Vec::new()
}

fn no_rate_limit(subject: &Subject<'_>) -> Vec<Finding> {
    let proxied = subject.auth.as_ref().is_some_and(|auth| auth.mode == AuthMode::TrustedProxy);
    if !subject.is_exposed() || proxied || subject.has("/gateway/auth/rateLimit") {
        return Vec::new();
    }
    let detail = "gateway.auth.rateLimit is not set. The defaults apply: ten wrong secrets a minute lock an address \
                  out for five minutes.";
    let finding = Finding::new("gateway.auth_no_rate_limit", Severity::Warn, "No rate limit of your own", detail);
    vec![finding.mend("openclaw config set gateway.auth.rateLimit.maxAttempts 10")]
}

fn weak_secrets(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(auth) = &subject.auth else { return Vec::new() };
    let short = |secret: &Secret| secret.expose().chars().count() < SHORTEST_SECRET;
    let rows = [
        (AuthMode::Token, &auth.token, "gateway.token_too_short", "token"),
        (AuthMode::Password, &auth.password, "gateway.password_too_short", "password"),
    ];
    let weak = rows.into_iter().filter(|(mode, secret, ..)| {
        auth.mode == *mode && secret.as_ref().is_some_and(|sourced| short(&sourced.secret))
    });
    weak.map(|(_, _, id, word)| {
        let detail = format!("The Gateway's {word} has fewer than {SHORTEST_SECRET} characters.");
        Finding::new(id, Severity::Warn, format!("Short {word}"), detail)
            .mend(format!("set gateway.auth.{word} to a long random value, such as `openssl rand -hex 24` prints"))
    })
    .collect()
}

fn placeholder_secrets(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(auth) = &subject.auth else { return Vec::new() };
    let rows = [
        (&auth.token, "gateway.token_placeholder_value", "token"),
        (&auth.password, "gateway.password_placeholder_value", "password"),
    ];
    let public = rows.into_iter().filter(|(secret, ..)| {
        secret.as_ref().is_some_and(|sourced| PLACEHOLDERS.iter().any(|word| sourced.secret.matches(word)))
    });
    public
        .map(|(_, id, word)| {
            let detail = format!("The Gateway's {word} is one that stands in public examples; everybody knows it.");
            Finding::new(id, Severity::Critical, format!("The {word} is a placeholder"), detail).mend(NEW_TOKEN)
        })
        .collect()
}

/// ENV-2, ENV-5: two different secrets of one kind, whichever wins, are a mismatch waiting to be met.
fn environment_overridden(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(auth) = &subject.auth else { return Vec::new() };
    let contested = |sourced: &Option<config::Sourced>| sourced.as_ref().is_some_and(|sourced| sourced.contested);
    let mut details = Vec::new();
    if contested(&auth.token) {
        details.push("gateway.auth.token and OPENCLAW_GATEWAY_TOKEN differ; the config wins".to_owned());
    }
    if contested(&auth.password) {
        details.push("gateway.auth.password and OPENCLAW_GATEWAY_PASSWORD differ; the config wins".to_owned());
    }
    for name in ["GATEWAY_TOKEN", "GATEWAY_PASSWORD"] {
        details.extend(legacy_contradicts(subject.env, name));
    }
    let finding = |detail: String| {
        Finding::new("gateway.env_token_overrides_config", Severity::Warn, "Two different secrets", detail)
            .mend("keep one of the two and remove the other")
    };
    details.into_iter().map(finding).collect()
}

/// A legacy variable that holds another secret than the current one.
fn legacy_contradicts(env: &Env, name: &str) -> Option<String> {
    let current = env.raw(&format!("OPENCLAW_{name}")).filter(|value| !value.trim().is_empty())?;
    let old = ["MOLTBOT", "CLAWDBOT"].into_iter().map(|prefix| format!("{prefix}_{name}"));
    let other = old.into_iter().find(|old| {
        env.raw(old).is_some_and(|value| !value.trim().is_empty() && !Secret::new(value).matches(&current))
    })?;
    Some(format!("OPENCLAW_{name} and the legacy {other} differ; the first wins"))
}

fn container_bind(subject: &Subject<'_>) -> Vec<Finding> {
    let overrides = &subject.overrides;
    let guessed = overrides.bind.or(subject.config.gateway.bind).is_none()
        && config::effective_bind(subject.config, overrides) == config::Bind::Auto;
    if !guessed {
        return Vec::new();
    }
    let detail = "gateway.bind is not set and this is a container, so the Gateway listens on every address.";
    let finding =
        Finding::new("gateway.container_wildcard_bind", Severity::Warn, "Bound widely by container detection", detail);
    vec![finding.mend("openclaw config set gateway.bind loopback   (or `lan`, to mean it)")]
}
