//! Who comes in with what: every mode, kind of client and credential on loopback, through the front door. What the rules
//! say is worked out here in `expected`, which knows nothing of the Gateway's code; `docs/auth-matrix.md` shows it.
//! `UPDATE_DOCS=1` brings the page up to date.

use std::fmt::Write as _;

use kit::{Client, Connect, SigningKey};
use serde_json::{Value, json};

use crate::house::{House, TOKEN};

/// `gateway.auth.mode`, each with the same secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    None,
    Token,
    Password,
}

/// Who connects. Those with a device sign the challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cli,
    Backend,
    Probe,
    Terminal,
    Node,
    Page,
    StrangePage,
}

/// What it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Nothing,
    Wrong,
    Secret,
    OtherField,
    DeviceToken,
    StrangeDeviceToken,
    ThroughProxy,
}

const MODES: [(Mode, &str); 3] = [(Mode::None, "none"), (Mode::Token, "token"), (Mode::Password, "password")];

const KINDS: [(Kind, &str); 7] = [
    (Kind::Cli, "command line, no device"),
    (Kind::Backend, "backend helper, no device"),
    (Kind::Probe, "probe, no device"),
    (Kind::Terminal, "terminal with a device"),
    (Kind::Node, "node with a device"),
    (Kind::Page, "Control UI page of this host"),
    (Kind::StrangePage, "page of another site"),
];

const SHOWN: [(Shown, &str); 7] = [
    (Shown::Nothing, "nothing"),
    (Shown::Wrong, "a wrong secret"),
    (Shown::Secret, "the secret"),
    (Shown::OtherField, "the secret in the other field"),
    (Shown::DeviceToken, "its device token"),
    (Shown::StrangeDeviceToken, "another's device token"),
    (Shown::ThroughProxy, "the secret, through an unknown proxy"),
];

impl Kind {
    const fn has_device(self) -> bool {
        !matches!(self, Self::Cli | Self::Backend | Self::Probe)
    }
}

/// What the rules say, in their order: LOCAL-3, ORIGIN-1, then devices (PAIR-3, AUTH-12), then credentials (AUTH-2,
/// AUTH-5, AUTH-9).
fn expected(mode: Mode, kind: Kind, shown: Shown) -> &'static str {
    if shown == Shown::ThroughProxy {
        return "AUTH_UNAUTHORIZED";
    }
    if kind == Kind::StrangePage {
        return "CONTROL_UI_ORIGIN_NOT_ALLOWED";
    }
    if kind.has_device() { with_device(mode, shown) } else { without_device(mode, kind, shown) }
}

fn with_device(mode: Mode, shown: Shown) -> &'static str {
    let [missing, mismatch] = match mode {
        Mode::None => return "in",
        Mode::Token => ["AUTH_TOKEN_MISSING", "AUTH_TOKEN_MISMATCH"],
        Mode::Password => ["AUTH_PASSWORD_MISSING", "AUTH_PASSWORD_MISMATCH"],
    };
    match shown {
        Shown::Nothing => missing,
        Shown::Wrong => mismatch,
        Shown::StrangeDeviceToken => "AUTH_DEVICE_TOKEN_MISMATCH",
        _ => "in",
    }
}

fn without_device(mode: Mode, kind: Kind, shown: Shown) -> &'static str {
    // A device token without its device is nothing.
    let has_secret = matches!(shown, Shown::Secret | Shown::OtherField);
    match (mode, kind) {
        (Mode::None, Kind::Backend) => "in",
        (Mode::None, _) => "DEVICE_IDENTITY_REQUIRED",
        (Mode::Token, _) if shown == Shown::Wrong => "AUTH_TOKEN_MISMATCH",
        (Mode::Password, _) if shown == Shown::Wrong => "AUTH_PASSWORD_MISMATCH",
        (_, Kind::Probe) if has_secret => "in, reads only",
        _ if has_secret => "in",
        _ => "DEVICE_IDENTITY_REQUIRED",
    }
}

/// AUTH-2, AUTH-5, AUTH-9, AUTH-12, PAIR-3, PAIR-4, LOCAL-3, ORIGIN-1: each cell against a Gateway of its mode; the modes side by side, for a wrong secret costs its sender a wait.
#[tokio::test]
async fn every_mode_client_and_credential_ends_as_the_rules_say() {
    let [none, token, password] = MODES.map(|(mode, _)| column(mode));
    let ends = tokio::join!(none, token, password);
    let problems = [ends.0, ends.1, ends.2].concat();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

async fn column(mode: Mode) -> Vec<String> {
    let auth = match mode {
        Mode::None => json!({"mode": "none"}),
        Mode::Token => json!({"mode": "token", "token": TOKEN}),
        Mode::Password => json!({"mode": "password", "password": TOKEN}),
    };
    let house = House::with(&json!({"gateway": {"mode": "local", "auth": auth}}).to_string()).await;
    let mut problems = Vec::new();
    for (kind, _) in KINDS {
        let key = kit::device_key();
        for (shown, _) in SHOWN {
            let end = attempt(&house, mode, kind, shown, &key).await;
            let rule = expected(mode, kind, shown);
            if end != rule {
                problems.push(format!("{mode:?}, {kind:?}, {shown:?}: the rules say {rule}, the Gateway {end}"));
            }
        }
    }
    problems
}

/// Connects, and says how that ended: the words of the page, or the code of the refusal.
async fn attempt(house: &House, mode: Mode, kind: Kind, shown: Shown, key: &SigningKey) -> String {
    let secret = secret_in(if mode == Mode::Password { "password" } else { "token" });
    let credentials = match shown {
        Shown::Nothing => json!({}),
        Shown::Wrong => json!({"token": "wrong"}),
        Shown::Secret | Shown::ThroughProxy => secret,
        Shown::OtherField => secret_in(if mode == Mode::Password { "token" } else { "password" }),
        Shown::DeviceToken if kind.has_device() && kind != Kind::StrangePage => {
            json!({"deviceToken": device_token(house, &who(kind, key).auth(secret)).await})
        }
        Shown::DeviceToken | Shown::StrangeDeviceToken => {
            let another = Connect::device("", &kit::device_key()).auth(secret);
            json!({"deviceToken": device_token(house, &another).await})
        }
    };
    let mut connect = who(kind, key).auth(credentials);
    if shown == Shown::ThroughProxy {
        connect = connect.header("x-forwarded-for", "203.0.113.9");
    }
    match Client::connect(house.address(), &connect).await {
        Ok(client) => scopes_of(&connect, &client.hello),
        Err(refused) => refused.error.unwrap().detail_code().unwrap_or_default().to_owned(),
    }
}

fn secret_in(field: &str) -> Value {
    json!({field: TOKEN})
}

fn who(kind: Kind, key: &SigningKey) -> Connect {
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
        Kind::Page => page("http://localhost:5173"),
        Kind::StrangePage => page("https://evil.example"),
    }
}

/// The token this device is given when it comes in with the secret.
async fn device_token(house: &House, connect: &Connect) -> String {
    house.client(connect).await.hello["auth"]["deviceToken"].as_str().unwrap().to_owned()
}

fn scopes_of(connect: &Connect, hello: &Value) -> String {
    let given = &hello["auth"]["scopes"];
    match given {
        all if *all == connect.params["scopes"] => "in".into(),
        read if *read == json!(["operator.read"]) => "in, reads only".into(),
        other => format!("in, with {other}"),
    }
}

/// The page says what `expected` says, and so what the Gateway does.
#[test]
fn the_page_shows_the_matrix() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/auth-matrix.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written == page, "docs/auth-matrix.md is out of date: run UPDATE_DOCS=1 cargo test -p openclaw-gateway");
}

fn page() -> String {
    let mut page = String::from(
        "# Who comes in with what\n\n\
         On loopback, by `gateway.auth.mode`. Each cell is a connection made by a test: \"in\" is with the scopes it asked for,\n\
         a code is `details.code` of the refusal. `UPDATE_DOCS=1 cargo test -p openclaw-gateway` writes this page.\n\n\
         A forwarding header from a proxy that `gateway.trustedProxies` does not list is refused before any secret is read,\n\
         and so is a page of another site. A device on loopback is approved without asking, unless\n\
         `gateway.nodes.pairing.autoApproveLocal` is false.\n",
    );
    for (mode, name) in MODES {
        let rows = KINDS.map(|(kind, who)| (who, SHOWN.map(|(shown, _)| expected(mode, kind, shown))));
        let columns = SHOWN.map(|(_, what)| what).join(" | ");
        write!(page, "\n## Mode `{name}`\n\n| | {columns} |\n|---|{}\n", "---|".repeat(SHOWN.len())).unwrap();
        for (who, cells) in rows {
            writeln!(page, "| {who} | {} |", cells.map(cell).join(" | ")).unwrap();
        }
    }
    page
}

fn cell(end: &'static str) -> String {
    if end.starts_with("in") { end.to_owned() } else { format!("`{end}`") }
}
