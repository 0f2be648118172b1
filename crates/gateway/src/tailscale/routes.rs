//! What already has port 443 of this machine's tailnet name (TS-7). Pure.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `tailscale serve status --json`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Routes {
    #[serde(flatten)]
    background: Table,
    /// Held by a program that runs, by its session.
    foreground: Option<BTreeMap<String, Table>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Table {
    #[serde(rename = "TCP")]
    tcp: Option<BTreeMap<String, Port>>,
    web: Option<BTreeMap<String, Site>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Port {
    #[serde(rename = "TCPForward")]
    tcp_forward: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Site {
    handlers: Option<BTreeMap<String, Handler>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Handler {
    proxy: String,
    path: String,
    text: String,
}

/// Who has the port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    /// Nobody.
    Free,
    /// An older route to this very Gateway, in the background, and nothing beside it: it may be replaced.
    ByUs,
    /// Somebody else.
    ByOther(Owner),
}

/// Whose route it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    /// `background`, or the session of the program that holds it.
    pub(crate) session: String,
    /// The name and port it answers for.
    pub(crate) host: String,
    /// Where it leads.
    pub(crate) target: String,
}

const PORT: &str = "443";

impl Routes {
    /// Who has port 443, for a Gateway whose ordinary port is `gateway`.
    pub(super) fn held(&self, gateway: u16) -> Held {
        let sessions = self.foreground.iter().flatten().map(|(session, table)| (session.as_str(), table));
        if let Some(owner) = sessions.into_iter().find_map(|(session, table)| table.owner(session)) {
            return Held::ByOther(owner);
        }
        match self.background.owner("background") {
            None => Held::Free,
            Some(_) if self.background.leads_only_to(gateway) => Held::ByUs,
            Some(owner) => Held::ByOther(owner),
        }
    }
}

impl Table {
    fn sites(&self) -> impl Iterator<Item = (&String, &Site)> {
        self.web.iter().flatten().filter(|(host, _)| host.rsplit_once(':').is_some_and(|(_, port)| port == PORT))
    }

    fn handlers(&self) -> impl Iterator<Item = (&String, &String, &Handler)> {
        let of = |host| move |(path, handler)| (host, path, handler);
        self.sites().flat_map(move |(host, site)| site.handlers.iter().flatten().map(of(host)))
    }

    fn owner(&self, session: &str) -> Option<Owner> {
        let owner = |host: &str, target: String| Owner { session: session.into(), host: host.into(), target };
        if let Some((host, path, handler)) = self.handlers().next() {
            let target = [&handler.proxy, &handler.path, &handler.text].into_iter().find(|text| !text.is_empty());
            return Some(owner(host, format!("{path} -> {}", target.map_or("?", String::as_str))));
        }
        let port = self.tcp.as_ref()?.get(PORT)?;
        Some(owner(&format!(":{PORT}"), format!("tcp {}", port.tcp_forward)))
    }

    fn leads_only_to(&self, gateway: u16) -> bool {
        let ours = ["127.0.0.1", "localhost"].map(|host| format!("http://{host}:{gateway}"));
        let is_ours = |path: &str, handler: &Handler| path == "/" && ours.contains(&handler.proxy);
        self.handlers().count() == 1 && self.handlers().all(|(_, path, handler)| is_ours(path, handler))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn held(routes: Value) -> Held {
        serde_json::from_value::<Routes>(routes).unwrap().held(18789)
    }

    fn web(handlers: Value) -> Value {
        json!({"TCP": {"443": {"HTTPS": true}}, "Web": {"box.tail1.ts.net:443": {"Handlers": handlers}}})
    }

    /// TS-7
    #[test]
    fn only_our_own_background_root_route_is_adopted() {
        assert_eq!(held(json!({})), Held::Free);
        assert_eq!(
            held(
                json!({"TCP": {"8443": {"HTTPS": true}}, "Web": {"box.tail1.ts.net:8443": {"Handlers": {"/": {"Proxy": "http://127.0.0.1:18789"}}}}})
            ),
            Held::Free
        );
        for ours in ["http://127.0.0.1:18789", "http://localhost:18789"] {
            assert_eq!(held(web(json!({"/": {"Proxy": ours}}))), Held::ByUs);
        }
        let other = |routes: Value, session: &str, host: &str, target: &str| {
            let owner = Owner { session: session.into(), host: host.into(), target: target.into() };
            assert_eq!(held(routes), Held::ByOther(owner));
        };
        let name = "box.tail1.ts.net:443";
        other(web(json!({"/": {"Proxy": "http://127.0.0.1:3000"}})), "background", name, "/ -> http://127.0.0.1:3000");
        other(
            web(json!({"/": {"Proxy": "http://127.0.0.1:18789/x"}})),
            "background",
            name,
            "/ -> http://127.0.0.1:18789/x",
        );
        let beside = json!({"/": {"Proxy": "http://127.0.0.1:18789"}, "/docs": {"Path": "/srv"}});
        other(web(beside), "background", name, "/ -> http://127.0.0.1:18789");
        other(web(json!({"/": {"Text": "hello"}})), "background", name, "/ -> hello");
        other(json!({"TCP": {"443": {"TCPForward": "127.0.0.1:22"}}}), "background", ":443", "tcp 127.0.0.1:22");
        let held_by = json!({"Foreground": {"a1b2": web(json!({"/": {"Proxy": "http://127.0.0.1:18789"}}))}});
        other(held_by, "a1b2", name, "/ -> http://127.0.0.1:18789");
    }
}
