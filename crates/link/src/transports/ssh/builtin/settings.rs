//! What the person's own `ssh_config` says of a host, as far as the built-in client acts on it.
//!
//! Read are `Host`, `Match all`, `Include`, `HostName`, `User`, `Port`, `IdentityFile`, `IdentitiesOnly`,
//! `IdentityAgent`, `ProxyJump`, `ProxyCommand` (refused, since it needs a shell), `UserKnownHostsFile`,
//! `GlobalKnownHostsFile`, `HostKeyAlias` and `StrictHostKeyChecking`. Other `Match` blocks are passed over. As with
//! OpenSSH the first value counts, and the system's file comes after the person's.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::pattern::{matches, matches_any};
use crate::transports::ssh::{SshRoute, SshTarget};

/// More than anybody writes.
const FILE_MAX: u64 = 1024 * 1024;
/// How deep files may include each other, as OpenSSH has it.
const INCLUDE_DEPTH: usize = 16;
const SYSTEM_FILE: &str = "/etc/ssh/ssh_config";
const SYSTEM_KNOWN_HOSTS: [&str; 2] = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"];
/// The keys that are shown when none is named; the built-in client uses an RSA key only from an agent.
const DEFAULT_KEYS: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// One host as it is configured.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub(super) host: Option<String>,
    pub(super) user: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) jump: Option<String>,
    pub(super) proxy_command: Option<String>,
    pub(super) alias: Option<String>,
    pub(super) strict: Option<String>,
    identities_only: Option<String>,
    agent: Option<String>,
    identities: Vec<String>,
    user_known_hosts: Option<Vec<String>>,
    system_known_hosts: Option<Vec<String>>,
    home: Option<PathBuf>,
}

impl Settings {
    /// What is said of `target`, by the files that `route` names.
    pub(super) fn of(route: &SshRoute, target: &SshTarget) -> Self {
        let mut settings = Self { home: route.caller.home.clone(), ..Self::default() };
        let name = target.host().to_ascii_lowercase();
        match &route.config_file {
            Some(file) => settings.read(file, &name, 0),
            None => {
                if let Some(file) = settings.own("config") {
                    settings.read(&file, &name, 0);
                }
                settings.read(Path::new(SYSTEM_FILE), &name, 0);
            }
        }
        settings.host = settings.host.map(|host| host.replace("%h", target.host()).replace("%%", "%"));
        settings
    }

    /// The agent's socket: the one that is named, or the caller's, or none.
    pub(super) fn agent(&self, route: &SshRoute) -> Option<PathBuf> {
        match self.agent.as_deref() {
            Some("none") => None,
            None | Some("SSH_AUTH_SOCK") => route.caller.agent.clone(),
            Some(path) => Some(self.at_home(path)),
        }
    }

    /// Whether only the keys that are named may be shown.
    pub(super) fn identities_only(&self) -> bool {
        self.identities_only.as_deref().is_some_and(|value| value.eq_ignore_ascii_case("yes"))
    }

    /// The files with keys to show, in order; whether somebody named them.
    pub(super) fn identities(&self) -> (Vec<PathBuf>, bool) {
        if self.identities.is_empty() {
            return (DEFAULT_KEYS.into_iter().filter_map(|name| self.own(name)).collect(), false);
        }
        let named = self.identities.iter().filter(|file| *file != "none");
        (named.map(|file| self.at_home(file)).collect(), true)
    }

    /// The files that tell which hosts have which keys; new ones go into the first.
    pub(super) fn known_hosts(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = match &self.user_known_hosts {
            Some(files) => files.iter().filter(|file| *file != "none").map(|file| self.at_home(file)).collect(),
            None => ["known_hosts", "known_hosts2"].into_iter().filter_map(|name| self.own(name)).collect(),
        };
        match &self.system_known_hosts {
            Some(more) => files.extend(more.iter().map(PathBuf::from)),
            None => files.extend(SYSTEM_KNOWN_HOSTS.map(PathBuf::from)),
        }
        files
    }

    /// A file of `~/.ssh`.
    fn own(&self, name: &str) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(".ssh").join(name))
    }

    fn at_home(&self, path: &str) -> PathBuf {
        let Some(home) = &self.home else { return PathBuf::from(path) };
        match path.strip_prefix("~/").or_else(|| path.strip_prefix("%d/")) {
            Some(rest) => home.join(rest),
            None => PathBuf::from(path),
        }
    }

    /// A file that is not there says nothing.
    fn read(&mut self, file: &Path, name: &str, depth: usize) {
        let mut text = String::new();
        let read = std::fs::File::open(file).and_then(|file| file.take(FILE_MAX).read_to_string(&mut text));
        if read.is_err() {
            return;
        }
        let mut applies = true;
        for line in text.lines() {
            let Some((key, values)) = words_of(line) else { continue };
            match key.as_str() {
                "host" => applies = matches_any(values.iter().map(String::as_str), name),
                "match" => applies = values == ["all"],
                "include" if applies && depth < INCLUDE_DEPTH => {
                    let folder = file.parent().unwrap_or(Path::new("/"));
                    let files: Vec<_> =
                        values.iter().flat_map(|value| included(&self.at_home(value), folder)).collect();
                    for found in files {
                        self.read(&found, name, depth + 1);
                    }
                }
                _ if applies => self.take(&key, values),
                _ => {}
            }
        }
    }

    fn take(&mut self, key: &str, values: Vec<String>) {
        let whole = || values.join(" ");
        // Of the two ways to a proxy the first that is named counts.
        if (key == "proxycommand" && self.jump.is_some()) || (key == "proxyjump" && self.proxy_command.is_some()) {
            return;
        }
        let place = match key {
            "hostname" => &mut self.host,
            "user" => &mut self.user,
            "proxyjump" => &mut self.jump,
            "proxycommand" => &mut self.proxy_command,
            "hostkeyalias" => &mut self.alias,
            "stricthostkeychecking" => &mut self.strict,
            "identitiesonly" => &mut self.identities_only,
            "identityagent" => &mut self.agent,
            "identityfile" => return self.identities.push(whole()),
            "port" => return self.port = self.port.or(whole().parse().ok().filter(|port| *port != 0)),
            "userknownhostsfile" => return set(&mut self.user_known_hosts, values),
            "globalknownhostsfile" => return set(&mut self.system_known_hosts, values),
            _ => return,
        };
        set(place, whole());
    }
}

fn set<T>(place: &mut Option<T>, value: T) {
    if place.is_none() {
        *place = Some(value);
    }
}

/// `Key value value`, `Key=value` or `Key "va lue"`; the key in lower case.
fn words_of(line: &str) -> Option<(String, Vec<String>)> {
    let line = line.trim();
    let end = line.find(|c: char| c.is_whitespace() || c == '=')?;
    let (key, rest) = line.split_at(end);
    if key.is_empty() || key.starts_with('#') {
        return None;
    }
    let rest = rest.trim_start().strip_prefix('=').unwrap_or(rest).trim();
    // A proxy command is for a shell, whose quotes are its own.
    let values = shell_words::split(rest).unwrap_or_else(|_| vec![rest.to_owned()]);
    Some((key.to_ascii_lowercase(), values)).filter(|(_, values)| !values.is_empty())
}

/// The files an `Include` names; a pattern stands in its last part.
fn included(path: &Path, folder: &Path) -> Vec<PathBuf> {
    let path = folder.join(path);
    let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    if !name.contains(['*', '?']) {
        return vec![path];
    }
    let Ok(entries) = std::fs::read_dir(parent) else { return Vec::new() };
    let is_meant = |path: &PathBuf| {
        path.file_name().and_then(|own| own.to_str()).is_some_and(|own| matches(name, &own.to_ascii_lowercase()))
    };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_meant).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transports::ssh::Caller;

    fn said(files: &[(&str, &str)], host: &str) -> Settings {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(".ssh").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let caller = Caller { home: Some(folder.path().to_owned()), ..Caller::default() };
        let target = SshTarget::parse(host).unwrap();
        let config_file = Some(folder.path().join(".ssh/config"));
        let route = SshRoute { caller, config_file, ..SshRoute::new(target.clone()) };
        let mut settings = Settings::of(&route, &target);
        settings.home = Some("/h".into());
        settings
    }

    /// SSH-3
    #[test]
    fn the_first_value_for_a_host_counts_and_identities_add_up() {
        let text = "# mine\nHost studio !bad\n  HostName=10.0.0.5\n\tPort 2200\nUser \"ada\"\n\
            IdentityFile ~/.ssh/studio\n  ProxyJump me@gate:22,next\nMatch host studio\n  User eve\n\
            Host *\n User nobody\n Port 1\n IdentityFile %d/k\n IdentitiesOnly yes\n UserKnownHostsFile /k1 ~/k2\n\
            GlobalKnownHostsFile /dev/null\n";
        let studio = said(&[("config", text)], "Studio");
        let (host, user) = (studio.host.as_deref(), studio.user.as_deref());
        assert_eq!((host, user, studio.port), (Some("10.0.0.5"), Some("ada"), Some(2200)));
        assert_eq!(studio.jump.as_deref(), Some("me@gate:22,next"));
        assert_eq!(studio.identities(), (vec!["/h/.ssh/studio".into(), "/h/k".into()], true));
        assert_eq!(studio.known_hosts(), ["/k1", "/h/k2", "/dev/null"].map(PathBuf::from));
        assert!(studio.identities_only());
        let other = said(&[("config", text)], "other");
        assert_eq!((other.host, other.user.as_deref(), other.port), (None, Some("nobody"), Some(1)));
    }

    #[test]
    fn included_files_count_where_they_stand_and_a_loop_of_them_ends() {
        let files = [
            ("config", "Include config.d/*.conf config\nHost studio\nUser late\n"),
            ("config.d/b.conf", "Host studio\n  User second\n"),
            ("config.d/a.conf", "Host studio\n  User first\n"),
            ("config.d/c.txt", "User never\n"),
        ];
        assert_eq!(said(&files, "studio").user.as_deref(), Some("first"));
        assert_eq!(said(&files[..1], "studio").user.as_deref(), Some("late"));
    }

    #[test]
    fn without_a_word_of_it_the_usual_keys_and_files_are_meant() {
        let none = said(&[("config", "nonsense\nHost\nPort x\n")], "h");
        assert_eq!(none.identities().0[0], PathBuf::from("/h/.ssh/id_ed25519"));
        assert_eq!(none.known_hosts()[0], PathBuf::from("/h/.ssh/known_hosts"));
        assert_eq!((none.port, none.identities().1), (None, false));
    }
}
