//! Which key a host is known by (SSH-6, SSH-7): the `known_hosts` files, read as OpenSSH reads them.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;

use russh::keys::ssh_key::Fingerprint;
use russh::keys::{HashAlg, PublicKey, known_hosts::known_host_keys_path};

use super::jump::Hop;
use super::pattern::matches_any;
use crate::transports::ssh::SSH_PORT;

/// More than anybody's file.
const FILE_MAX: u64 = 8 * 1024 * 1024;

/// What is known of an offered key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the host's.
    Known,
    /// No key of its kind is known for the host.
    Unknown,
    /// Another key of its kind is, or this one was taken back.
    Changed,
}

/// The files, asked about one host.
#[derive(Debug, Clone)]
pub(super) struct KnownHosts {
    files: Vec<PathBuf>,
    host: String,
    port: u16,
}

/// One line that speaks of the host.
struct Entry {
    key: PublicKey,
    is_revoked: bool,
}

impl KnownHosts {
    /// The files that count for `hop`. An alias stands for the host whatever its port.
    pub(super) fn of(hop: &Hop) -> Self {
        let files = hop.settings.known_hosts();
        match &hop.settings.alias {
            Some(alias) => Self::new(files, alias, SSH_PORT),
            None => Self::new(files, hop.host(), hop.port()),
        }
    }

    fn new(files: Vec<PathBuf>, name: &str, port: u16) -> Self {
        Self { files, host: name.to_ascii_lowercase(), port }
    }

    /// What the files say of `key`. One that was taken back stays so, whatever else is said of it. A line about the host
    /// at large vouches for its other ports, and contradicts nothing there, as OpenSSH has it.
    pub(super) fn judge(&self, key: &PublicKey) -> io::Result<Verdict> {
        let verdict = verdict(&self.entries(self.port)?, key);
        if verdict == Verdict::Unknown && self.port != SSH_PORT {
            let at_large = self::verdict(&self.entries(SSH_PORT)?, key);
            return Ok(if at_large == Verdict::Known { Verdict::Known } else { Verdict::Unknown });
        }
        Ok(verdict)
    }

    /// The keys the host is known by.
    pub(super) fn keys(&self) -> io::Result<Vec<PublicKey>> {
        let valid = self.entries(self.port)?.into_iter().filter(|entry| !entry.is_revoked);
        Ok(valid.map(|entry| entry.key).collect())
    }

    /// The files, in order; a new key goes into the first.
    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Adds `key`, at the end of the first file.
    pub(super) fn learn(&self, key: &PublicKey) -> io::Result<()> {
        let nowhere = || io::Error::new(io::ErrorKind::NotFound, "the SSH configuration keeps no known_hosts file");
        let file = self.files.first().ok_or_else(nowhere)?;
        if let Some(folder) = file.parent().filter(|folder| !folder.exists()) {
            base::ensure_private_dir(folder)?;
        }
        let before = std::fs::read(file).unwrap_or_default();
        // A last line without its end would swallow ours.
        let gap = if before.is_empty() || before.ends_with(b"\n") { "" } else { "\n" };
        let key = PublicKey::from(key.key_data().clone()).to_openssh().map_err(io::Error::other)?;
        let line = format!("{gap}{} {}\n", self.name(), key.trim());
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.append(true).create(true).open(file)?.write_all(line.as_bytes())
    }

    /// The host as the files call it.
    pub(super) fn name(&self) -> String {
        if self.port == SSH_PORT { self.host.clone() } else { format!("[{}]:{}", self.host, self.port) }
    }

    /// Every line about the host on `port`.
    fn entries(&self, port: u16) -> io::Result<Vec<Entry>> {
        let name = Self { port, ..self.clone() }.name();
        let mut entries = Vec::new();
        for file in &self.files {
            let text = match std::fs::File::open(file) {
                Ok(file) => {
                    let mut bytes = Vec::new();
                    file.take(FILE_MAX).read_to_end(&mut bytes)?;
                    String::from_utf8_lossy(&bytes).into_owned()
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            entries.extend(text.lines().filter_map(|line| entry(line, &name)));
            if text.contains("|1|") {
                entries.extend(self.hashed(file, &text, port)?);
            }
        }
        Ok(entries)
    }

    /// The lines whose names are hashed, compared by the SSH library.
    fn hashed(&self, file: &PathBuf, text: &str, port: u16) -> io::Result<Vec<Entry>> {
        let found = known_host_keys_path(&self.host, port, file).map_err(io::Error::other)?;
        // It counts no comments.
        let lines: Vec<&str> = text.split('\n').filter(|line| !line.starts_with('#')).collect();
        let is_hashed = |number: usize| lines.get(number.wrapping_sub(1)).is_some_and(|line| line.starts_with("|1|"));
        let hashed = found.into_iter().filter(|(number, _)| is_hashed(*number));
        Ok(hashed.map(|(_, key)| Entry { key, is_revoked: false }).collect())
    }
}

fn verdict(entries: &[Entry], key: &PublicKey) -> Verdict {
    let same = |entry: &&Entry| entry.key.key_data() == key.key_data();
    if entries.iter().filter(same).any(|entry| entry.is_revoked) {
        return Verdict::Changed;
    }
    let mut valid = entries.iter().filter(|entry| !entry.is_revoked);
    if valid.clone().any(|entry| same(&entry)) {
        return Verdict::Known;
    }
    let is_contradicted = valid.any(|entry| entry.key.algorithm() == key.algorithm());
    if is_contradicted { Verdict::Changed } else { Verdict::Unknown }
}

/// What a line says of the host `name`, if it does. A certificate authority vouches for no plain key. A key that was
/// taken back under a hashed name is taken back everywhere.
fn entry(line: &str, name: &str) -> Option<Entry> {
    let line = line.trim();
    let (marker, rest) = match line.split_once(char::is_whitespace) {
        Some((marker, rest)) if marker.starts_with('@') => (marker, rest.trim_start()),
        _ => ("", line),
    };
    let (names, key) = rest.split_once(char::is_whitespace)?;
    let is_revoked = marker == "@revoked";
    if names.starts_with('#') || !(marker.is_empty() || is_revoked) {
        return None;
    }
    let is_hashed = names.starts_with('|');
    let is_meant = if is_hashed { is_revoked } else { matches_any(names.split(','), name) };
    let key = is_meant.then(|| PublicKey::from_openssh(key.trim()).ok()).flatten()?;
    Some(Entry { key, is_revoked })
}

/// `ssh-ed25519 SHA256:…`, as OpenSSH shows a key.
pub(super) fn shown(key: &PublicKey) -> String {
    let fingerprint: Fingerprint = key.fingerprint(HashAlg::Sha256);
    format!("{} {fingerprint}", key.algorithm())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const TWO: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILIG2T/B0l0gaqj3puu510tu9N1OkQ4znY3LYuEm5zCF";
    const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAIQC0";

    fn verdict(text: &str, host: &str, port: u16, key: &str) -> Verdict {
        let folder = tempfile::tempdir().unwrap();
        let files = vec![folder.path().join("missing"), folder.path().join("known_hosts")];
        std::fs::write(&files[1], text).unwrap();
        KnownHosts::new(files, host, port).judge(&PublicKey::from_openssh(key).unwrap()).unwrap()
    }

    /// SSH-6, SSH-7
    #[test]
    fn a_key_is_known_for_the_names_of_its_line_and_changed_when_they_have_another() {
        use Verdict::{Changed, Known, Unknown};
        let cases = [
            (format!("host {ONE}\n"), "host", 22, Known),
            (format!("host {ONE} a comment\r\n"), "HOST", 22, Known),
            (format!("other,host,10.0.0.1\t{ONE}\n"), "host", 22, Known),
            (format!("*.example.com,!bad.example.com {ONE}\n"), "a.example.com", 22, Known),
            (format!("*.example.com,!bad.example.com {ONE}\n"), "bad.example.com", 22, Unknown),
            (format!("[host]:2222 {ONE}\n"), "host", 2222, Known),
            (format!("[host]:2222 {ONE}\n"), "host", 22, Unknown),
            (format!("host {ONE}\n"), "host", 2222, Known),
            (format!("host {TWO}\n"), "host", 2222, Unknown),
            (format!("host {TWO}\n[host]:2222 {ONE}\n"), "host", 2222, Known),
            (format!("host {ONE}\n[host]:2222 {TWO}\n"), "host", 2222, Changed),
            (format!("host {TWO}\n"), "host", 22, Changed),
            (format!("host {TWO}\nhost {ONE}\n"), "host", 22, Known),
            (format!("host {ONE}\n@revoked * {ONE}\n"), "host", 22, Changed),
            (format!("host {ONE}\n@revoked |1|aaaa|bbbb {ONE}\n"), "host", 22, Changed),
            (format!("host {ONE}\n@revoked other {ONE}\n"), "host", 22, Known),
            (format!("@cert-authority host {ONE}\n"), "host", 22, Unknown),
            (format!("# host {ONE}\nnonsense\nhost ssh-ed25519 ???\nhost {RSA}\n"), "host", 22, Unknown),
            (String::new(), "host", 22, Unknown),
        ];
        for (text, host, port, expected) in cases {
            assert_eq!(verdict(&text, host, port, ONE), expected, "{text} {host} {port}");
        }
    }

    /// SSH-7: a name that is hashed is found all the same, and nobody else's is.
    #[test]
    fn hashed_names_are_found() {
        let hashed = format!("# mine\n\n|1|O33ESRMWPVkMYIwJ1Uw+n877jTo=|nuuC5vEqXlEZ/8BXQR7m619W6Ak= {TWO}\n");
        assert_eq!(verdict(&hashed, "example.com", 22, TWO), Verdict::Known);
        assert_eq!(verdict(&hashed, "example.com", 22, ONE), Verdict::Changed);
        assert_eq!(verdict(&hashed, "example.org", 22, TWO), Verdict::Unknown);
    }

    #[test]
    fn a_key_that_was_learned_is_known_and_lines_before_it_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ssh/known_hosts");
        let known = |host: &str| KnownHosts::new(vec![file.clone()], host, 2222);
        let key = PublicKey::from_openssh(ONE).unwrap();
        known("one").learn(&key).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.trim_end()).unwrap();
        known("two").learn(&key).unwrap();
        for host in ["one", "two"] {
            assert_eq!(known(host).judge(&key).unwrap(), Verdict::Known, "{host}");
        }
        assert!(shown(&key).starts_with("ssh-ed25519 SHA256:"));
    }
}
