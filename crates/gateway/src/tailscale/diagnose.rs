//! Why the Gateway is not on the tailnet, in words a person can act on (TS-10).

use base::{Code, Explain, Kind, Step};

use super::routes::Owner;

/// What is in the way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// There is no program.
    #[error("tailscale is not installed on this machine")]
    NotInstalled,
    /// The program is there, its daemon is not.
    #[error("tailscaled does not answer on this machine")]
    NoDaemon,
    /// It has just begun.
    #[error("tailscale is starting")]
    Starting,
    /// The owner stopped it.
    #[error("Tailscale is stopped on this machine")]
    Stopped,
    /// This machine belongs to no tailnet.
    #[error("tailscale is logged out on this machine")]
    LoggedOut,
    /// It did, and its key has run out; or a login waits to be finished.
    #[error("tailscale needs a login on this machine: its key has expired, or a login was not finished")]
    NeedsLogin,
    /// An admin of the tailnet has to let the machine in.
    #[error("this machine waits for the approval of an admin of the tailnet")]
    NeedsApproval,
    /// There is no certificate for the name.
    #[error("HTTPS certificates are off in this tailnet")]
    CertificatesOff,
    /// There is no name.
    #[error("MagicDNS is off in this tailnet")]
    MagicDnsOff,
    /// Serve itself is off.
    #[error("Serve is not enabled on this tailnet")]
    ServeOff,
    /// This user is not the operator of tailscaled.
    #[error("this user may not change what tailscale serves, and sudo asks for a password")]
    NotPermitted,
    /// The policy does not give the attribute.
    #[error("the tailnet's policy does not give this machine the `funnel` attribute")]
    FunnelNotGranted,
    /// Port 443 is somebody else's.
    #[error("port 443 of tailscale is taken by {} (session {}): {}; it was left as it is", .0.host, .0.session, .0.target)]
    Conflict(Owner),
    /// It said neither yes nor no.
    #[error("tailscale did not put the route up within 15 s")]
    NotReady,
    /// It was up and is not any more.
    #[error("tailscale let go of the route")]
    Lost,
    /// Anything else it said.
    #[error("tailscale refused the route: {0}")]
    Refused(String),
}

impl Problem {
    /// What a program that ended, or goes on without serving, meant by its words.
    pub(super) fn of_words(words: &str) -> Option<Self> {
        let lower = words.to_ascii_lowercase();
        let says = |any: &[&str]| any.iter().any(|text| lower.contains(text));
        if says(&["access denied", "permission denied", "--operator=", "sudo: ", "is not in the sudoers file"]) {
            Some(Self::NotPermitted)
        } else if says(&["funnel is not enabled on your tailnet", "\"funnel\" node attribute", "funnel not available"])
        {
            Some(Self::FunnelNotGranted)
        } else if says(&["serve is not enabled on your tailnet"]) {
            Some(Self::ServeOff)
        } else if says(&["https must be enabled", "does not support getting tls certs", "enable https"]) {
            Some(Self::CertificatesOff)
        } else if says(&["logged out", "needslogin"]) {
            Some(Self::LoggedOut)
        } else if says(&["doesn't appear to be running", "failed to connect to local tailscale"]) {
            Some(Self::NoDaemon)
        } else {
            None
        }
    }

    /// Whether it passes by itself within a moment (TS-2).
    pub(super) const fn is_passing(&self) -> bool {
        matches!(self, Self::Starting | Self::NoDaemon)
    }
}

impl Explain for Problem {
    fn code(&self) -> Code {
        Code(match self {
            Self::NotInstalled => "TAILSCALE_NOT_INSTALLED",
            Self::NoDaemon => "TAILSCALE_NOT_RUNNING",
            Self::Starting => "TAILSCALE_STARTING",
            Self::Stopped => "TAILSCALE_STOPPED",
            Self::LoggedOut => "TAILSCALE_LOGGED_OUT",
            Self::NeedsLogin => "TAILSCALE_NEEDS_LOGIN",
            Self::NeedsApproval => "TAILSCALE_NEEDS_APPROVAL",
            Self::CertificatesOff => "TAILSCALE_CERTIFICATES_OFF",
            Self::MagicDnsOff => "TAILSCALE_MAGICDNS_OFF",
            Self::ServeOff => "TAILSCALE_SERVE_OFF",
            Self::NotPermitted => "TAILSCALE_NOT_PERMITTED",
            Self::FunnelNotGranted => "TAILSCALE_FUNNEL_NOT_GRANTED",
            Self::Conflict(_) => "TAILSCALE_PORT_TAKEN",
            Self::NotReady => "TAILSCALE_NOT_READY",
            Self::Lost => "TAILSCALE_ROUTE_LOST",
            Self::Refused(_) => "TAILSCALE_REFUSED",
        })
    }

    fn kind(&self) -> Kind {
        Kind::Failure
    }

    fn next(&self) -> Vec<Step> {
        let dns_page = "turn it on at https://login.tailscale.com/admin/dns";
        vec![match self {
            Self::NotInstalled => Step::advise("install it from https://tailscale.com/download"),
            Self::NoDaemon => Step::run("sudo systemctl start tailscaled"),
            Self::Starting => Step::advise("wait a moment"),
            Self::Stopped | Self::LoggedOut | Self::NeedsLogin => Step::run("sudo tailscale up"),
            Self::NeedsApproval => Step::advise("approve it at https://login.tailscale.com/admin/machines"),
            Self::CertificatesOff | Self::MagicDnsOff => Step::advise(dns_page),
            Self::ServeOff => Step::run("tailscale serve 3000   (prints the page that enables it)"),
            Self::NotPermitted => Step::run("sudo tailscale set --operator=$USER"),
            Self::FunnelNotGranted => Step::advise("add the attribute: https://tailscale.com/kb/1223/funnel"),
            Self::Conflict(_) => Step::run("tailscale serve status"),
            Self::NotReady | Self::Lost | Self::Refused(_) => Step::run("tailscale status"),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TS-5, TS-10: sentences of the real program.
    #[test]
    fn the_programs_own_words_are_understood() {
        let denied = "sending serve config: Access denied: serve config denied\n\nUse 'sudo tailscale serve 1'.\nTo not require root, use 'sudo tailscale set --operator=$USER' once.";
        let funnel = "Funnel is not enabled on your tailnet.\nTo enable, visit:\n\n\thttps://login.tailscale.com/f/funnel?node=x";
        for (words, problem) in [
            (denied, Some(Problem::NotPermitted)),
            ("sudo: a password is required", Some(Problem::NotPermitted)),
            (funnel, Some(Problem::FunnelNotGranted)),
            (
                "Funnel not available; \"funnel\" node attribute not set. See https://tailscale.com/s/no-funnel.",
                Some(Problem::FunnelNotGranted),
            ),
            ("\nServe is not enabled on your tailnet.\nTo enable, visit:", Some(Problem::ServeOff)),
            (
                "error: Serve not available; HTTPS must be enabled. See https://tailscale.com/s/https.",
                Some(Problem::CertificatesOff),
            ),
            (
                "failed to connect to local tailscaled; it doesn't appear to be running (sudo systemctl start tailscaled ?)",
                Some(Problem::NoDaemon),
            ),
            ("Available within your tailnet:", None),
        ] {
            assert_eq!(Problem::of_words(words), problem, "{words}");
        }
    }
}
