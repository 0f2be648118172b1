//! What a change of the config asks of a running daemon (CFG-8). Pure: two configs in, a verdict out.

use serde_json::Value;

use crate::path::Path;

/// What a change needs to take effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Restart {
    /// Nothing the daemon uses has changed.
    None,
    /// It applies to the running daemon.
    Live,
    /// The daemon must start again.
    Required,
}

/// Keys (with everything below them) that do not simply apply live; the longest match counts.
const RULES: &[(&str, Restart)] = &[
    ("$schema", Restart::None),
    ("meta", Restart::None),
    ("wizard", Restart::None),
    ("gateway.remote", Restart::None),
    ("bridge", Restart::Required),
    ("bridge.allowAdminMethods", Restart::Live),
    ("gateway.mode", Restart::Required),
    ("gateway.port", Restart::Required),
    ("gateway.bind", Restart::Required),
    ("gateway.customBindHost", Restart::Required),
    ("gateway.auth.mode", Restart::Required),
    ("gateway.tls", Restart::Required),
    ("gateway.tailscale", Restart::Required),
    ("gateway.controlUi.enabled", Restart::Required),
    ("gateway.controlUi.basePath", Restart::Required),
    ("gateway.controlUi.root", Restart::Required),
    ("gateway.http.endpoints", Restart::Required),
    ("discovery.wideArea", Restart::Required),
    ("logging.file", Restart::Required),
    ("env", Restart::Required),
    ("plugins", Restart::Required),
];

/// What going from `old` to `new` (both [`crate::Loaded::source`]) needs: the most that any changed key needs.
pub fn plan(old: &Value, new: &Value) -> Restart {
    changes(old, new).into_iter().map(|(_, restart)| restart).max().unwrap_or(Restart::None)
}

/// Every key that differs, with what it needs.
pub fn changes(old: &Value, new: &Value) -> Vec<(Path, Restart)> {
    let mut paths = Vec::new();
    differ(old, new, &Path::root(), &mut paths);
    let explicit = |config: &Value| config.pointer("/gateway/auth/mode").is_some();
    let steady = explicit(old) && explicit(new);
    paths
        .into_iter()
        .map(|path| {
            let needs = needed(&path.to_string(), steady);
            (path, needs)
        })
        .collect()
}

/// Secrets apply live when the mode is explicit and stays; otherwise a new secret may mean another mode (AUTH-1).
fn needed(path: &str, steady: bool) -> Restart {
    if matches!(path, "gateway.auth.token" | "gateway.auth.password") && !steady {
        return Restart::Required;
    }
    let below =
        |rule: &str| path.strip_prefix(rule).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
    RULES
        .iter()
        .filter(|(rule, _)| below(rule))
        .max_by_key(|(rule, _)| rule.len())
        .map_or(Restart::Live, |(_, needs)| *needs)
}

fn differ(old: &Value, new: &Value, path: &Path, out: &mut Vec<Path>) {
    match (old, new) {
        (Value::Object(before), Value::Object(after)) => {
            let empty = Value::Object(serde_json::Map::new());
            for (key, value) in before {
                let other = after.get(key).unwrap_or(if value.is_object() { &empty } else { &Value::Null });
                differ(value, other, &path.key(key), out);
            }
            for (key, value) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
                let other = if value.is_object() { &empty } else { &Value::Null };
                differ(other, value, &path.key(key), out);
            }
        }
        _ if old != new => out.push(path.clone()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// CFG-8
    #[test]
    fn policy_applies_live_and_listeners_need_a_restart() {
        let table = [
            (json!({"gateway":{"trustedProxies":["10.0.0.1"]}}), Restart::Live),
            (json!({"gateway":{"auth":{"rateLimit":{"maxAttempts":3}}}}), Restart::Live),
            (json!({"gateway":{"nodes":{"pairing":{"autoApproveLocal":false}}}}), Restart::Live),
            (json!({"discovery":{"mdns":{"mode":"full"}}}), Restart::Live),
            (json!({"bridge":{"allowAdminMethods":true}}), Restart::Live),
            (json!({"bridge":{"enabled":true}}), Restart::Required),
            (json!({"gateway":{"port":19000}}), Restart::Required),
            (json!({"gateway":{"bind":"lan"}}), Restart::Required),
            (json!({"gateway":{"tls":{"enabled":true}}}), Restart::Required),
            (json!({"gateway":{"tailscale":{"mode":"serve"}}}), Restart::Required),
            (json!({"gateway":{"auth":{"mode":"none"}}}), Restart::Required),
            (json!({"meta":{"lastTouchedAt":"x"}}), Restart::None),
            (json!({"gateway":{}}), Restart::None),
        ];
        for (new, wanted) in table {
            assert_eq!(plan(&json!({}), &new), wanted, "{new}");
            assert_eq!(plan(&new, &json!({})), wanted, "taking away {new}");
            assert_eq!(plan(&new, &new), Restart::None, "{new}");
        }
    }

    /// CFG-8
    #[test]
    fn a_new_secret_is_live_only_under_an_explicit_mode() {
        let with = |mode: Option<&str>, token: &str| {
            let mut auth = json!({"token": token});
            if let Some(mode) = mode {
                auth["mode"] = json!(mode);
            }
            json!({"gateway":{"auth":auth}})
        };
        assert_eq!(plan(&with(Some("token"), "a"), &with(Some("token"), "b")), Restart::Live);
        assert_eq!(plan(&with(None, "a"), &with(None, "b")), Restart::Required);
        assert_eq!(plan(&with(Some("password"), "a"), &with(Some("token"), "a")), Restart::Required);
    }
}
