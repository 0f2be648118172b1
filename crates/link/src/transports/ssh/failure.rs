//! What went wrong with SSH, told apart by what `ssh` said (SSH-7, SSH-8), each with its cure.

use std::path::PathBuf;

use base::{Code, Kind, Step};

use super::SshTarget;

/// Why an SSH stream did not come about, or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SshProblem {
    /// This machine has no `ssh` where the system keeps its programs (SSH-2).
    NoProgram,
    /// The named key file cannot be read.
    Identity(PathBuf),
    /// The key file has a passphrase that was not given; only the built-in client meets one.
    Locked(PathBuf),
    /// The host has never been seen; its fingerprint, when it could be asked for.
    UnknownHostKey(Option<String>),
    /// The host shows another key than the one that is known.
    ChangedHostKey,
    /// No key was taken.
    Auth,
    /// The host has no address.
    Name,
    /// Nothing listens on the SSH port.
    Refused,
    /// The network does not lead there.
    NoRoute,
    /// No answer in time.
    Timeout,
    /// The server forbids forwarding.
    Prohibited,
    /// SSH stands; nothing listens at the far port.
    FarRefused,
    /// A shared connection refused without saying why.
    Unclear,
    /// Anything else; the text is what `ssh` said last.
    Other,
}

/// A failed SSH stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct SshFailure {
    /// Which.
    pub problem: SshProblem,
    /// Which host.
    pub target: SshTarget,
    /// The port on that host's loopback.
    pub far_port: u16,
    /// The last line `ssh` printed.
    pub said: String,
}

impl SshProblem {
    /// What `ssh` printed, told apart. The texts are OpenSSH's own and have not changed in twenty years.
    pub(super) fn of(printed: &str) -> Self {
        let says = |words: &[&str]| words.iter().any(|word| printed.contains(word));
        let table: [(&[&str], Self); 10] = [
            (&["HOST IDENTIFICATION HAS CHANGED", "REVOKED HOST KEY"], Self::ChangedHostKey),
            (&["host key is known for", "Host key verification failed"], Self::UnknownHostKey(None)),
            (&["administratively prohibited", "Administratively prohibited"], Self::Prohibited),
            (&["open failed: connect failed", "open failed: Connection refused"], Self::FarRefused),
            (&["Permission denied (", "Too many authentication failures", "Authentication failed"], Self::Auth),
            (&["Could not resolve hostname"], Self::Name),
            (&["Connection refused"], Self::Refused),
            (&["No route to host", "Network is unreachable", "Host is down"], Self::NoRoute),
            (&["timed out", "Timeout, server", "not responding"], Self::Timeout),
            (&["Stdio forwarding request failed", "stdio forwarding failed"], Self::Unclear),
        ];
        let found = table.into_iter().find(|(words, _)| says(words));
        found.map_or(Self::Other, |(_, problem)| problem)
    }

    /// Whether dialling again cannot help before a person has done something (SSH-11).
    pub const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::NoProgram
                | Self::Identity(_)
                | Self::Locked(_)
                | Self::UnknownHostKey(_)
                | Self::ChangedHostKey
                | Self::Auth
                | Self::Name
                | Self::Prohibited
        )
    }
}

impl SshFailure {
    /// Whether the other side just said nothing.
    pub(crate) fn is_mute(&self) -> bool {
        self.problem == SshProblem::Timeout
    }

    /// The stable name.
    pub const fn code(&self) -> Code {
        Code(match self.problem {
            SshProblem::NoProgram => "SSH_NOT_INSTALLED",
            SshProblem::Identity(_) => "SSH_IDENTITY_UNREADABLE",
            SshProblem::Locked(_) => "SSH_KEY_LOCKED",
            SshProblem::UnknownHostKey(_) => "SSH_HOST_KEY_UNKNOWN",
            SshProblem::ChangedHostKey => "SSH_HOST_KEY_CHANGED",
            SshProblem::Auth => "SSH_AUTH",
            SshProblem::Name => "SSH_DNS",
            SshProblem::Refused => "SSH_REFUSED",
            SshProblem::NoRoute => "SSH_NO_ROUTE",
            SshProblem::Timeout => "SSH_TIMEOUT",
            SshProblem::Prohibited => "SSH_FORWARDING_FORBIDDEN",
            SshProblem::FarRefused => "SSH_GATEWAY_REFUSED",
            SshProblem::Unclear | SshProblem::Other => "SSH_FAILED",
        })
    }

    /// Reached and not let in, or not reached.
    pub const fn kind(&self) -> Kind {
        match self.problem {
            SshProblem::Auth | SshProblem::Locked(_) | SshProblem::Prohibited => Kind::Refused,
            SshProblem::Identity(_) => Kind::Failure,
            _ => Kind::Unreachable,
        }
    }

    fn sentence(&self) -> String {
        let (whole, port) = (self.target.whole(), self.far_port);
        match &self.problem {
            SshProblem::NoProgram => format!("ssh to {whole}: this machine has no ssh program"),
            SshProblem::Identity(file) => format!("ssh to {whole}: the key `{}` cannot be read", file.display()),
            SshProblem::Locked(file) => {
                format!("ssh to {whole}: the key `{}` has a passphrase, {}", file.display(), self.said)
            }
            SshProblem::UnknownHostKey(None) => format!("ssh to {whole}: its host key is not known on this machine"),
            SshProblem::UnknownHostKey(Some(fingerprint)) => {
                format!("ssh to {whole}: its host key is not known on this machine; it offers {fingerprint}")
            }
            SshProblem::ChangedHostKey => format!(
                "ssh to {whole}: its host key has CHANGED; somebody may be listening in, or it was installed anew"
            ),
            SshProblem::Auth => format!("ssh to {whole}: the login was refused: {}", self.said),
            SshProblem::Name => format!("ssh to {whole}: the name `{}` cannot be resolved", self.target.host()),
            SshProblem::Refused => format!("ssh to {whole}: connection refused, no SSH server listens there"),
            SshProblem::NoRoute => format!("ssh to {whole}: no route to the host"),
            SshProblem::Timeout => format!("ssh to {whole}: no answer in time"),
            SshProblem::Prohibited => format!("ssh to {whole}: its SSH server forbids forwarding to 127.0.0.1:{port}"),
            SshProblem::FarRefused => {
                format!("the Gateway is not running on {}:{port}, or listens elsewhere", self.target.host())
            }
            SshProblem::Unclear => format!("ssh to {whole}: the way was refused a moment ago and is open now"),
            SshProblem::Other if self.said.is_empty() => format!("ssh to {whole} ended without a word"),
            SshProblem::Other => format!("ssh to {whole} failed: {}", self.said),
        }
    }

    /// The command line that runs `rest` on that host.
    pub(super) fn there(&self, rest: &str) -> Step {
        // `ssh` wants the port apart.
        let port = self.target.named_port().map(|port| format!("-p {port} ")).unwrap_or_default();
        Step::run(format!("ssh {port}{} {rest}", self.target.login()))
    }

    /// The cure.
    pub fn next(&self) -> Vec<Step> {
        let target = &self.target;
        match &self.problem {
            // Only where somebody insists on it; else the built-in client goes.
            SshProblem::NoProgram => vec![
                Step::advise("leave --ssh-backend out: the client in this program does it then"),
                Step::advise("or install OpenSSH (package openssh-client; on Windows the feature OpenSSH Client)"),
            ],
            SshProblem::Identity(_) => vec![Step::advise("name a private key that you can read with --ssh-identity")],
            SshProblem::Locked(file) => vec![
                Step::run(format!("ssh-add {}", file.display())),
                Step::advise("or run the command in a terminal, which asks for it; a tunnel cannot"),
            ],
            SshProblem::UnknownHostKey(_) => vec![Step::run(format!("openclaw tunnel trust {target}"))],
            SshProblem::ChangedHostKey => vec![Step::advise(format!(
                "stop, and ask the owner of {} for its fingerprint before anything else",
                target.host()
            ))],
            SshProblem::Auth => {
                vec![Step::advise("load your key with ssh-add, or name one with --ssh-identity"), self.there("true")]
            }
            SshProblem::Name => vec![Step::advise("check the spelling of the host")],
            SshProblem::Refused => vec![Step::advise("check the port, and that sshd runs there")],
            SshProblem::NoRoute | SshProblem::Timeout => {
                vec![
                    Step::advise("check that the host is up, and that this network reaches its SSH port"),
                    self.there("true"),
                ]
            }
            SshProblem::Prohibited => vec![Step::advise(format!(
                "in its sshd_config allow it: AllowTcpForwarding local, PermitOpen 127.0.0.1:{}",
                self.far_port
            ))],
            SshProblem::FarRefused => vec![self.there("openclaw gateway status")],
            SshProblem::Unclear => vec![Step::advise("try again")],
            SshProblem::Other => vec![self.there("true")],
        }
    }
}

/// The line of a log of `ssh -v` that names the key the server offers.
pub(super) fn offered_key(printed: &str) -> Option<String> {
    let line = printed.lines().find_map(|line| line.split_once("Server host key: "))?.1;
    let mut words = line.split_whitespace();
    let (kind, fingerprint) = (words.next()?, words.next()?);
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_graphic());
    (fingerprint.starts_with("SHA256:") && plain(kind) && plain(fingerprint)).then(|| format!("{kind} {fingerprint}"))
}

/// The last line worth showing, without what a terminal would act on.
pub(super) fn last_line(printed: &str) -> String {
    let mut lines = printed.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("debug"));
    lines.next_back().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SSH-7, SSH-8, SSH-11: what OpenSSH 7 to 10 prints.
    #[test]
    fn each_failure_is_told_apart_by_what_ssh_says() {
        use SshProblem::{
            Auth, ChangedHostKey, FarRefused, Name, NoRoute, Other, Prohibited, Refused, Timeout, Unclear,
            UnknownHostKey,
        };
        let cases = [
            (
                "No ED25519 host key is known for h and you have requested strict checking.\r\n\
                 Host key verification failed.",
                UnknownHostKey(None),
                true,
            ),
            (
                "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\nHost key verification failed.",
                ChangedHostKey,
                true,
            ),
            ("me@h: Permission denied (publickey,password).", Auth, true),
            ("Received disconnect from h port 22:2: Too many authentication failures", Auth, true),
            ("ssh: Could not resolve hostname nope: Name or service not known", Name, true),
            ("ssh: connect to host h port 22: Connection refused", Refused, false),
            ("ssh: connect to host h port 22: No route to host", NoRoute, false),
            ("ssh: connect to host h port 22: Connection timed out", Timeout, false),
            ("Connection timed out during banner exchange", Timeout, false),
            ("Timeout, server h not responding.", Timeout, false),
            (
                "channel 0: open failed: administratively prohibited: open failed\r\nstdio forwarding failed",
                Prohibited,
                true,
            ),
            ("channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed", FarRefused, false),
            ("Stdio forwarding request failed: Session open refused by peer", Unclear, false),
            ("kex_exchange_identification: Connection closed by remote host", Other, false),
            ("/home/me/.ssh/config: line 3: Bad configuration option: x", Other, false),
            ("", Other, false),
        ];
        for (printed, problem, is_final) in cases {
            let found = SshProblem::of(printed);
            assert_eq!(found, problem, "{printed}");
            assert_eq!(found.is_final(), is_final, "{printed}");
        }
    }

    /// SSH-7: a changed key is never offered to be overwritten.
    #[test]
    fn only_an_unknown_key_comes_with_a_way_to_accept_it() {
        let target = SshTarget::parse("me@host:2222").unwrap();
        let failure = |problem| SshFailure { problem, target: target.clone(), far_port: 1, said: String::new() };
        let unknown = failure(SshProblem::UnknownHostKey(Some("ssh-ed25519 SHA256:abc".into())));
        assert!(unknown.to_string().contains("SHA256:abc"));
        assert_eq!(unknown.next()[0].text(), "openclaw tunnel trust me@host:2222");
        let changed = failure(SshProblem::ChangedHostKey);
        let text = format!("{changed} {:?}", changed.next());
        assert!(text.contains("CHANGED") && !text.contains("trust") && !text.contains("keygen"), "{text}");
        assert_eq!(failure(SshProblem::FarRefused).next()[0].text(), "ssh -p 2222 me@host openclaw gateway status");
    }

    #[test]
    fn the_offered_key_is_read_from_a_verbose_log() {
        let log = "debug1: x\r\ndebug1: Server host key: ssh-ed25519 SHA256:0YW+x/1\r\ndebug1: y";
        assert_eq!(offered_key(log).as_deref(), Some("ssh-ed25519 SHA256:0YW+x/1"));
        assert_eq!(offered_key("debug1: Server host key: junk"), None);
        assert_eq!(last_line("a\r\nb \x1b[31m\r\ndebug1: z\n\n"), "b [31m");
    }
}
