//! What nodes may be asked to do, and who is paired without being asked (N-4, PAIR-4).

use std::collections::BTreeSet;

use wire::methods::node::DANGEROUS_COMMANDS;

use super::pages::worse_when_exposed;
use super::{Check, Finding, Severity, Subject};

pub(super) const CHECKS: &[Check] = &[dangerous_commands, ineffective_denials, shared_host];

fn lists<'a>(current: &'a [String], january: &'a [String]) -> BTreeSet<&'a str> {
    current.iter().chain(january).map(|command| command.trim()).filter(|command| !command.is_empty()).collect()
}

fn dangerous_commands(subject: &Subject<'_>) -> Vec<Finding> {
    let nodes = &subject.config.gateway.nodes;
    let denied = lists(&nodes.commands.deny, &nodes.deny_commands);
    let allowed = lists(&nodes.commands.allow, &nodes.allow_commands);
    let dangerous: Vec<&str> = allowed
        .into_iter()
        .filter(|command| DANGEROUS_COMMANDS.contains(command) && !denied.contains(command))
        .collect();
    if dangerous.is_empty() {
        return Vec::new();
    }
    let detail = format!("Every paired node that offers them may be asked for: {}.", dangerous.join(", "));
    let id = "gateway.nodes.allow_commands_dangerous";
    vec![
        Finding::new(id, worse_when_exposed(subject), "Dangerous node commands are allowed", detail)
            .mend("openclaw config unset gateway.nodes.commands.allow"),
    ]
}

/// Denials are exact names; a pattern or a shell word denies nothing.
fn ineffective_denials(subject: &Subject<'_>) -> Vec<Finding> {
    let nodes = &subject.config.gateway.nodes;
    let denied = lists(&nodes.commands.deny, &nodes.deny_commands);
    let is_exact = |name: &&str| name.contains('.') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
    let idle: Vec<&str> = denied.into_iter().filter(|name| !is_exact(name)).collect();
    if idle.is_empty() {
        return Vec::new();
    }
    let detail =
        format!("Denials are exact command names such as `system.run`; these match none: {}.", idle.join(", "));
    let id = "gateway.nodes.deny_commands_ineffective";
    vec![Finding::new(id, Severity::Warn, "Denials without effect", detail)]
}

fn shared_host(subject: &Subject<'_>) -> Vec<Finding> {
    if !subject.config.gateway.nodes.pairing.auto_approve_local {
        return Vec::new();
    }
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let others = login_users(&accounts, subject.env.raw("USER").as_deref());
    if others.is_empty() {
        return Vec::new();
    }
    let detail = format!(
        "Clients of this machine pair silently (gateway.nodes.pairing.autoApproveLocal), and others can log in: {}.",
        others.join(", ")
    );
    let id = "gateway.auto_approve_local_shared_host";
    vec![
        Finding::new(id, Severity::Warn, "Others can log in here", detail)
            .mend("openclaw config set gateway.nodes.pairing.autoApproveLocal false"),
    ]
}

/// Accounts of people, besides `me`: a login shell and a user id people get.
fn login_users(accounts: &str, me: Option<&str>) -> Vec<String> {
    let person = |line: &&str| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, _, _, _, shell] = fields[..] else { return false };
        let uid: u32 = uid.parse().unwrap_or(0);
        let shell = shell.rsplit('/').next().unwrap_or_default();
        (1000..60_000).contains(&uid) && !matches!(shell, "nologin" | "false" | "sync" | "") && Some(name) != me
    };
    accounts.lines().filter(person).filter_map(|line| line.split(':').next()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_from_daemons_and_from_me() {
        let accounts = "root:x:0:0:root:/root:/bin/bash\nme:x:1000:1000::/home/me:/bin/bash\n\
            eve:x:1001:1001::/home/eve:/bin/zsh\nnobody:x:65534:65534::/:/usr/sbin/nologin\n\
            git:x:1002:1002::/srv/git:/usr/sbin/nologin\nbroken line\n";
        assert_eq!(login_users(accounts, Some("me")), ["eve"]);
        assert_eq!(login_users("", None), Vec::<String>::new());
    }
}
