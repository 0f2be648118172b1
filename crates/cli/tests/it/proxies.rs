//! The reverse proxies of `docs/install/reverse-proxies.md`, as they are written there: real ones, between two hosts.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use kit::tls::TestCa;
use kit::{Netns, TOKEN, TestGateway};
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::{binary, json, run};

const PAGE: &str = include_str!("../../../../docs/install/reverse-proxies.md");
const NAME: &str = "claw.example.com";
const PROXY: &str = "10.78.0.1";
/// A loaded machine answers within this.
const PATIENCE: Duration = Duration::from_secs(30);

/// The block of the page in `language`.
fn block(language: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

/// The page's nginx, with this test's name, certificate and Gateway.
fn nginx(folder: &Path, port: u16) -> Command {
    let own = "/etc/ssl/claw.example.com/";
    let site = block("nginx").replace(&format!("{own}fullchain.pem"), "cert.pem");
    let site = site.replace(&format!("{own}privkey.pem"), "key.pem").replace(NAME, PROXY);
    let site = site.replace("127.0.0.1:18789", &format!("127.0.0.1:{port}"));
    let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {}/{kind};\n", folder.display()))
        .concat();
    // One process, so that ending it ends all of it.
    let whole = format!(
        "pid nginx.pid;\ndaemon off;\nmaster_process off;\nevents {{}}\nhttp {{\naccess_log off;\n{temp}{site}\n}}\n"
    );
    std::fs::write(folder.join("nginx.conf"), whole).unwrap();
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).args(["-c", "nginx.conf", "-e", "error.log"]);
    command
}

/// The page's Caddy; only its certificate is ours, for there is nobody here to fetch one from.
fn caddy(folder: &Path, port: u16) -> Command {
    let site = block("caddyfile").replace(NAME, &format!("https://{PROXY}"));
    let site = site.replace("127.0.0.1:18789", &format!("127.0.0.1:{port}"));
    let pair = format!("tls {0}/cert.pem {0}/key.pem\n", folder.display());
    let site = site.replacen("{\n", &format!("{{\n{pair}"), 1);
    let whole = format!("{{\n admin off\n auto_https disable_redirects\n default_sni {PROXY}\n}}\n{site}");
    std::fs::write(folder.join("Caddyfile"), whole).unwrap();
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(folder.join("Caddyfile")).env("HOME", folder);
    command
}

/// The page's Gateway: what it says about `gateway` beside this test's secret.
fn config() -> Value {
    let page: Value = json5::from_str(&block("json5").replace(NAME, PROXY)).unwrap();
    let proxies = page["gateway"]["trustedProxies"].clone();
    json!({"gateway": {"trustedProxies": proxies, "controlUi": page["gateway"]["controlUi"]}})
}

/// Another machine reaches the Gateway through `proxy`, as a stranger that must be approved, whatever it claims.
fn through(proxy: fn(&Path, u16) -> Command) {
    let (host, other) = (Netns::new(), Netns::new());
    host.join(&format!("{PROXY}/24"), &other, "10.78.0.2/24");
    let mut gateway = TestGateway::prepare(&binary(), &json!({}));
    for (key, value) in config()["gateway"].as_object().unwrap() {
        gateway = gateway.with_config(&format!("/gateway/{key}"), value.clone());
    }
    let port = gateway.address().port();
    let mut daemon =
        Daemon::spawn(&mut host.on(&gateway.command()), &["gateway", "run", "--bind", "loopback", "--json"]);
    daemon.announced();
    let folder = tempfile::tempdir().unwrap();
    let pair = TestCa::new().issue(PROXY);
    std::fs::write(folder.path().join("cert.pem"), &pair.cert_pem).unwrap();
    std::fs::write(folder.path().join("key.pem"), &pair.key_pem).unwrap();
    let mut command = proxy(folder.path(), port);
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let _proxy = Daemon::spawn(&mut host.on(&command), &[]);

    let far = TestGateway::prepare(&binary(), &json!({}));
    let url = format!("wss://{PROXY}");
    let pin = link::Pin::of_pem_file(&folder.path().join("cert.pem")).unwrap().to_string();
    let health = ["health", "--url", &url, "--token", TOKEN, "--tls-fingerprint", &pin];
    let began = Instant::now();
    let (exit, refused) = loop {
        let answer = json(&mut other.on(&far.command()), &health);
        // Exit 3: the proxy is not up yet.
        if answer.0 != 3 || began.elapsed() > PATIENCE {
            break answer;
        }
    };
    assert_eq!((exit, &refused["error"]["details"]["code"]), (4, &json!("PAIRING_REQUIRED")), "{refused}");
    let request = refused["error"]["details"]["requestId"].as_str().unwrap();
    let (_, listed) = json(&mut host.on(&gateway.command()), &["devices", "list"]);
    assert_eq!(listed["pending"][0]["remoteIp"], "10.78.0.2", "the proxy names the client: {listed}");
    assert_eq!(run(&mut host.on(&gateway.command()), &["devices", "approve", request]).0, 0);
    let (exit, answer) = json(&mut other.on(&far.command()), &health);
    assert_eq!(exit, 0, "{answer}");

    // What a client claims about its address is overwritten: it does not become one of this host.
    let mut curl = Command::new("curl");
    let metrics = format!("https://{PROXY}/metrics");
    curl.args(["-sk", "-o", "/dev/null", "-w", "%{http_code}", "-H", "X-Forwarded-For: 127.0.0.1", &metrics]);
    curl.env("PATH", "/usr/bin:/bin");
    let (_, status, _) = run(&mut other.on(&curl), &[]);
    assert_eq!(status, "401", "metrics are open to callers of this host only");
}

/// LOCAL-3, LOCAL-4, PAIR-4
#[test]
fn nginx_as_the_guide_has_it_leads_to_the_gateway() {
    through(nginx);
}

/// LOCAL-3, LOCAL-4, PAIR-4
#[test]
fn caddy_as_the_guide_has_it_leads_to_the_gateway() {
    through(caddy);
}
