//! Which commands a node may be asked for (N-4): what its kind of device may do by default, what an operator's approval
//! and the config add, and what the config takes away. Pure; asked again for every call.

use std::collections::BTreeSet;

use config::Config;
use serde_json::json;
use wire::ErrorShape;
use wire::methods::node::{DANGEROUS_COMMANDS, LIST_DIR_COMMAND, Surface, UPLOAD_COMMAND};

use super::platform::Platform;

/// What an agent may do on a device of each kind without the config saying so (N-4.3).
const IOS: &[&str] = &[
    "camera.list",
    "location.get",
    "device.info",
    "device.status",
    "contacts.search",
    "calendar.events",
    "reminders.list",
    "photos.latest",
    "motion.activity",
    "motion.pedometer",
    "system.notify",
    "watch.status",
    "watch.notify",
];
const WATCHOS: &[&str] = &["device.info", "device.status", "system.notify"];
const ANDROID: &[&str] = &[
    "camera.list",
    "location.get",
    "notifications.list",
    "notifications.actions",
    "system.notify",
    "device.info",
    "device.status",
    "device.permissions",
    "device.health",
    "device.apps",
    "contacts.search",
    "calendar.events",
    "callLog.search",
    "reminders.list",
    "photos.latest",
    "motion.activity",
    "motion.pedometer",
    "mobile.ui.observe",
    "mobile.ui.act",
];
const MACOS: &[&str] = &[
    "camera.list",
    "camera.ptz.status",
    "location.get",
    "device.info",
    "device.status",
    "device.apps",
    "contacts.search",
    "calendar.events",
    "reminders.list",
    "photos.latest",
    "motion.activity",
    "motion.pedometer",
    "system.notify",
    "computer.act",
    "canvas.present",
    "canvas.hide",
    "canvas.navigate",
];
const WINDOWS: &[&str] =
    &["camera.list", "location.get", "device.info", "device.status", "system.notify", "computer.act"];
const LINUX: &[&str] = &["system.notify", "computer.act"];
const UNKNOWN: &[&str] = &["camera.list", "location.get", "system.notify"];
/// On desktops, once a person has approved them (N-4.4).
const DESKTOP: &[&str] = &[
    "system.run.prepare",
    "system.run",
    "system.which",
    "system.execApprovals.get",
    "system.execApprovals.set",
    LIST_DIR_COMMAND,
    UPLOAD_COMMAND,
    "browser.proxy",
    "browser.proxy.upload.v1",
    "mcp.tools.call.v1",
    "agent.cli.claude.run.v1",
    "screen.snapshot",
    "desktop.stream",
];
/// On any device that can talk (N-4.6).
const TALK: &[&str] = &["talk.ptt.start", "talk.ptt.stop", "talk.ptt.cancel", "talk.ptt.once"];
/// Commands that only an administrator may approve (N-3.16) or call (N-4.10).
const ADMIN_TO_APPROVE: &[&str] = &[
    "system.run",
    "system.run.prepare",
    "system.which",
    "browser.proxy",
    "browser.proxy.upload.v1",
    LIST_DIR_COMMAND,
    "system.execApprovals.get",
    "system.execApprovals.set",
];
const ADMIN_TO_CALL: &[&str] = &["browser.proxy", "browser.proxy.upload.v1", LIST_DIR_COMMAND, UPLOAD_COMMAND];
/// A family whose commands are all withheld is not shown either (N-4.8).
const FAMILIES: &[&str] = &["camera", "computer", "location", "screen"];

/// The config's part of the policy.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    allow: BTreeSet<String>,
    deny: BTreeSet<String>,
}

/// Why a command may not be used (N-4.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Withheld {
    /// No command was named.
    Blank,
    /// The config takes it away.
    Denied,
    /// It needs the config's own word.
    Dangerous,
    /// Not for this kind of device.
    NotForPlatform,
    /// A person has not approved it.
    NotApproved,
    /// The node does not offer it.
    NotDeclared,
    /// The node offers nothing.
    NothingDeclared,
}

/// Whether approving `surface` takes an administrator (N-3.16).
pub(crate) fn approving_takes_admin(surface: &Surface) -> bool {
    surface.commands.iter().any(|command| ADMIN_TO_APPROVE.contains(&command.as_str()))
}

/// Whether calling `command` takes an administrator (N-4.10).
pub fn calling_takes_admin(command: &str) -> bool {
    ADMIN_TO_CALL.contains(&command)
}

impl Policy {
    /// What the config says, January's names included.
    pub(super) fn of(config: &Config) -> Self {
        let nodes = &config.gateway.nodes;
        let names = |lists: [&Vec<String>; 2]| {
            let names = lists.into_iter().flatten().map(|name| name.trim().to_owned());
            names.filter(|name| !name.is_empty()).collect()
        };
        Self {
            allow: names([&nodes.commands.allow, &nodes.allow_commands]),
            deny: names([&nodes.commands.deny, &nodes.deny_commands]),
        }
    }

    /// What of `declared` a person may be asked to approve: nothing that could never be used (N-3.10). Dangerous
    /// commands may be approved; only calling them waits for the config.
    pub(crate) fn ceiling(&self, platform: Platform, declared: &Surface) -> Surface {
        let may = |command: &String| {
            !self.deny.contains(command)
                && (DANGEROUS_COMMANDS.contains(&command.as_str()) || self.is_listed(platform, declared, command))
        };
        let commands = declared.commands.iter().filter(|command| may(command)).cloned().collect();
        pruned(Surface { commands, ..declared.clone() }, declared)
    }

    /// What of a node may be used now: declared, approved and allowed (N-1.2).
    pub(crate) fn effective(&self, platform: Platform, declared: &Surface, approved: Option<&Surface>) -> Surface {
        let Some(approved) = approved else { return Surface::default() };
        let may = |command: &&String| self.judge(platform, declared, Some(approved), command).is_ok();
        let permissions = declared.permissions.iter().map(|(name, on)| {
            let granted = *on && approved.permissions.get(name).copied().unwrap_or(false);
            (name.clone(), granted)
        });
        let effective = Surface {
            caps: &declared.caps & &approved.caps,
            commands: declared.commands.iter().filter(may).cloned().collect(),
            permissions: permissions.collect(),
        };
        pruned(effective, declared)
    }

    /// Whether `command` may be used on a node.
    ///
    /// # Errors
    /// Which gate it does not pass.
    pub(crate) fn judge(
        &self,
        platform: Platform,
        declared: &Surface,
        approved: Option<&Surface>,
        command: &str,
    ) -> Result<(), Withheld> {
        if command.trim().is_empty() {
            return Err(Withheld::Blank);
        }
        if self.deny.contains(command) {
            return Err(Withheld::Denied);
        }
        if DANGEROUS_COMMANDS.contains(&command) && !self.allow.contains(command) {
            return Err(Withheld::Dangerous);
        }
        if !self.is_listed(platform, declared, command) {
            return Err(Withheld::NotForPlatform);
        }
        if declared.commands.is_empty() {
            return Err(Withheld::NothingDeclared);
        }
        if !declared.commands.contains(command) {
            return Err(Withheld::NotDeclared);
        }
        let is_approved = approved.is_some_and(|approved| approved.commands.contains(command));
        if is_approved { Ok(()) } else { Err(Withheld::NotApproved) }
    }

    /// Whether the device's kind or the config knows the command.
    fn is_listed(&self, platform: Platform, declared: &Surface, command: &str) -> bool {
        let by_default = match platform {
            Platform::Ios => IOS,
            Platform::Watchos => WATCHOS,
            Platform::Android => ANDROID,
            Platform::Macos => MACOS,
            Platform::Windows => WINDOWS,
            Platform::Linux => LINUX,
            Platform::Unknown => UNKNOWN,
        };
        let talks = declared.caps.contains("talk") || declared.commands.iter().any(|name| name.starts_with("talk."));
        by_default.contains(&command)
            || (platform.is_desktop() && DESKTOP.contains(&command))
            || (talks && TALK.contains(&command))
            || self.allow.contains(command)
    }
}

/// Without the caps of families that were declared and of which no command is left (N-4.8).
fn pruned(mut surface: Surface, declared: &Surface) -> Surface {
    let has = |surface: &Surface, family: &str| {
        surface.commands.iter().any(|command| command.split('.').next() == Some(family))
    };
    for family in FAMILIES.iter().filter(|family| has(declared, family) && !has(&surface, family)).collect::<Vec<_>>() {
        surface.caps.remove(*family);
    }
    surface
}

impl Withheld {
    /// `details.reason`.
    const fn reason(self) -> &'static str {
        match self {
            Self::Blank => "command required",
            Self::Denied | Self::Dangerous | Self::NotForPlatform | Self::NotApproved => "command not allowlisted",
            Self::NotDeclared => "command not declared by node",
            Self::NothingDeclared => "node did not declare commands",
        }
    }

    /// The refusal of `command`; `request_id` is the approval that waits, if one does.
    pub(crate) fn refusal(self, command: &str, request_id: Option<&str>) -> ErrorShape {
        let which = match (self, request_id) {
            (Self::Blank, _) => "a command is required".to_owned(),
            (Self::Denied, _) => format!("\"{command}\" is denied by gateway.nodes.commands.deny"),
            (Self::Dangerous, _) => format!("\"{command}\" requires explicit gateway.nodes.commands.allow opt-in"),
            (Self::NotForPlatform, _) => {
                format!(
                    "\"{command}\" is not in the list for this kind of device; gateway.nodes.commands.allow adds it"
                )
            }
            (Self::NotApproved, Some(id)) => {
                format!("\"{command}\" is pending approval; run: openclaw nodes approve {id}")
            }
            (Self::NotApproved, None) => {
                format!("\"{command}\" is not approved for this node; it asks again when it reconnects")
            }
            (Self::NotDeclared, _) => format!("the node does not offer \"{command}\""),
            (Self::NothingDeclared, _) => "the node offers no commands".to_owned(),
        };
        let details = json!({"reason": self.reason(), "command": command});
        ErrorShape::invalid(format!("node command not allowed: {which}")).with(details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface(commands: &[&str]) -> Surface {
        let caps = commands.iter().filter_map(|command| command.split('.').next());
        Surface {
            caps: caps.map(str::to_owned).collect(),
            commands: commands.iter().map(|command| (*command).to_owned()).collect(),
            ..Surface::default()
        }
    }

    fn policy(allow: &[&str], deny: &[&str]) -> Policy {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Policy { allow: names(allow), deny: names(deny) }
    }

    fn judged(policy: &Policy, platform: Platform, command: &str) -> Result<(), Withheld> {
        policy.judge(platform, &surface(&[command]), Some(&surface(&[command])), command)
    }

    /// N-4.1, N-4.3, N-4.4
    #[test]
    fn each_kind_of_device_has_its_own_defaults() {
        let none = policy(&[], &[]);
        let everywhere = [IOS, WATCHOS, ANDROID, MACOS, WINDOWS, LINUX, UNKNOWN, DESKTOP].concat();
        let kinds = [
            (Platform::Ios, IOS),
            (Platform::Watchos, WATCHOS),
            (Platform::Android, ANDROID),
            (Platform::Macos, MACOS),
            (Platform::Windows, WINDOWS),
            (Platform::Linux, LINUX),
            (Platform::Unknown, UNKNOWN),
        ];
        for (platform, own) in kinds {
            for command in &everywhere {
                let may = own.contains(command) || (platform.is_desktop() && DESKTOP.contains(command));
                let verdict = if may { Ok(()) } else { Err(Withheld::NotForPlatform) };
                assert_eq!(judged(&none, platform, command), verdict, "{platform:?} {command}");
            }
        }
    }

    /// N-4.1, N-4.5
    #[test]
    fn what_is_dangerous_needs_the_config_and_deny_always_wins() {
        for command in DANGEROUS_COMMANDS {
            assert_eq!(judged(&policy(&[], &[]), Platform::Ios, command), Err(Withheld::Dangerous), "{command}");
            assert_eq!(judged(&policy(&[command], &[]), Platform::Ios, command), Ok(()), "{command}");
            assert_eq!(judged(&policy(&[command], &[command]), Platform::Ios, command), Err(Withheld::Denied));
        }
        assert_eq!(judged(&policy(&[], &["system.notify"]), Platform::Linux, "system.notify"), Err(Withheld::Denied));
        assert_eq!(judged(&policy(&["x.y"], &[]), Platform::Watchos, "x.y"), Ok(()));
    }

    /// N-4.1, N-4.12
    #[test]
    fn a_command_must_be_declared_and_approved_and_the_refusal_says_which_gate_it_was() {
        let (none, run) = (policy(&[], &[]), "system.run");
        let both = surface(&["system.run", "system.which"]);
        let judge =
            |declared: &Surface, approved: Option<&Surface>| none.judge(Platform::Linux, declared, approved, run);
        assert_eq!(judge(&both, Some(&both)), Ok(()));
        assert_eq!(judge(&both, None), Err(Withheld::NotApproved));
        assert_eq!(judge(&both, Some(&surface(&["system.which"]))), Err(Withheld::NotApproved));
        assert_eq!(judge(&surface(&["system.which"]), Some(&both)), Err(Withheld::NotDeclared));
        assert_eq!(judge(&surface(&[]), Some(&both)), Err(Withheld::NothingDeclared));
        assert_eq!(none.judge(Platform::Linux, &both, Some(&both), "  "), Err(Withheld::Blank));
        let refusal = Withheld::NotApproved.refusal(run, Some("r1"));
        assert!(
            refusal.message.starts_with("node command not allowed: ") && refusal.message.contains("nodes approve r1")
        );
        assert_eq!(refusal.details.unwrap()["reason"], "command not allowlisted");
    }

    /// N-1.2, N-3.10, N-4.6, N-4.8, N-6.4
    #[test]
    fn the_ceiling_keeps_what_could_be_used_and_drops_families_that_cannot() {
        let none = policy(&[], &[]);
        let declared =
            surface(&["system.run", "dir.list", "file.read", "workspace.open", "camera.snap", "screen.snapshot"]);
        let asked = none.ceiling(Platform::Linux, &declared);
        assert_eq!(asked.commands, surface(&["system.run", "camera.snap", "screen.snapshot"]).commands);
        let usable = none.effective(Platform::Linux, &declared, Some(&asked));
        assert_eq!(usable.commands, surface(&["system.run", "screen.snapshot"]).commands);
        assert!(!usable.caps.contains("camera") && usable.caps.contains("screen"), "{usable:?}");
        assert_eq!(none.effective(Platform::Linux, &declared, None), Surface::default());
        let with = |on: bool| Surface { permissions: [("screen".to_owned(), on)].into(), ..declared.clone() };
        for (claimed, granted, shown) in [(true, true, true), (true, false, false), (false, true, false)] {
            let usable = none.effective(Platform::Linux, &with(claimed), Some(&with(granted)));
            assert_eq!(usable.permissions["screen"], shown, "{claimed} {granted}");
        }
        let talks = surface(&["talk.ptt.once"]);
        assert_eq!(none.ceiling(Platform::Watchos, &talks).commands, talks.commands);
    }

    /// N-3.16, N-4.10
    #[test]
    fn what_reaches_into_a_host_takes_an_administrator() {
        assert!(
            approving_takes_admin(&surface(&["system.which"])) && !approving_takes_admin(&surface(&["camera.list"]))
        );
        assert!(calling_takes_admin(LIST_DIR_COMMAND) && !calling_takes_admin("system.run"));
    }
}
