//! Who comes in with what: every mode, way to the Gateway, kind of client and credential, through the front door.
//! `rules` says what is to happen, `page` shows it to people.

mod page;
mod rules;

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use if_watch::IfEvent;
use kit::{Client, Connect, Refused, SigningKey, Tailnet};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, UnixStream};

use self::rules::{KINDS, Kind, Mode, SHOWN, Shown, Way, expected};
use crate::house::{House, TOKEN};

const ANN: &str = "ann@example.com";
/// Where Ann's phone is on the tailnet.
const PHONE: &str = "100.64.0.7";
/// Somewhere in the internet.
const STRANGER: &str = "203.0.113.9";
/// A page the config lists.
const LISTED: &str = "https://claw.example";

/// The kernel lists its addresses within this.
const LISTED_WITHIN: Duration = Duration::from_secs(10);

/// A Gateway of one mode, and the ways to it.
struct Place {
    house: House,
    mode: Mode,
    ways: Vec<Way>,
    /// Where a device of the tailnet, or of the internet behind a funnel, dials.
    far: Option<SocketAddr>,
    /// An address of this machine on its network.
    network: IpAddr,
    _tailnet: Tailnet,
}

/// AUTH-2, AUTH-5, AUTH-9, AUTH-12, BIND-2, LOCAL-3, ORIGIN-1, PAIR-3, PAIR-4, PAIR-11, PROXY-1, PROXY-2, TS-3, TS-4: each
/// cell against a Gateway of its mode and bind; side by side, for a wrong secret costs its sender a wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mode_way_client_and_credential_ends_as_the_rules_say() {
    let places = [
        (Mode::None, "loopback", "off"),
        (Mode::Token, "lan", "off"),
        (Mode::Token, "loopback", "serve"),
        (Mode::Password, "lan", "off"),
        (Mode::Password, "loopback", "funnel"),
        (Mode::TrustedProxy, "lan", "off"),
    ];
    let places = join_all(places.map(|(mode, bind, tailscale)| Place::open(mode, bind, tailscale))).await;
    for mode in [Mode::None, Mode::Token, Mode::Password, Mode::TrustedProxy] {
        let tried = |way| places.iter().any(|place| place.mode == mode && place.ways.contains(way));
        assert!(mode.ways().iter().all(tried), "{mode:?} has a way that is never taken");
    }
    let tables = places.iter().flat_map(|place| place.ways.iter().map(|way| place.table(*way)));
    let problems = join_all(tables).await.concat();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

impl Place {
    async fn open(mode: Mode, bind: &str, tailscale: &str) -> Self {
        let auth = match mode {
            Mode::None => json!({"mode": "none"}),
            Mode::Token => json!({"mode": "token", "token": TOKEN}),
            Mode::Password => json!({"mode": "password", "password": TOKEN}),
            Mode::TrustedProxy => json!({"mode": "trusted-proxy", "password": TOKEN,
                "trustedProxy": {"userHeader": "x-user", "allowLoopback": true}}),
        };
        let config = json!({"gateway": {"mode": "local", "auth": auth, "bind": bind, "tailscale": {"mode": tailscale},
            "trustedProxies": ["127.0.0.1"], "controlUi": {"allowedOrigins": [LISTED]}}});
        let tailnet = Tailnet::start();
        tailnet.owner(PHONE, ANN);
        let house = House::on_tailnet(&config.to_string(), &tailnet).await;
        let far = match tailscale {
            "off" => None,
            "serve" => Some(tailnet.device(PHONE, Some(ANN)).await),
            _ => Some(tailnet.device(STRANGER, None).await),
        };
        if far.is_some() {
            tailnet.claim().await;
        }
        let has = |way: &Way| match way {
            Way::Lan => bind == "lan",
            Way::Serve => tailscale == "serve",
            Way::Funnel => tailscale == "funnel",
            _ => true,
        };
        let ways = mode.ways().iter().copied().filter(has).collect();
        Self { house, mode, ways, far, network: network_address().await, _tailnet: tailnet }
    }

    async fn table(&self, way: Way) -> Vec<String> {
        let mut problems = Vec::new();
        for (kind, _) in KINDS {
            for (shown, _) in SHOWN {
                let end = self.attempt(way, kind, shown).await;
                let rule = expected(self.mode, way, kind, shown);
                if end != rule {
                    let what = (self.mode, way, kind, shown);
                    problems.push(format!("{what:?}: the rules say {rule}, the Gateway {end}"));
                }
            }
        }
        problems
    }

    /// Connects, and says how that ended: the words of the page, or the code of the refusal.
    async fn attempt(&self, way: Way, kind: Kind, shown: Shown) -> String {
        let key = kit::device_key();
        let in_password = matches!(self.mode, Mode::Password | Mode::TrustedProxy);
        let [named, other] = if in_password { ["password", "token"] } else { ["token", "password"] };
        // Approves the device as well.
        let own_token = match shown.is_of_an_approved_device() && kind.has_device() {
            true => Some(self.device_token(kind, &key).await),
            false => None,
        };
        let credentials = match shown {
            Shown::Nothing => json!({}),
            Shown::Wrong => json!({"token": "wrong"}),
            Shown::Secret => json!({named: TOKEN}),
            Shown::OtherField => json!({other: TOKEN}),
            Shown::DeviceToken if kind.has_device() => json!({"deviceToken": own_token}),
            Shown::DeviceToken | Shown::StrangeDeviceToken => {
                json!({"deviceToken": self.device_token(Kind::Terminal, &kit::device_key()).await})
            }
        };
        let connect = who(kind, way, &key).auth(credentials);
        match self.dial(way, &connect).await {
            Ok(client) => scopes_of(&connect, &client.hello),
            Err(refused) => refused.error.unwrap().detail_code().unwrap_or_default().to_owned(),
        }
    }

    async fn dial(&self, way: Way, connect: &Connect) -> Result<Client, Refused> {
        let at = |ip: IpAddr| SocketAddr::new(ip, self.house.address().port());
        let loopback = at(Ipv4Addr::LOCALHOST.into());
        let forwarded = || connect.clone().header("x-forwarded-for", STRANGER);
        match way {
            Way::Loopback => Client::connect(loopback, connect).await,
            Way::Lan => Client::connect(at(self.network), connect).await,
            Way::LocalSocket => {
                let socket = UnixStream::connect(self.house.state().join("gateway.sock")).await.unwrap();
                Client::connect_on(socket, connect).await
            }
            Way::Proxy => Client::connect(loopback, &forwarded().header("x-user", ANN)).await,
            Way::SilentProxy => Client::connect(loopback, &forwarded()).await,
            Way::StrangeProxy => {
                let socket = TcpSocket::new_v4().unwrap();
                socket.bind((Ipv4Addr::new(127, 0, 0, 2), 0).into()).unwrap();
                let stream = socket.connect(loopback).await.unwrap();
                Client::connect_on(stream, &forwarded().header("x-user", ANN)).await
            }
            Way::Serve | Way::Funnel => Client::connect(self.far.unwrap(), connect).await,
        }
    }

    /// The token this device is given when it is approved, which takes no more than to come by the local socket or,
    /// as a page, with the secret on loopback.
    async fn device_token(&self, kind: Kind, key: &SigningKey) -> String {
        let kind = if kind == Kind::StrangePage { Kind::Page } else { kind };
        let with_secret = who(kind, Way::LocalSocket, key).auth(json!({"token": TOKEN}));
        let client = self.dial(Way::LocalSocket, &with_secret).await.expect("on this host it is let in");
        client.hello["auth"]["deviceToken"].as_str().unwrap().to_owned()
    }
}

fn who(kind: Kind, way: Way, key: &SigningKey) -> Connect {
    let named =
        |id: &str, mode: &str| Connect::backend("").set("/client/id", json!(id)).set("/client/mode", json!(mode));
    let page = |origin: &str| {
        let page = Connect::device("", key).set("/client/id", json!("openclaw-control-ui"));
        page.set("/client/mode", json!("webchat")).header("origin", origin)
    };
    match kind {
        Kind::Cli => named("cli", "cli"),
        Kind::Backend => Connect::backend(""),
        Kind::Probe => named("cli", "probe"),
        Kind::Terminal => Connect::device("", key),
        Kind::Node => Connect::node("", key),
        Kind::BarePage => Connect { key: None, ..who(Kind::Page, way, key) },
        Kind::Page if way.is_local() => page("http://localhost:5173"),
        Kind::Page => page(LISTED),
        Kind::StrangePage => page("https://evil.example"),
    }
}

/// An address of this machine that is not loopback: what comes to it comes from it, and so from no loopback address.
async fn network_address() -> IpAddr {
    let mut watcher = if_watch::tokio::IfWatcher::new().unwrap();
    let listed = async {
        loop {
            if let IfEvent::Up(network) = poll_fn(|cx| watcher.poll_if_event(cx)).await.unwrap()
                && network.addr().is_ipv4()
                && !network.addr().is_loopback()
            {
                return network.addr();
            }
        }
    };
    let found = tokio::time::timeout(LISTED_WITHIN, listed).await;
    found.expect("this test needs an IPv4 address besides loopback: ip addr add 10.77.0.1/32 dev lo")
}

fn scopes_of(connect: &Connect, hello: &Value) -> String {
    let given = &hello["auth"]["scopes"];
    match given {
        all if *all == connect.params["scopes"] => "in".into(),
        read if *read == json!(["operator.read"]) => "in, reads only".into(),
        none if *none == json!([]) => "in, without scopes".into(),
        other => format!("in, with {other}"),
    }
}
