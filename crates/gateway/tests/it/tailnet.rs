//! `gateway.tailscale.mode` with a `tailscale` of the kit's: who comes in by the route, and what becomes of it.

use std::net::SocketAddr;
use std::time::Duration;

use kit::{Claimed, Client, Connect, Tailnet};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::house::{House, TOKEN, detail, frame};

const ANN: &str = "ann@example.com";
const PHONE: &str = "100.64.0.7";
/// The longest pause between two attempts is a minute, after six of them.
const PATIENCE: Duration = Duration::from_secs(60);
const PAGE: &str = "https://studio.tail1.ts.net";

fn serve() -> Value {
    json!({"gateway": {"mode": "local", "auth": {"mode": "token", "token": TOKEN}, "tailscale": {"mode": "serve"}}})
}

fn funnel() -> Value {
    json!({"gateway": {"mode": "local", "auth": {"mode": "password", "password": TOKEN}, "tailscale": {"mode": "funnel"}}})
}

/// The Control UI in a browser that shows no secret, asking for everything.
fn page() -> Connect {
    let scopes = ["operator.admin", "operator.read", "operator.write", "operator.approvals", "operator.pairing"];
    let page = Connect::device("", &kit::device_key()).auth(json!({})).header("Origin", PAGE).scopes(&scopes);
    let page = page.set("/client/id", json!("openclaw-control-ui"));
    page.set("/client/mode", json!("webchat"))
}

/// A Gateway whose route is up.
async fn house(config: &Value, tailnet: &Tailnet) -> (House, Claimed) {
    let house = House::on_tailnet(&config.to_string(), tailnet).await;
    let claimed = tailnet.claim().await;
    (house, claimed)
}

async fn refusal(address: SocketAddr, with: &Connect) -> Value {
    match Client::connect(address, with).await {
        Ok(_) => panic!("this client should not be let in"),
        Err(refused) => detail(&refused, "authReason").clone(),
    }
}

async fn http(address: SocketAddr, head: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{head}\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Waits until `health` says this of the tailnet.
async fn exposure(owner: &mut Client, test: impl Fn(&Value) -> bool) -> Value {
    let health = owner.request("health", json!({})).await.unwrap();
    if test(&health["tailscale"]) {
        return health["tailscale"].clone();
    }
    let mut last = health["tailscale"].clone();
    let seen = async {
        loop {
            last = frame(owner, "health").await["payload"]["tailscale"].clone();
            if test(&last) {
                return last.clone();
            }
        }
    };
    let seen = tokio::time::timeout(PATIENCE, seen).await;
    seen.unwrap_or_else(|_| panic!("the last that was seen is {last}"))
}

fn has_code(code: &str) -> impl Fn(&Value) -> bool {
    move |seen| seen["error"]["code"] == code
}

/// SEED-1, TS-3, PAIR-11, ORIGIN-4: Tailscale Serve authenticates by identity headers with `gateway.auth.allowTailscale`.
#[tokio::test]
async fn a_page_of_the_tailnet_comes_in_by_its_owners_login_and_needs_no_pairing() {
    let tailnet = Tailnet::start();
    tailnet.owner(PHONE, "Ann@Example.com");
    let (house, _) = house(&serve(), &tailnet).await;
    let phone = tailnet.device(PHONE, Some(ANN)).await;
    let page = page();
    let ann = Client::connect(phone, &page).await.expect("Ann's page is let in");
    assert_eq!(ann.hello["auth"]["method"], "tailscale");
    assert!(ann.hello["auth"]["scopes"].to_string().contains("operator.admin"), "{}", ann.hello["auth"]);
    let token = ann.hello["auth"]["deviceToken"].as_str().unwrap().to_owned();
    let again = page.auth(json!({"deviceToken": token}));
    let again = Client::connect(phone, &again).await.expect("the token it was given is good");
    assert_eq!(again.hello["auth"]["method"], "device-token");
    assert_eq!(tailnet.asked().iter().filter(|line| line.starts_with("whois")).count(), 1);

    let mut owner = house.owner().await;
    let devices = owner.request("device.pair.list", json!({})).await.unwrap();
    assert_eq!(
        (devices["paired"].as_array().map(Vec::len), devices["pending"].as_array().map(Vec::len)),
        (Some(1), Some(0))
    );
}

/// TS-3
#[tokio::test]
async fn the_word_of_tailscale_is_for_pages_that_show_no_secret_and_only_when_whois_agrees() {
    let tailnet = Tailnet::start();
    tailnet.owner(PHONE, ANN);
    tailnet.owner("100.64.0.8", "bob@example.com");
    let (_house, claimed) = house(&serve(), &tailnet).await;
    let phone = tailnet.device(PHONE, Some(ANN)).await;
    assert_eq!(refusal(phone, &page().auth(json!({"token": "wrong"}))).await, "token_mismatch", "it showed a secret");
    assert_eq!(refusal(phone, &page().set("/client/id", json!("openclaw-tui"))).await, "token_missing", "no page");
    let node = Connect::node("", &kit::device_key()).auth(json!({}));
    assert_eq!(refusal(phone, &node).await, "token_missing", "a node");
    let liar = tailnet.device("100.64.0.8", Some(ANN)).await;
    assert_eq!(refusal(liar, &page()).await, "token_missing", "whois names Bob");
    let unknown = tailnet.device("100.64.0.9", Some(ANN)).await;
    assert_eq!(refusal(unknown, &page()).await, "token_missing", "whois knows nobody");
    let tagged = tailnet.device(PHONE, None).await;
    assert_eq!(refusal(tagged, &page()).await, "token_missing", "tailscaled names nobody");
    let mut bare = page();
    bare.key = None;
    let Err(refused) = Client::connect(phone, &bare).await else { panic!("a page without a device") };
    assert_eq!(refused.error.unwrap().detail_code(), Some("CONTROL_UI_DEVICE_IDENTITY_REQUIRED"));

    let listener = SocketAddr::from(([127, 0, 0, 1], claimed.port));
    assert_eq!(refusal(listener, &page()).await, "proxy_attribution_required", "not by the route");
    let answer = http(phone, "GET /control-ui-config.json HTTP/1.1\r\nhost: x").await;
    assert!(answer.starts_with("HTTP/1.1 401"), "HTTP asks for the secret: {answer}");
    let with_token = format!("GET /control-ui-config.json HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}");
    assert!(http(phone, &with_token).await.starts_with("HTTP/1.1 200"));
}

/// TS-2, RATE-6: pages that come at once from one device are one question.
#[tokio::test]
async fn whois_is_asked_once_however_many_pages_come_from_a_device() {
    let tailnet = Tailnet::start();
    tailnet.owner(PHONE, ANN);
    let (_house, _) = house(&serve(), &tailnet).await;
    let phone = tailnet.device(PHONE, Some(ANN)).await;
    let pages = [page(), page(), page()];
    let [one, two, three] = &pages;
    let all = tokio::join!(Client::connect(phone, one), Client::connect(phone, two), Client::connect(phone, three));
    for come in [all.0, all.1, all.2] {
        assert_eq!(come.expect("Ann's page is let in").hello["auth"]["method"], "tailscale");
    }
    let asked = tailnet.asked().into_iter().filter(|line| line.starts_with("whois")).collect::<Vec<_>>();
    assert_eq!(asked, [format!("whois --json {PHONE}")]);
}

/// TS-3, TS-9, LOCAL-3: the same headers on the ordinary port are hearsay.
#[tokio::test]
async fn on_the_ordinary_port_the_headers_of_tailscale_prove_nothing() {
    let tailnet = Tailnet::start();
    tailnet.owner(PHONE, ANN);
    let (house, _) = house(&serve(), &tailnet).await;
    let forged = [
        ("x-forwarded-for", PHONE),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "studio.tail1.ts.net"),
        ("tailscale-user-login", ANN),
    ];
    let forged = forged.into_iter().fold(page(), |page, (name, value)| page.header(name, value));
    assert_eq!(refusal(house.address(), &forged).await, "proxy_attribution_required");
    assert!(!tailnet.asked().iter().any(|line| line.starts_with("whois")), "nobody is even asked");
}

/// SEED-1, TS-3, CFG-8: `allowTailscale: false` where tokens or passwords are wanted instead.
#[tokio::test]
async fn without_allow_tailscale_only_the_token_counts() {
    let tailnet = Tailnet::start();
    tailnet.owner(PHONE, ANN);
    let mut config = serve();
    config["gateway"]["auth"]["allowTailscale"] = json!(false);
    let (house, _) = house(&config, &tailnet).await;
    let phone = tailnet.device(PHONE, Some(ANN)).await;
    assert_eq!(refusal(phone, &page()).await, "token_missing");
    let Err(asked) = Client::connect(phone, &page().auth(json!({"token": TOKEN}))).await else { panic!("it waits") };
    assert_eq!(asked.error.unwrap().detail_code(), Some("PAIRING_REQUIRED"), "the token is good, the device is new");

    config["gateway"]["auth"]["allowTailscale"] = json!(true);
    let mut owner = house.owner().await;
    house.rewrite(&config.to_string());
    frame(&mut owner, "config.changed").await;
    let mut ann = Client::connect(phone, &page()).await.expect("allowed from now on");
    config["gateway"]["auth"]["allowTailscale"] = json!(false);
    house.rewrite(&config.to_string());
    assert_eq!(ann.closed().await.code, 1012, "whoever came in by it comes back under the new rule");
}

/// TS-4: strangers at the funnel who say nothing take only the places of the funnel.
#[tokio::test]
async fn a_crowd_behind_a_funnel_leaves_this_machines_own_tools_their_places() {
    let tailnet = Tailnet::start();
    let (house, claimed) = house(&funnel(), &tailnet).await;
    let mut crowd = Vec::new();
    for _ in 0..600 {
        crowd.push(tokio::net::TcpStream::connect(("127.0.0.1", claimed.port)).await.unwrap());
    }
    // The last is turned away, so all before it were looked at; a reset says the same as an end.
    let last = crowd.last_mut().unwrap().read(&mut [0]).await;
    assert!(!matches!(last, Ok(1..)), "{last:?}");
    let owner = house.client(&Connect::backend("").auth(json!({"password": TOKEN}))).await;
    assert_eq!(owner.hello["auth"]["method"], "password");
}

/// TS-4, TS-8
#[tokio::test]
async fn a_funnel_asks_for_the_password_whoever_calls() {
    let tailnet = Tailnet::start();
    tailnet.owner(PHONE, ANN);
    let (house, claimed) = house(&funnel(), &tailnet).await;
    assert_eq!(claimed.way, "funnel");
    let stranger = tailnet.device("203.0.113.9", Some(ANN)).await;
    assert_eq!(refusal(stranger, &page()).await, "password_missing");
    let ours = tailnet.device(PHONE, Some(ANN)).await;
    assert_eq!(refusal(ours, &page()).await, "password_missing");
    let Err(asked) = Client::connect(stranger, &page().auth(json!({"password": TOKEN}))).await else {
        panic!("it waits")
    };
    assert_eq!(asked.error.unwrap().detail_code(), Some("PAIRING_REQUIRED"));
    let mut owner = house.client(&Connect::backend("").auth(json!({"password": TOKEN}))).await;
    let seen = exposure(&mut owner, |seen| seen["state"] == "up").await;
    assert_eq!(
        seen,
        json!({"mode": "funnel", "state": "up", "url": format!("{PAGE}/"), "wsUrl": "wss://studio.tail1.ts.net"})
    );
}

/// TS-5: the route goes with the Gateway, and is put up again when tailscaled loses it.
#[tokio::test]
async fn a_lost_route_is_put_up_again_and_goes_with_the_gateway() {
    let tailnet = Tailnet::start();
    let (house, first) = house(&serve(), &tailnet).await;
    let mut owner = house.owner().await;
    exposure(&mut owner, |seen| seen["state"] == "up").await;
    tailnet.cut();
    exposure(&mut owner, has_code("TAILSCALE_ROUTE_LOST")).await;
    exposure(&mut owner, |seen| seen["state"] == "up").await;
    let second = tailnet.claim().await;
    assert_ne!(first.pid, second.pid);
    assert_eq!(first.port, second.port, "the same listener");
    house.stop().await;
    assert_eq!(tailnet.claimed(), None);
}

/// TS-5, TS-10: nothing of it takes the Gateway down, each is told apart, and the route comes up by itself.
#[tokio::test]
async fn what_is_in_the_way_is_told_and_the_route_comes_up_once_it_is_mended() {
    let tailnet = Tailnet::start();
    tailnet.status("/BackendState", json!("Starting"));
    let house = House::on_tailnet(&serve().to_string(), &tailnet).await;
    let mut owner = house.owner().await;
    exposure(&mut owner, has_code("TAILSCALE_STARTING")).await;
    tailnet.status("/BackendState", json!("Stopped"));
    let stopped = exposure(&mut owner, has_code("TAILSCALE_STOPPED")).await;
    assert_eq!(stopped["error"]["message"], "Tailscale is stopped on this machine");
    assert_eq!(stopped["error"]["next"], json!(["sudo tailscale up"]));
    tailnet.status("/BackendState", json!("Running"));
    exposure(&mut owner, |seen| seen["state"] == "up").await;
    let status = owner.request("status", json!({})).await.unwrap();
    assert_eq!(status["tailscale"]["url"], format!("{PAGE}/"));
}

/// TS-1
#[tokio::test]
async fn without_the_program_the_gateway_says_so_and_in_mode_off_nobody_looks() {
    let mut config = serve();
    let house = House::with(&config.to_string()).await;
    let mut owner = house.owner().await;
    exposure(&mut owner, has_code("TAILSCALE_NOT_INSTALLED")).await;

    config["gateway"]["tailscale"]["mode"] = json!("off");
    let tailnet = Tailnet::start();
    let quiet = House::on_tailnet(&config.to_string(), &tailnet).await;
    let health = quiet.owner().await.request("health", json!({})).await.unwrap();
    assert_eq!((&health["tailscale"], tailnet.asked().len()), (&Value::Null, 0));
}

/// TS-5: as root when this user may not, and the command that mends it when root asks for a password.
#[tokio::test]
async fn a_user_who_may_not_is_told_how_and_sudo_helps_where_it_asks_nothing() {
    let tailnet = Tailnet::start();
    tailnet.mark("denied", true);
    let house = House::on_tailnet(&serve().to_string(), &tailnet).await;
    let mut owner = house.owner().await;
    let seen = exposure(&mut owner, has_code("TAILSCALE_NOT_PERMITTED")).await;
    assert_eq!(seen["error"]["next"], json!(["sudo tailscale set --operator=$USER"]));
    tailnet.mark("sudo", true);
    exposure(&mut owner, |seen| seen["state"] == "up").await;
    tailnet.claim().await;
    house.stop().await;
    assert_eq!(tailnet.claimed(), None);
}

/// TS-6, TS-7: January's key is taken, and nothing is ever reset.
#[tokio::test]
async fn our_own_old_route_is_replaced_and_anybody_elses_is_left_alone() {
    let tailnet = Tailnet::start();
    let route = |port: u16| {
        let handlers = json!({"/": {"Proxy": format!("http://127.0.0.1:{port}")}});
        json!({"TCP": {"443": {"HTTPS": true}}, "Web": {"studio.tail1.ts.net:443": {"Handlers": handlers}}})
    };
    tailnet.routes(&route(3000));
    let mut config = serve();
    config["gateway"]["tailscale"]["resetOnExit"] = json!(true);
    let house = House::on_tailnet(&config.to_string(), &tailnet).await;
    let mut owner = house.owner().await;
    let seen = exposure(&mut owner, has_code("TAILSCALE_PORT_TAKEN")).await;
    assert_eq!(
        seen["error"]["message"],
        "port 443 of tailscale is taken by studio.tail1.ts.net:443 (session background): / -> http://127.0.0.1:3000; it was left as it is"
    );
    assert_eq!(tailnet.background(), route(3000));
    tailnet.routes(&route(house.address().port()));
    exposure(&mut owner, |seen| seen["state"] == "up").await;
    assert_eq!(tailnet.background(), json!({}));
    house.stop().await;
    assert!(!tailnet.asked().iter().any(|line| line.contains("reset")), "that would wipe everything of the host's");
}

/// TS-10: a program that waits for somebody to enable something is not waited for.
#[tokio::test]
async fn what_the_tailnet_does_not_allow_is_said_at_once() {
    let tailnet = Tailnet::start();
    tailnet.says("\nServe is not enabled on your tailnet.\nTo enable, visit:\n\n         https://login.tailscale.com/f/serve?node=n\n\n");
    let house = House::on_tailnet(&serve().to_string(), &tailnet).await;
    let mut owner = house.owner().await;
    exposure(&mut owner, has_code("TAILSCALE_SERVE_OFF")).await;
    tailnet.says("error: some new sentence\n");
    let seen = exposure(&mut owner, has_code("TAILSCALE_REFUSED")).await;
    assert_eq!(seen["error"]["message"], "tailscale refused the route: error: some new sentence");
}
