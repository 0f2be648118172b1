//! Where secrets are kept, and switches whose names warn of themselves.

use config::AuthMode;
use serde_json::Value;

use super::{Check, Finding, Severity, Subject};

pub(super) const CHECKS: &[Check] = &[password_in_config, dangerous_flags];

/// A token is random and belongs in the file; a password is something a person uses elsewhere too.
fn password_in_config(subject: &Subject<'_>) -> Vec<Finding> {
    let written = subject.written.pointer("/gateway/auth/password").is_some_and(Value::is_string);
    let counts = subject.auth.as_ref().is_some_and(|auth| auth.mode == AuthMode::Password);
    if !(written && counts) {
        return Vec::new();
    }
    let detail = "gateway.auth.password stands in the config file in plain text.";
    let id = "config.secrets.gateway_password_in_config";
    vec![
        Finding::new(id, Severity::Warn, "The password is in the config", detail)
            .mend("use a reference: openclaw config set gateway.auth.password '{source:\"env\",id:\"NAME\"}'"),
    ]
}

fn dangerous_flags(subject: &Subject<'_>) -> Vec<Finding> {
    let mut on = Vec::new();
    collect(subject.written, String::new(), &mut on);
    let flag = |path: String| {
        let id = "config.insecure_or_dangerous_flags";
        Finding::new(id, Severity::Warn, "A dangerous switch is on", format!("{path} is true."))
            .mend(format!("openclaw config unset {path}"))
    };
    on.into_iter().map(flag).collect()
}

/// Every switch that is on and is called dangerous or insecure.
fn collect(value: &Value, path: String, on: &mut Vec<String>) {
    let Value::Object(keys) = value else { return };
    for (key, value) in keys {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let warns = key.starts_with("dangerously") || key.contains("Insecure") || key.starts_with("insecure");
        if warns && value == &Value::Bool(true) {
            on.push(path);
        } else {
            collect(value, path, on);
        }
    }
}
