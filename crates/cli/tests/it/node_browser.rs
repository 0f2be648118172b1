//! `browser.proxy` through the whole way: a Gateway, the real host, the machine's own Chromium, and a page of the test's.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kit::{Client, TestGateway};
use serde_json::{Value, json};
use wire::ErrorShape;

use crate::binary;
use crate::node_host::{Host, PATIENCE, approved_in, call, eventually, lives};

const PAGE: &str = r#"<!doctype html><title>Shop</title><h1>Welcome</h1>
<button onclick="document.querySelector('output').textContent = 'pressed ' + ++count; console.log('pressed', count)">Press me</button>
<output></output>
<label>Name <input id="name" onkeydown="if (event.key === 'Enter') document.title = 'Hello ' + this.value"></label>
<label><input type="checkbox" id="agree"> Agree</label>
<select aria-label="Colour"><option value="r">Red<option value="g">Green</select>
<button onclick="this.textContent = confirm('Sure?') ? 'yes' : 'no'">Ask</button>
<a href="/next">Next page</a>
<button onclick="window.open('/asks')">Popup</button>
<script>let count = 0</script>"#;
/// Asks while it is still loading.
const ASKS: &str =
    "<title>Asks</title><script>document.title = confirm('Really?') ? 'agreed' : 'declined'</script><p>Asked";
/// Asks when somebody leaves who has done something there.
const KEEPS: &str =
    "<title>Keeps</title><button>Stay</button><script>onbeforeunload = e => e.preventDefault()</script>";

/// Serves the page, and others, on loopback until the test ends.
fn serve() -> String {
    serve_telling(|| {})
}

/// The same, and does something when a page asks for what is never answered.
pub(crate) fn serve_telling(hangs: impl Fn() + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let hangs = Arc::new(hangs);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { return };
            let hangs = hangs.clone();
            // A browser opens connections it does not need yet; none holds another.
            std::thread::spawn(move || answer(stream, &*hangs));
        }
    });
    format!("http://{at}")
}

fn answer(mut stream: TcpStream, hangs: &dyn Fn()) {
    let mut head = [0; 2048];
    let count = stream.read(&mut head).unwrap_or(0);
    let head = String::from_utf8_lossy(&head[..count]).into_owned();
    let (more, body) = match head.split(' ').nth(1).unwrap_or_default() {
        "/next" => ("", "<title>Next</title><p>The end"),
        "/slow" => ("", "<title>Slow</title><img src=/never>"),
        "/file" => ("content-disposition: attachment\r\n", "bytes"),
        "/asks" => ("", ASKS),
        "/keeps" => ("", KEEPS),
        "/never" => {
            hangs();
            let _until_the_browser_gives_up = stream.read(&mut [0]);
            return;
        }
        _ => ("", PAGE),
    };
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    // A browser that has gone needs no answer.
    let _gone = stream.write_all(answer.as_bytes());
}

/// An owner who steers a node's browser.
pub(crate) struct Steering {
    owner: Client,
    id: String,
    asked: u32,
}

impl Steering {
    pub(crate) async fn ask(&mut self, method: &str, path: &str, values: Value) -> Result<Value, ErrorShape> {
        self.asked += 1;
        let place = if method == "GET" { "query" } else { "body" };
        let params = json!({"method": method, "path": path, place: values, "timeoutMs": 50_000});
        let asked = call(&self.id, &format!("b{}", self.asked), "browser.proxy", params);
        Ok(self.owner.request("node.invoke", asked).await?["payload"].clone())
    }

    pub(crate) async fn post(&mut self, path: &str, values: Value) -> Value {
        self.ask("POST", path, values).await.unwrap()["result"].clone()
    }

    async fn snapshot(&mut self) -> Value {
        self.ask("GET", "/snapshot", json!({})).await.unwrap()["result"].clone()
    }

    /// The name of the thing with this role and name.
    async fn named(&mut self, role: &str, name: &str) -> String {
        let snapshot = self.snapshot().await;
        let refs = snapshot["refs"].as_object().unwrap();
        let found = refs.iter().find(|(_, thing)| thing["role"] == role && thing["name"] == name);
        found.unwrap_or_else(|| panic!("no {role} {name} in {snapshot}")).0.clone()
    }

    /// The tab at an address, as soon as there is one.
    async fn tab_at(&mut self, url: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let tabs = self.ask("GET", "/tabs", json!({})).await.unwrap()["result"]["tabs"].take();
            if let Some(tab) = tabs.as_array().unwrap().iter().find(|tab| tab["url"] == url) {
                return tab["targetId"].clone();
            }
            assert!(Instant::now() < deadline, "no tab at {url}: {tabs}");
        }
    }

    async fn act(&mut self, mut act: Value, role: &str, name: &str) -> Value {
        act["ref"] = json!(self.named(role, name).await);
        self.post("/act", act).await
    }
}

pub(crate) async fn steering(gateway: &TestGateway) -> (Steering, Host) {
    steering_in(gateway, tempfile::tempdir().unwrap()).await
}

/// The same with a host in a home that a test has furnished.
pub(crate) async fn steering_in(gateway: &TestGateway, home: tempfile::TempDir) -> (Steering, Host) {
    let (owner, host, id) = approved_in(gateway, home).await;
    (Steering { owner, id, asked: 0 }, host)
}

/// A home whose owner has said something.
pub(crate) fn home_with(config: &Value) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".openclaw")).unwrap();
    base::write_atomic(&home.path().join(".openclaw/openclaw.json"), config.to_string().as_bytes()).unwrap();
    home
}

/// Every living process whose line names the folder of a host.
fn browsers_of(host: &Host) -> Vec<u32> {
    browsers_in(host.folder.path())
}

/// The same by the folder.
pub(crate) fn browsers_in(folder: &std::path::Path) -> Vec<u32> {
    let folder = folder.to_str().unwrap().to_owned();
    let named = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&format!("--user-data-dir={folder}"))
    };
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(|pid| named(pid) && lives(*pid)).collect()
}

/// N-10.20, N-4.10, N-4.11
#[tokio::test]
async fn a_browser_is_steered_through_the_gateway_and_ends_with_its_host() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let (mut browser, mut host) = steering(&gateway).await;
    let status = browser.ask("GET", "/", json!({})).await.unwrap();
    assert_eq!(status["result"]["running"], false, "it starts when it is needed: {status}");
    let page = serve();

    let opened = browser.post("/tabs/open", json!({"url": page})).await;
    assert_eq!((&opened["title"], &opened["ok"]), (&json!("Shop"), &json!(true)), "{opened}");
    let snapshot = browser.snapshot().await;
    assert!(snapshot["snapshot"].as_str().unwrap().contains("heading \"Welcome\""), "{snapshot}");
    browser.act(json!({"kind": "click"}), "button", "Press me").await;
    let text = browser.snapshot().await["snapshot"].as_str().unwrap().to_owned();
    assert!(text.contains("pressed 1"), "{text}");
    let said = browser.ask("GET", "/console", json!({})).await.unwrap();
    assert_eq!(said["result"]["messages"][0]["text"], "pressed 1", "{said}");

    browser.act(json!({"kind": "type", "text": "Ann", "submit": true}), "textbox", "Name").await;
    browser.act(json!({"kind": "click"}), "checkbox", "Agree").await;
    let chosen = browser.act(json!({"kind": "select", "values": ["Green"]}), "combobox", "Colour").await;
    assert_eq!(chosen["selected"], json!(["g"]));
    let seen =
        "() => [document.title, document.querySelector('#agree').checked, document.querySelector('select').value]";
    let value = browser.post("/act", json!({"kind": "evaluate", "fn": seen})).await;
    assert_eq!(value["result"], json!(["Hello Ann", true, "g"]), "{value}");
    browser.act(json!({"kind": "click"}), "button", "Ask").await;
    browser.named("button", "no").await;
    browser.post("/hooks/dialog", json!({"accept": true})).await;
    browser.act(json!({"kind": "click"}), "button", "no").await;
    browser.named("button", "yes").await;

    let shot = browser.ask("POST", "/screenshot", json!({"fullPage": true})).await.unwrap();
    let file = &shot["files"][0];
    assert_eq!((&file["mimeType"], &file["path"]), (&json!("image/png"), &shot["result"]["path"]));
    let bytes = STANDARD.decode(file["base64"].as_str().unwrap()).unwrap();
    assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 1000);

    browser.act(json!({"kind": "click"}), "link", "Next page").await;
    let waited = browser.post("/act", json!({"kind": "wait", "text": "The end", "url": "/next"})).await;
    assert_eq!(waited["url"], format!("{page}/next"));
    let stale = browser.ask("POST", "/act", json!({"kind": "click", "ref": "e999"})).await.unwrap_err();
    assert!(stale.message.contains("take a new one"), "{stale:?}");
    for url in ["file:///etc/passwd", "chrome://version"] {
        let refused = browser.ask("POST", "/navigate", json!({"url": url})).await.unwrap_err();
        assert!(refused.message.contains("only http and https"), "{refused:?}");
    }
    let nobody = json!({"url": format!("http://127.0.0.1:{}/", kit::free_port())});
    let nobody = browser.ask("POST", "/navigate", nobody).await.unwrap_err();
    assert!(nobody.message.contains("ERR_CONNECTION_REFUSED"), "{nobody:?}");
    let slow = browser.post("/navigate", json!({"url": format!("{page}/slow"), "timeoutMs": 2000})).await;
    assert_eq!((&slow["loaded"], &slow["ok"]), (&json!(false), &json!(true)), "{slow}");
    let file = browser.ask("POST", "/navigate", json!({"url": format!("{page}/file")})).await.unwrap_err();
    assert!(file.message.contains("downloads are not kept"), "{file:?}");
    let back = browser.post("/navigate", json!({"url": page})).await;
    assert_eq!(back["loaded"], true, "nothing stands in the way: {back}");
    let tab = browser.ask("GET", "/tabs", json!({})).await.unwrap()["result"]["tabs"].take();
    let second = browser.post("/tabs/open", json!({"url": format!("{page}/next")})).await;
    let second = second["targetId"].as_str().unwrap();
    assert_eq!(browser.ask("DELETE", &format!("/tabs/{second}"), json!({})).await.unwrap()["result"]["ok"], true);
    let gone = browser.ask("POST", "/tabs/focus", json!({"targetId": second})).await.unwrap_err();
    assert!(gone.message.starts_with("NOT_FOUND"), "{gone:?}");
    browser.post("/tabs/focus", json!({"targetId": tab[0]["targetId"]})).await;
    browser.post("/navigate", json!({"url": page})).await;
    let body = "const title = document.title; return title;";
    assert_eq!(browser.post("/act", json!({"kind": "evaluate", "fn": body})).await["result"], "Shop");
    let thrown =
        browser.ask("POST", "/act", json!({"kind": "evaluate", "fn": "() => { throw new Error('oh') }"})).await;
    assert!(thrown.unwrap_err().message.contains("Error: oh"));
    let other = json!({"path": "/", "profile": "other"});
    let other = call(&browser.id, "other", "browser.proxy", other);
    let refused = browser.owner.request("node.invoke", other).await.unwrap_err();
    assert!(refused.message.contains("allowProfiles"), "{refused:?}");
    let refused = browser.ask("POST", "/profiles/create", json!({"name": "x"})).await.unwrap_err();
    assert!(refused.message.contains("profiles"), "{refused:?}");

    let log = std::fs::read_dir(gateway.folder().join("logs")).unwrap().flatten();
    let log: String = log.map(|file| std::fs::read_to_string(file.path()).unwrap()).collect();
    let audited = log.lines().filter(|line| line.contains("\"target\":\"audit\"")).collect::<Vec<_>>();
    assert!(audited.iter().any(|line| line.contains("\"path\":\"/navigate\"")), "{audited:?}");
    assert!(!audited.iter().any(|line| line.contains("/etc/passwd")), "what was asked is not written down");

    assert!(!browsers_of(&host).is_empty());
    host.child.kill().unwrap();
    host.child.wait().unwrap();
    eventually("no browser is left behind a host that was killed", || browsers_of(&host).is_empty());
}

/// N-10.20: a page that asks is answered, also one that is still loading or is left.
#[tokio::test]
async fn no_question_of_a_page_makes_it_stand_still() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let (mut browser, _host) = steering(&gateway).await;
    let page = serve();
    let first = browser.post("/tabs/open", json!({"url": page})).await["targetId"].take();
    browser.act(json!({"kind": "click"}), "button", "Popup").await;
    let popup = browser.tab_at(&format!("{page}/asks")).await;
    browser.post("/act", json!({"kind": "wait", "targetId": popup, "fn": "document.title === 'declined'"})).await;
    let said = browser.ask("GET", "/console", json!({"targetId": popup})).await.unwrap()["result"].take();
    assert_eq!((&said["messages"][0]["type"], &said["messages"][0]["text"]), (&json!("dialog"), &json!("Really?")));

    // In front: behind another tab each first click takes seconds.
    browser.post("/tabs/focus", json!({"targetId": first})).await;
    browser.post("/hooks/dialog", json!({"accept": true})).await;
    browser.post("/navigate", json!({"url": format!("{page}/asks")})).await;
    let title = json!({"kind": "evaluate", "fn": "document.title"});
    assert_eq!(browser.post("/act", title.clone()).await["result"], "agreed");
    browser.post("/navigate", json!({"url": format!("{page}/keeps")})).await;
    browser.act(json!({"kind": "click"}), "button", "Stay").await;
    browser.post("/navigate", json!({"url": page})).await;
    assert_eq!(browser.post("/act", title).await["result"], "Shop");
    let said = browser.ask("GET", "/console", json!({"level": "dialog"})).await.unwrap()["result"].take();
    assert_eq!(said["messages"].as_array().unwrap().len(), 2, "a person was asked whether to leave: {said}");

    browser.act(json!({"kind": "click"}), "textbox", "Name").await;
    for key in ["h", "Shift+a", "Shift+1", "Space", "?", "Backspace"] {
        browser.post("/act", json!({"kind": "press", "key": key})).await;
    }
    let typed = json!({"kind": "evaluate", "fn": "document.querySelector('#name').value"});
    assert_eq!(browser.post("/act", typed.clone()).await["result"], "hA! ");
    browser.post("/act", json!({"kind": "press", "key": "Control+a"})).await;
    browser.post("/act", json!({"kind": "press", "key": "x"})).await;
    assert_eq!(browser.post("/act", typed).await["result"], "x");
    let unknown = browser.ask("POST", "/act", json!({"kind": "press", "key": "Hyper"})).await.unwrap_err();
    assert!(unknown.message.contains("`Hyper` is no key"), "{unknown:?}");
}

/// N-10.20: a browser that is stopped is gone, starts again with its profile, and one that dies is started anew.
#[tokio::test]
async fn a_browser_is_stopped_and_starts_again() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let (mut browser, host) = steering(&gateway).await;
    browser.post("/start", json!({})).await;
    let status = browser.ask("GET", "/", json!({})).await.unwrap();
    assert_eq!(status["result"]["running"], true, "{status}");
    let profile = std::path::PathBuf::from(status["result"]["userDataDir"].as_str().unwrap());
    let mode = |path: &std::path::Path| {
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions()) & 0o777
    };
    assert_eq!((mode(&profile), profile.starts_with(host.path(".openclaw/browser"))), (0o700, true));
    assert_eq!(browser.post("/stop", json!({})).await["stopped"], true);
    assert!(browsers_of(&host).is_empty(), "the answer comes when it is gone");
    assert_eq!(browser.ask("GET", "/tabs", json!({})).await.unwrap()["result"]["running"], false);
    browser.post("/start", json!({})).await;
    for pid in browsers_of(&host) {
        kit::signal(pid, kit::Signal::KILL);
    }
    eventually("it is gone", || browsers_of(&host).is_empty());
    let opened = browser.post("/tabs/open", json!({"url": serve()})).await;
    assert_eq!(opened["title"], "Shop", "{opened}");
}

/// N-10.20: an owner can do without code of others on pages, and without a browser at all.
#[tokio::test]
async fn an_owner_decides_how_far_a_browser_may_be_used() {
    let gateway = TestGateway::start(&binary(), &json!({}));
    let careful = home_with(&json!({"browser": {"evaluateEnabled": false}}));
    let (mut browser, host) = steering_in(&gateway, careful).await;
    for act in [json!({"kind": "evaluate", "fn": "1"}), json!({"kind": "wait", "fn": "true"})] {
        let refused = browser.ask("POST", "/act", act).await.unwrap_err();
        assert!(refused.message.contains("browser.evaluateEnabled"), "{refused:?}");
    }
    drop(host);
    let without = home_with(&json!({"nodeHost": {"browserProxy": {"enabled": false}}}));
    let (mut owner, _host, id) = approved_in(&gateway, without).await;
    let refused =
        owner.request("node.invoke", call(&id, "k", "browser.proxy", json!({"path": "/"}))).await.unwrap_err();
    assert!(refused.message.contains("does not offer"), "{refused:?}");
}
