//! Which key an SSH host offers and which one this machine knows of it (SSH-7): asked of OpenSSH's own programs, or of the
//! built-in client where that one speaks SSH.

use std::ffi::OsStr;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use link::{HostKey, KnownHost, SSH_PORT, SshBackend, SshTarget};

use super::record::open_private;
use crate::app::App;
use crate::exit::Failure;
use crate::rpc::block_on;
use crate::service::process::wait;
use crate::ssh;

/// The folders that only the system's own installer writes (SSH-2).
const FOLDERS: [&str; 4] = ["/usr/bin", "/bin", "/run/current-system/sw/bin", "/data/data/com.termux/files/usr/bin"];
/// One program's work; `ssh-keyscan` itself gives up after five seconds.
const ANSWERS_WITHIN: Duration = Duration::from_secs(15);
/// More than any of them prints.
const OUTPUT_MAX: u64 = 256 * 1024;

/// One key of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    kind: String,
    blob: String,
    fingerprint: String,
}

/// What this machine knows of what is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Unknown,
    Known,
    Changed,
}

/// An SSH host as the person's own configuration resolves it.
#[derive(Debug)]
pub(crate) struct Host {
    /// As it was named.
    pub(crate) written: SshTarget,
    /// As `known_hosts` calls it.
    pub(crate) name: String,
    address: String,
    port: u16,
    files: Vec<PathBuf>,
    /// What the built-in client has seen; without it the programs are asked.
    seen: Option<KnownHost>,
}

impl Key {
    /// Whether `text` is its fingerprint, with or without `SHA256:`.
    pub(crate) fn has(&self, text: &str) -> bool {
        let bare = |text: &str| text.trim().trim_start_matches("SHA256:").trim_end_matches('=').to_owned();
        bare(&self.fingerprint) == bare(text)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.fingerprint)
    }
}

impl Host {
    /// Asks the SSH configuration where `target` is and in which files its key would be known.
    pub(crate) fn of(app: &App, target: &SshTarget) -> Result<Self, Failure> {
        let route = ssh::route_to(app, target.clone());
        if route.backend == SshBackend::Openssh {
            return Self::by_programs(app, target);
        }
        let seen = block_on(async { route.look().await.map_err(|failure| Failure::dial(&failure.into())) })?;
        if seen.files.is_empty() {
            return Err(no_files());
        }
        let account = route.resolved().account;
        Ok(Self {
            written: target.clone(),
            name: seen.name.clone(),
            address: account.host().to_owned(),
            port: account.port(),
            files: seen.files.clone(),
            seen: Some(seen),
        })
    }

    fn by_programs(app: &App, target: &SshTarget) -> Result<Self, Failure> {
        let mut command = program("ssh")?;
        command.arg("-G");
        if let Some(file) = app.env.get("SSH_CONFIG") {
            command.arg("-F").arg(file);
        }
        if let Some(port) = target.named_port() {
            command.arg("-p").arg(port.to_string());
        }
        command.arg("--").arg(target.login());
        let told = output(command, None)?;
        let value = |key: &str| {
            told.lines().find_map(|line| line.split_once(' ').filter(|(name, _)| *name == key)).map(|(_, value)| value)
        };
        let address = value("hostname").unwrap_or(target.host()).to_owned();
        let port = value("port").and_then(|port| port.parse().ok()).unwrap_or_else(|| target.port());
        let name = match value("hostkeyalias").filter(|alias| *alias != "none") {
            Some(alias) => alias.to_owned(),
            None if port == SSH_PORT => address.clone(),
            None => format!("[{address}]:{port}"),
        };
        let files = ["userknownhostsfile", "globalknownhostsfile"].into_iter().filter_map(value);
        let files: Vec<PathBuf> = files
            .flat_map(str::split_whitespace)
            .filter(|file| *file != "none")
            .map(|file| file.strip_prefix("~/").map_or_else(|| PathBuf::from(file), |rest| app.paths.home.join(rest)))
            .collect();
        if files.is_empty() || value("userknownhostsfile").is_none_or(|files| files.starts_with("none")) {
            return Err(no_files());
        }
        Ok(Self { written: target.clone(), name, address, port, files, seen: None })
    }

    /// The file a new key goes into.
    pub(crate) fn file(&self) -> &Path {
        &self.files[0]
    }

    /// The keys it shows right now.
    pub(crate) fn offered(&self) -> Result<Vec<Key>, Failure> {
        let keys = match &self.seen {
            Some(seen) => seen.offered.iter().cloned().map(Key::from).collect(),
            None => {
                let mut command = program("ssh-keyscan")?;
                command.args(["-T", "5", "-p"]).arg(self.port.to_string()).arg("--").arg(&self.address);
                self.keys(&output(command, None)?)?
            }
        };
        if keys.is_empty() {
            let message = format!("no SSH server shows a key at {} port {}", self.address, self.port);
            let failure = Failure::new("SSH_NO_HOST_KEY", message);
            return Err(failure.advise("check host and port; behind a jump host, log in once with ssh instead"));
        }
        Ok(keys)
    }

    /// What is known of it against what it offers.
    pub(crate) fn verdict(&self, offered: &[Key]) -> Result<Verdict, Failure> {
        if let Some(seen) = &self.seen {
            return Ok(judge(&seen.known.iter().cloned().map(Key::from).collect::<Vec<_>>(), offered));
        }
        let mut known = Vec::new();
        for file in self.files.iter().filter(|file| file.is_file()) {
            let mut command = program("ssh-keygen")?;
            command.arg("-F").arg(&self.name).arg("-f").arg(file);
            known.extend(self.keys(&output(command, None)?)?);
        }
        Ok(judge(&known, offered))
    }

    /// Adds `keys`, at the end of the file.
    pub(crate) fn know(&self, keys: &[Key]) -> Result<(), Failure> {
        let file = self.file();
        let lines = keys.iter().map(|key| format!("{} {} {}\n", self.name, key.kind, key.blob)).collect::<String>();
        let append = || {
            let folder = file.parent().filter(|folder| !folder.exists());
            folder.map_or(Ok(()), base::ensure_private_dir)?;
            let before = std::fs::read(file).unwrap_or_default();
            // A last line without its end would swallow the first of ours.
            let gap = if before.is_empty() || before.ends_with(b"\n") { "" } else { "\n" };
            open_private(file)?.write_all(format!("{gap}{lines}").as_bytes())
        };
        append().map_err(|error| {
            Failure::new("SSH_KNOWN_HOSTS", format!("`{}` cannot be written: {error}", file.display()))
                .advise("see who owns it")
        })
    }

    /// The keys among lines of the format of `known_hosts`, with their fingerprints. Marked lines (a revoked key, an
    /// authority) are OpenSSH's to judge.
    fn keys(&self, text: &str) -> Result<Vec<Key>, Failure> {
        let mut keys = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with(['#', '@'])) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [_, kind, blob, ..] = words[..] else { continue };
            let plain = |text: &str| text.chars().all(|c| c.is_ascii_graphic());
            if plain(kind) && plain(blob) {
                let (kind, blob) = (kind.to_owned(), blob.to_owned());
                let fingerprint = fingerprint(&kind, &blob)?;
                keys.push(Key { kind, blob, fingerprint });
            }
        }
        Ok(keys)
    }
}

impl From<HostKey> for Key {
    fn from(key: HostKey) -> Self {
        Self { kind: key.kind, blob: key.blob, fingerprint: key.fingerprint }
    }
}

fn no_files() -> Failure {
    Failure::new("SSH_NO_KNOWN_HOSTS", "your SSH configuration keeps no known_hosts file")
        .advise("set UserKnownHostsFile in ~/.ssh/config")
}

/// A host that shows one of its known keys and contradicts none is known; one that shows others has changed.
fn judge(known: &[Key], offered: &[Key]) -> Verdict {
    let contradicts = |key: &Key| offered.iter().any(|other| other.kind == key.kind && other.blob != key.blob);
    match known.iter().any(|key| offered.contains(key)) {
        _ if known.is_empty() => Verdict::Unknown,
        true if !known.iter().any(contradicts) => Verdict::Known,
        _ => Verdict::Changed,
    }
}

fn fingerprint(kind: &str, blob: &str) -> Result<String, Failure> {
    let mut command = program("ssh-keygen")?;
    command.args(["-l", "-E", "sha256", "-f", "-"]);
    let told = output(command, Some(&format!("{kind} {blob}\n")))?;
    let found = told.split_whitespace().find(|word| word.starts_with("SHA256:"));
    found.map(str::to_owned).ok_or_else(|| Failure::new("SSH_HOST_KEY", "the host shows something that is no key"))
}

fn program(name: &str) -> Result<Command, Failure> {
    let path = FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file());
    path.map(Command::new).ok_or_else(|| {
        Failure::new("SSH_NOT_INSTALLED", format!("this machine has no {name} program"))
            .advise("install OpenSSH (package openssh-client)")
    })
}

/// What the program prints, whatever its exit code: `ssh-keygen -F` fails for a host it does not know.
fn output(mut command: Command, input: Option<&str>) -> Result<String, Failure> {
    let name = Path::new(command.get_program()).file_name().unwrap_or(OsStr::new("ssh")).to_owned();
    let failed = |what: String| Failure::new("SSH_FAILED", format!("{}: {what}", name.display()));
    let broken = |error: std::io::Error| failed(error.to_string());
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(broken)?;
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        stdin.write_all(input.as_bytes()).map_err(broken)?;
    }
    let stdout = child.stdout.take();
    // The thread ends with the pipe, which ends with the child below.
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.map_or(Ok(0), |pipe| pipe.take(OUTPUT_MAX).read_to_string(&mut text)).map(|_| text)
    });
    let ended = wait(ANSWERS_WITHIN, || Ok(reader.is_finished()))?;
    // When it has closed its output it is at its end; when not, it is not waited for.
    let _ended_already = child.kill();
    let _status = child.wait();
    if !ended {
        return Err(failed("no answer in time".into()));
    }
    reader.join().map_err(|_| failed("its output was lost".into()))?.map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &str, blob: &str) -> Key {
        Key { kind: kind.into(), blob: blob.into(), fingerprint: format!("SHA256:{blob}") }
    }

    /// SSH-7: unknown and changed are told apart, and no second kind of key talks a changed one away.
    #[test]
    fn a_host_is_known_by_a_key_it_shows_and_changed_by_any_other() {
        let (ed, other_ed, rsa) = (key("ssh-ed25519", "a"), key("ssh-ed25519", "b"), key("ssh-rsa", "c"));
        let cases: [(&[&Key], &[&Key], Verdict); 5] = [
            (&[], &[&ed], Verdict::Unknown),
            (&[&ed], &[&ed, &rsa], Verdict::Known),
            (&[&ed], &[&other_ed], Verdict::Changed),
            (&[&ed, &rsa], &[&other_ed, &rsa], Verdict::Changed),
            (&[&rsa], &[&ed], Verdict::Changed),
        ];
        for (known, offered, verdict) in cases {
            let owned = |keys: &[&Key]| keys.iter().map(|key| (*key).clone()).collect::<Vec<_>>();
            assert_eq!(judge(&owned(known), &owned(offered)), verdict, "{known:?} {offered:?}");
        }
        assert!(ed.has("SHA256:a") && ed.has("a") && !ed.has("b") && !ed.has(""));
    }
}
