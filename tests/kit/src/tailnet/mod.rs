//! A tailnet for tests: a `tailscale` program whose tailscaled is a folder of ours, and the devices of the tailnet,
//! whose requests this process carries to whichever port the program has claimed, with the headers tailscaled writes.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

const TAILSCALE: &str = include_str!("tailscale.sh");
/// Lets its command through where the test says so.
const SUDO: &str = "#!/bin/sh\nhere=@FOLDER@\n[ -e \"$here/sudo\" ] && [ \"$1\" = -n ] && shift && TAILNET_ROOT=1 exec env TAILNET_ROOT=1 \"$@\"\n\
    echo 'sudo: a password is required' >&2\nexit 1\n";
const COMES_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);
const HEAD_MAX_BYTES: usize = 64 * 1024;

/// The name of this machine on the tailnet.
pub const TAILNET_NAME: &str = "studio.tail1.ts.net";

/// A tailnet with this machine on it, everything as the real one has it when all is well.
pub struct Tailnet {
    folder: Arc<TempDir>,
}

/// A route that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// `serve` or `funnel`.
    pub way: String,
    /// Where it leads on loopback.
    pub port: u16,
    /// The process that holds it.
    pub pid: i32,
}

impl Tailnet {
    /// Starts one.
    ///
    /// # Panics
    /// When its folder cannot be written.
    pub fn start() -> Self {
        let tailnet = Self { folder: Arc::new(tempfile::tempdir().expect("a folder for the tailnet")) };
        for folder in ["bin", "claims", "whois"] {
            fs::create_dir(tailnet.file(folder)).expect("a folder");
        }
        for (name, script) in [("tailscale", TAILSCALE), ("sudo", SUDO)] {
            let file = tailnet.file("bin").join(name);
            let script = script.replace("@FOLDER@", &tailnet.folder.path().display().to_string());
            fs::write(&file, script).expect("the program is written");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it can be run");
        }
        tailnet.write("routes.json", "{}");
        tailnet.write("status.json", &json!({
            "Version": "1.96.1", "TUN": true, "BackendState": "Running", "HaveNodeKey": true, "AuthURL": "",
            "TailscaleIPs": ["100.64.0.1"], "Health": [], "MagicDNSSuffix": "tail1.ts.net",
            "CertDomains": [TAILNET_NAME], "Peer": {}, "User": {},
            "CurrentTailnet": {"Name": "ann@example.com", "MagicDNSSuffix": "tail1.ts.net", "MagicDNSEnabled": true},
            "Self": {"HostName": "Studio", "DNSName": format!("{TAILNET_NAME}."), "TailscaleIPs": ["100.64.0.1"],
                "CapMap": {"https": null, "funnel": null}},
        }).to_string());
        tailnet
    }

    /// A `PATH` with its programs first.
    pub fn path(&self) -> String {
        format!("{}:/usr/local/bin:/usr/bin:/bin", self.file("bin").display())
    }

    /// Changes the status by a path in it (`/BackendState`).
    ///
    /// # Panics
    /// When the parent of the path is no object.
    pub fn status(&self, pointer: &str, value: Value) {
        let mut status: Value =
            serde_json::from_slice(&fs::read(self.file("status.json")).expect("a status")).expect("JSON");
        let (parent, name) = pointer.rsplit_once('/').expect("a path starts with a slash");
        status.pointer_mut(parent).expect("the parent exists")[name] = value;
        self.write("status.json", &status.to_string());
    }

    /// Puts a marker into the folder, or takes it away: `denied`: only root may change routes; `sudo`: which asks for no
    /// password; `no-daemon`: tailscaled does not run; `mute`: the program hangs.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn mark(&self, marker: &str, is_on: bool) {
        if is_on {
            self.write(marker, "");
        } else {
            fs::remove_file(self.file(marker)).expect("it was on");
        }
    }

    /// What the program says instead of serving.
    pub fn says(&self, words: &str) {
        self.write("says", words);
    }

    /// Routes that are there already, as `serve status --json` has them.
    pub fn routes(&self, routes: &Value) {
        self.write("routes.json", &routes.to_string());
    }

    /// The routes in the background.
    ///
    /// # Panics
    /// When they cannot be read.
    pub fn background(&self) -> Value {
        serde_json::from_slice(&fs::read(self.file("routes.json")).expect("routes")).expect("JSON")
    }

    /// Everything the program was asked so far, one line each.
    pub fn asked(&self) -> Vec<String> {
        fs::read_to_string(self.file("asked")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// The route that is up now.
    pub fn claimed(&self) -> Option<Claimed> {
        claimed(self.folder.path())
    }

    /// Waits until a route is up.
    ///
    /// # Panics
    /// When none comes.
    pub async fn claim(&self) -> Claimed {
        self.until("a route is up", Self::claimed).await
    }

    /// Waits until no route is up.
    ///
    /// # Panics
    /// When it stays.
    pub async fn no_claim(&self) {
        self.until("the route is gone", |tailnet| tailnet.claimed().is_none().then_some(())).await;
    }

    async fn until<T>(&self, what: &str, look: impl Fn(&Self) -> Option<T>) -> T {
        let found = async {
            loop {
                if let Some(found) = look(self) {
                    return found;
                }
                // Another process writes the folder; this is the poll itself.
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let found = tokio::time::timeout(COMES_WITHIN, found).await;
        found.unwrap_or_else(|_| panic!("not in time: {what}; it was asked {:?}", self.asked()))
    }

    /// Takes the route away, as a restarting tailscaled does.
    ///
    /// # Panics
    /// When none is up.
    pub fn cut(&self) {
        let claimed = self.claimed().expect("a route is up");
        kill_process(Pid::from_raw(claimed.pid).expect("a process id"), Signal::TERM).expect("its holder runs");
    }

    /// Makes `login` the owner of the device at `address` in the eyes of `whois`.
    pub fn owner(&self, address: &str, login: &str) {
        let profile = json!({"ID": 1, "LoginName": login, "DisplayName": "Ann", "ProfilePicURL": ""});
        self.write(&format!("whois/{address}"), &json!({"Node": {"ID": 7}, "UserProfile": profile}).to_string());
    }

    /// A device at `address` of the tailnet or, by a funnel, of the internet: where to dial as if it dialled
    /// `https://studio.tail1.ts.net`. One request a connection.
    ///
    /// # Panics
    /// When `address` is none.
    pub async fn device(&self, address: &str, login: Option<&str>) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let dialled = listener.local_addr().expect("an address");
        let device = Arc::new(Device {
            folder: self.folder.clone(),
            address: address.parse().expect("an address"),
            login: login.map(str::to_owned),
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let device = device.clone();
                tokio::spawn(async move { device.carry(stream).await });
            }
        });
        dialled
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        base::write_atomic(&self.file(name), text.as_bytes()).expect("the folder can be written");
    }
}

/// A device and what tailscaled knows of it.
struct Device {
    folder: Arc<TempDir>,
    address: IpAddr,
    login: Option<String>,
}

impl Device {
    /// Carries one request to the claimed port; nobody answers when there is none.
    async fn carry(&self, mut stream: TcpStream) -> Option<()> {
        let claimed = claimed(self.folder.path())?;
        let mut read = Vec::new();
        let end = loop {
            if let Some(at) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if read.len() > HEAD_MAX_BYTES || stream.read_buf(&mut read).await.ok()? == 0 {
                return None;
            }
        };
        let head = self.written(&String::from_utf8_lossy(&read[..end]), &claimed.way);
        let mut gateway = TcpStream::connect((Ipv4Addr::LOCALHOST, claimed.port)).await.ok()?;
        gateway.write_all(head.as_bytes()).await.ok()?;
        gateway.write_all(&read[end + 4..]).await.ok()?;
        copy_bidirectional(&mut stream, &mut gateway).await.ok()?;
        Some(())
    }

    /// The head as tailscaled passes it on: what it owns is taken out and written anew.
    fn written(&self, head: &str, way: &str) -> String {
        let owned = |line: &&str| {
            let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            name == "host" || name == "forwarded" || name.starts_with("x-forwarded-") || name.starts_with("tailscale-")
        };
        let mut lines: Vec<String> = head.split("\r\n").filter(|line| !owned(line)).map(str::to_owned).collect();
        lines.push(format!("Host: {TAILNET_NAME}"));
        lines.push(format!("X-Forwarded-For: {}", self.address));
        lines.push("X-Forwarded-Proto: https".into());
        lines.push(format!("X-Forwarded-Host: {TAILNET_NAME}"));
        match (way, &self.login) {
            ("funnel", _) => lines.push("Tailscale-Funnel-Request: ?1".into()),
            (_, Some(login)) => lines.extend([
                format!("Tailscale-User-Login: {login}"),
                "Tailscale-User-Name: Ann".into(),
                "Tailscale-User-Profile-Pic: https://example.com/ann.png".into(),
                "Tailscale-Headers-Info: https://tailscale.com/s/serve-headers".into(),
            ]),
            (_, None) => {}
        }
        format!("{}\r\n\r\n", lines.join("\r\n"))
    }
}

/// The claim of a holder that still runs.
fn claimed(folder: &Path) -> Option<Claimed> {
    let files = fs::read_dir(folder.join("claims")).ok()?.flatten();
    files.into_iter().find_map(|file| {
        let pid: i32 = file.file_name().to_str()?.parse().ok()?;
        test_kill_process(Pid::from_raw(pid)?).ok()?;
        let text = fs::read_to_string(file.path()).ok()?;
        let (way, port) = text.trim().split_once(' ')?;
        Some(Claimed { way: way.to_owned(), port: port.parse().ok()?, pid })
    })
}
