//! The matrix as the rules have it; nothing of the Gateway's code is asked.

/// `gateway.auth.mode`, each with the same secret; behind a trusted proxy that is the password of this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    None,
    Token,
    Password,
    TrustedProxy,
}

/// How a connection comes to the Gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Loopback,
    LocalSocket,
    Lan,
    Proxy,
    SilentProxy,
    StrangeProxy,
    Serve,
    Funnel,
}

/// Who connects. Those with a device sign the challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Cli,
    Backend,
    Probe,
    Terminal,
    Node,
    Page,
    BarePage,
    StrangePage,
}

/// What it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Nothing,
    Wrong,
    Secret,
    OtherField,
    DeviceToken,
    StrangeDeviceToken,
}

pub(super) const MODES: [(Mode, &str); 4] =
    [(Mode::None, "none"), (Mode::Token, "token"), (Mode::Password, "password"), (Mode::TrustedProxy, "trusted-proxy")];

pub(super) const KINDS: [(Kind, &str); 8] = [
    (Kind::Cli, "command line, no device"),
    (Kind::Backend, "backend helper, no device"),
    (Kind::Probe, "probe, no device"),
    (Kind::Terminal, "terminal with a device"),
    (Kind::Node, "node with a device"),
    (Kind::Page, "Control UI page, of this host or listed"),
    (Kind::BarePage, "the same without a device"),
    (Kind::StrangePage, "page of another site"),
];

pub(super) const SHOWN: [(Shown, &str); 6] = [
    (Shown::Nothing, "nothing"),
    (Shown::Wrong, "a wrong secret"),
    (Shown::Secret, "the secret"),
    (Shown::OtherField, "the secret in the other field"),
    (Shown::DeviceToken, "its device token"),
    (Shown::StrangeDeviceToken, "another's device token"),
];

impl Way {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Loopback => "loopback, whatever the bind",
            Self::LocalSocket => "the socket in the state folder",
            Self::Lan => "an address of the network, bind `lan`",
            Self::Proxy => "a listed proxy, which says who is calling",
            Self::SilentProxy => "a listed proxy that names nobody",
            Self::StrangeProxy => "a proxy that is not listed",
            Self::Serve => "the tailnet by Tailscale serve, from the owner's login",
            Self::Funnel => "the internet by Tailscale funnel",
        }
    }

    /// From this machine, through nothing (LOCAL-1).
    pub(super) const fn is_local(self) -> bool {
        matches!(self, Self::Loopback | Self::LocalSocket)
    }
}

impl Mode {
    /// The ways there are to a Gateway of this mode: CFG-4 keeps `none` and a proxy's word off the tailnet, START-3
    /// wants a password for a funnel and something for the network.
    pub(super) const fn ways(self) -> &'static [Way] {
        use Way::{Funnel, Lan, LocalSocket, Loopback, Proxy, Serve, SilentProxy, StrangeProxy};
        match self {
            Self::None => &[Loopback, LocalSocket, Proxy, StrangeProxy],
            Self::Token => &[Loopback, LocalSocket, Lan, Proxy, StrangeProxy, Serve],
            Self::Password => &[Loopback, LocalSocket, Lan, Proxy, StrangeProxy, Funnel],
            Self::TrustedProxy => &[Loopback, LocalSocket, Lan, Proxy, SilentProxy, StrangeProxy],
        }
    }
}

impl Kind {
    pub(super) const fn has_device(self) -> bool {
        !matches!(self, Self::Cli | Self::Backend | Self::Probe | Self::BarePage)
    }

    const fn is_page(self) -> bool {
        matches!(self, Self::Page | Self::BarePage | Self::StrangePage)
    }
}

impl Shown {
    /// A device shows a token only once it is approved.
    pub(super) const fn is_of_an_approved_device(self) -> bool {
        matches!(self, Self::DeviceToken | Self::StrangeDeviceToken)
    }
}

/// What is proven before devices are looked at.
enum Proof {
    /// The kernel says that the owner is speaking.
    Owner,
    /// The mode asks for nothing.
    Unasked,
    /// The secret.
    Good,
    /// A proxy's word for who it is.
    Named,
    /// Tailscale's word, which approves a page as well (PAIR-11).
    Vouched,
    Missing(&'static str),
    Wrong(&'static str),
}

/// What the rules say, in their order: LOCAL-3, ORIGIN-1, then what is proven (AUTH-2, AUTH-5, PROXY-1, PROXY-2, TS-3),
/// then devices (PAIR-3, PAIR-4, AUTH-9, AUTH-12).
pub(super) fn expected(mode: Mode, way: Way, kind: Kind, shown: Shown) -> &'static str {
    if way == Way::StrangeProxy {
        return "AUTH_UNAUTHORIZED";
    }
    if kind == Kind::StrangePage {
        return "CONTROL_UI_ORIGIN_NOT_ALLOWED";
    }
    let proof = proof(mode, way, kind, shown);
    if kind.has_device() { with_device(way, shown, &proof) } else { without_device(way, kind, &proof) }
}

fn proof(mode: Mode, way: Way, kind: Kind, shown: Shown) -> Proof {
    if way == Way::LocalSocket && !kind.is_page() {
        return Proof::Owner;
    }
    let [missing, mismatch] = match mode {
        Mode::None => return Proof::Unasked,
        Mode::TrustedProxy if way == Way::Proxy => return Proof::Named,
        Mode::TrustedProxy if !way.is_local() => return Proof::Missing("AUTH_UNAUTHORIZED"),
        Mode::Token => ["AUTH_TOKEN_MISSING", "AUTH_TOKEN_MISMATCH"],
        Mode::Password | Mode::TrustedProxy => ["AUTH_PASSWORD_MISSING", "AUTH_PASSWORD_MISMATCH"],
    };
    match shown {
        Shown::Secret | Shown::OtherField => Proof::Good,
        Shown::Wrong => Proof::Wrong(mismatch),
        Shown::Nothing if way == Way::Serve && kind == Kind::Page => Proof::Vouched,
        _ => Proof::Missing(missing),
    }
}

fn with_device(way: Way, shown: Shown, proof: &Proof) -> &'static str {
    match proof {
        Proof::Owner | Proof::Vouched => "in",
        Proof::Unasked | Proof::Good | Proof::Named if way.is_local() || shown.is_of_an_approved_device() => "in",
        Proof::Unasked | Proof::Good | Proof::Named => "PAIRING_REQUIRED",
        Proof::Missing(_) | Proof::Wrong(_) if shown == Shown::DeviceToken => "in",
        Proof::Missing(_) | Proof::Wrong(_) if shown == Shown::StrangeDeviceToken => "AUTH_DEVICE_TOKEN_MISMATCH",
        Proof::Missing(code) | Proof::Wrong(code) => code,
    }
}

/// A device token without its device is nothing.
fn without_device(way: Way, kind: Kind, proof: &Proof) -> &'static str {
    match (proof, kind) {
        (Proof::Named, _) => "in, without scopes",
        (Proof::Missing(code @ "AUTH_UNAUTHORIZED"), _) => code,
        (_, Kind::BarePage) => "CONTROL_UI_DEVICE_IDENTITY_REQUIRED",
        (Proof::Owner, Kind::Cli | Kind::Backend) | (Proof::Unasked, Kind::Backend) if way.is_local() => "in",
        (Proof::Good, Kind::Probe) if way.is_local() => "in, reads only",
        (Proof::Good, _) if way.is_local() => "in",
        (Proof::Good, _) => "in, without scopes",
        (Proof::Wrong(code), _) => code,
        _ => "DEVICE_IDENTITY_REQUIRED",
    }
}
