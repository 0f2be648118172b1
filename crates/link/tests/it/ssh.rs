//! The SSH transport against a real `sshd`, by OpenSSH and by the built-in client: every way it fails has its name, and
//! nothing is left behind.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use base::Explain as _;
use kit::Sshd;
use link::{Connect, DialError, Route, Sharing, Source, SshBackend, SshProblem, SshRoute, SshTarget, Target, connect};
use tokio::net::TcpListener;

use crate::server::Gateway;

/// Everything a handshake on a loaded machine may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const BOTH: [SshBackend; 2] = [SshBackend::Openssh, SshBackend::Builtin];

fn route(sshd: &Sshd) -> SshRoute {
    let target = SshTarget::parse(&sshd.target()).unwrap();
    SshRoute { config_file: Some(sshd.config()), ..SshRoute::new(target) }
}

pub(crate) fn by(backend: SshBackend, sshd: &Sshd) -> SshRoute {
    SshRoute { backend, ..route(sshd) }
}

pub(crate) fn through(route: &SshRoute, port: u16) -> Connect {
    let source = Source::SshConfig(format!("ssh tunnel {}", route.target.whole()));
    let target = Target::loopback(port, source).by(Route::Ssh(Box::new(route.clone())));
    let client = serde_json::json!({"id": "cli", "version": "1", "platform": "linux", "mode": "cli"});
    let client = serde_json::from_value(client).unwrap();
    Connect { timeout: PATIENCE, ..Connect::new(target, client) }
}

fn shared(sshd: &Sshd, folder: &tempfile::TempDir) -> SshRoute {
    let sharing = Some(Sharing { folder: folder.path().join("ssh"), idle: Duration::from_secs(60) });
    SshRoute { sharing, ..route(sshd) }
}

/// Plays a Gateway that welcomes everybody.
pub(crate) async fn gateway() -> Gateway {
    Gateway::play(|_, mut peer| async move {
        peer.welcome(30_000).await;
        while peer.hear().await.is_some() {}
    })
    .await
}

pub(crate) async fn failure(route: &SshRoute, port: u16) -> (SshProblem, DialError) {
    match connect(&through(route, port)).await {
        Err(DialError::Ssh(failure)) => (failure.problem.clone(), DialError::Ssh(failure)),
        other => panic!("not an SSH failure: {other:?}"),
    }
}

pub(crate) fn nobody_listens() -> u16 {
    kit::free_port()
}

/// SSH-13: ten connects cost one handshake. Design: no local port.
#[tokio::test]
async fn ten_connects_share_one_login() {
    let (sshd, gateway) = (Sshd::start(), gateway().await);
    let folder = tempfile::tempdir().unwrap();
    let how = through(&shared(&sshd, &folder), gateway.target.port());
    for _ in 0..10 {
        let (client, _events) = connect(&how).await.unwrap();
        client.close().await;
    }
    assert_eq!(sshd.logins(), 1, "{}", sshd.log());
    let alone = through(&route(&sshd), gateway.target.port());
    for _ in 0..2 {
        connect(&alone).await.unwrap();
    }
    assert_eq!(sshd.logins(), 3, "without sharing each has its own");
}

/// SSH-6, SSH-7, SSH-8, PROBE-13: what a person must mend is told apart, with and without a shared connection.
#[tokio::test]
async fn each_way_ssh_fails_has_its_name() {
    for backend in BOTH {
        each_way_fails(backend).await;
    }
}

async fn each_way_fails(backend: SshBackend) {
    let mut sshd = Sshd::start();
    let route = |sshd: &Sshd| by(backend, sshd);
    let folder = tempfile::tempdir().unwrap();
    let port = nobody_listens();
    for how in [route(&sshd), SshRoute { backend, ..shared(&sshd, &folder) }] {
        let (problem, error) = failure(&how, port).await;
        assert_eq!(problem, SshProblem::FarRefused);
        assert_eq!((error.code().0, error.kind().exit_code()), ("SSH_GATEWAY_REFUSED", 3));
        assert!(error.to_string().contains(&format!("not running on 127.0.0.1:{port}")), "{error}");
        assert!(error.next()[0].text().ends_with("openclaw gateway status"), "{:?}", error.next());
    }
    sshd.forget_host();
    let (problem, error) = failure(&route(&sshd), port).await;
    assert!(matches!(problem, SshProblem::UnknownHostKey(Some(_))), "{problem:?}");
    assert!(error.to_string().contains("ssh-ed25519 SHA256:"), "{error}");
    assert_eq!(error.next()[0].text(), format!("openclaw tunnel trust {}", sshd.target()));
    sshd.know_host();
    sshd.swap_host_key();
    let (problem, error) = failure(&route(&sshd), port).await;
    assert_eq!(problem, SshProblem::ChangedHostKey, "{error}");
    assert!(!format!("{:?}", error.next()).contains("trust"), "{:?}", error.next());
    sshd.know_host();
    std::fs::write(sshd.config(), "").unwrap();
    let strange = sshd.strange_key();
    let only = format!(
        "IdentityFile {}\nIdentitiesOnly yes\nIdentityAgent none\nUserKnownHostsFile {}\n",
        strange.display(),
        sshd.known_hosts().display()
    );
    std::fs::write(sshd.config(), only).unwrap();
    let (problem, error) = failure(&route(&sshd), port).await;
    assert_eq!((problem, error.kind().exit_code()), (SshProblem::Auth, 4), "{error}");
    // SSH-3: an identity named by the person is one more key, and this one is taken.
    let named = SshRoute { identity: Some(sshd.client_key()), ..route(&sshd) };
    assert_eq!(failure(&named, port).await.0, SshProblem::FarRefused);
    let missing = SshRoute { identity: Some("/no/such/key".into()), ..route(&sshd) };
    assert!(matches!(failure(&missing, port).await.0, SshProblem::Identity(_)));
    sshd.stop();
    let (problem, error) = failure(&route(&sshd), port).await;
    assert_eq!((problem, error.kind().exit_code()), (SshProblem::Refused, 3), "{error}");
    let nowhere = SshRoute { target: SshTarget::parse("me@no-such-host.invalid").unwrap(), ..route(&sshd) };
    let (problem, error) = failure(&nowhere, port).await;
    assert_eq!((problem, error.code().0), (SshProblem::Name, "SSH_DNS"), "{error}");
}

/// SSH-8: forbidden forwarding is the server's word, and final (SSH-11).
#[tokio::test]
async fn forbidden_forwarding_and_a_stranger_on_the_far_port_are_told_apart() {
    let forbids = Sshd::with(&["AllowTcpForwarding no"]);
    let folder = tempfile::tempdir().unwrap();
    for how in [route(&forbids), shared(&forbids, &folder), by(SshBackend::Builtin, &forbids)] {
        let (problem, error) = failure(&how, nobody_listens()).await;
        assert_eq!((problem.clone(), error.kind().exit_code()), (SshProblem::Prohibited, 4), "{error}");
        assert!(problem.is_final());
    }
    let sshd = Sshd::start();
    let web = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = web.local_addr().unwrap().port();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        while let Ok((mut stream, _)) = web.accept().await {
            let mut request = [0; 2048];
            let _count = stream.read(&mut request).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await.unwrap();
        }
    });
    for backend in BOTH {
        let error = connect(&through(&by(backend, &sshd), port)).await.unwrap_err();
        assert!(matches!(&error, DialError::NotAGateway { .. }), "{error:?}");
        assert!(error.next()[0].text().contains("--port"), "{:?}", error.next());
    }
}

/// SSH-11: a cut is seen at once, and the next dial works as soon as the server is back, a dead shared connection or not.
#[tokio::test]
async fn a_killed_server_ends_the_stream_and_a_restarted_one_is_reached_again() {
    let (mut sshd, gateway) = (Sshd::start(), gateway().await);
    let folder = tempfile::tempdir().unwrap();
    let how = through(&shared(&sshd, &folder), gateway.target.port());
    for how in [&through(&by(SshBackend::Builtin, &sshd), gateway.target.port()), &how] {
        let (_client, mut events) = connect(how).await.unwrap();
        sshd.stop();
        let seen = async { while let link::Happened::Event(_) = events.next().await {} };
        tokio::time::timeout(PATIENCE, seen).await.expect("the cut is seen");
        sshd.boot();
        let (client, _events) = connect(how).await.unwrap();
        client.close().await;
    }
    // kill -9 of the shared connection leaves its socket behind; nobody has to clean it up.
    let socket = std::fs::read_dir(folder.path().join("ssh")).unwrap().next().unwrap().unwrap().path();
    let master = sharer(&socket).expect("a shared connection stands");
    rustix::process::kill_process(master, rustix::process::Signal::KILL).unwrap();
    assert!(socket.exists());
    let (client, _events) = connect(&how).await.unwrap();
    client.close().await;
}

/// The process that keeps the shared connection at `socket`: its title holds the path.
fn sharer(socket: &std::path::Path) -> Option<rustix::process::Pid> {
    let wanted = socket.to_str().unwrap();
    processes_with(wanted).into_iter().find(|(_, line)| line.starts_with("ssh: ")).map(|(pid, _)| pid)
}

fn processes_with(word: &str) -> Vec<(rustix::process::Pid, String)> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let found = entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let line = String::from_utf8_lossy(&std::fs::read(entry.path().join("cmdline")).ok()?).replace('\0', " ");
        line.contains(word).then_some((rustix::process::Pid::from_raw(pid)?, line))
    });
    found.collect()
}

/// Wedge: a frozen server costs the deadline and no more, leaves no `ssh` of ours, and when it is frozen under a shared
/// connection the next call does not wait for that one again.
#[tokio::test]
async fn a_frozen_server_is_bounded_by_the_deadline() {
    for backend in BOTH {
        frozen(backend).await;
    }
}

async fn frozen(backend: SshBackend) {
    let (sshd, gateway) = (Sshd::start(), gateway().await);
    let folder = tempfile::tempdir().unwrap();
    let how = through(&SshRoute { backend, ..shared(&sshd, &folder) }, gateway.target.port());
    connect(&how).await.unwrap().0.close().await;
    sshd.freeze();
    let hasty = Connect { timeout: Duration::from_millis(3500), ..how.clone() };
    let started = Instant::now();
    let error = connect(&hasty).await.unwrap_err();
    assert!(matches!(error, DialError::Timeout { .. }), "{error:?}");
    assert!(started.elapsed() < PATIENCE);
    let sockets = std::fs::read_dir(folder.path().join("ssh")).map_or(0, Iterator::count);
    assert_eq!(sockets, 0, "the mute connection is not offered");
    sshd.thaw();
    connect(&how).await.unwrap().0.close().await;
    assert_eq!(sshd.logins(), 2, "{}", sshd.log());
}

/// SSH-12: a forward kept by hand is used, and no SSH is started; when nothing or a stranger answers there, ours is.
#[tokio::test]
async fn a_standing_forward_that_speaks_the_protocol_is_used() {
    for backend in BOTH {
        standing_forward(backend).await;
    }
}

async fn standing_forward(backend: SshBackend) {
    let route = |sshd: &Sshd| by(backend, sshd);
    let (sshd, gateway) = (Sshd::start(), gateway().await);
    let far = gateway.target.port();
    let standing = |port| Some(Box::new(Target::loopback(port, Source::ConfigRemote)));
    let local = kit::free_port();
    let mut forward = sshd.ssh();
    forward.args(["-N", "-L", &format!("{local}:127.0.0.1:{far}"), "127.0.0.1"]);
    let by_hand = SshRoute { standing: standing(local), ..route(&sshd) };
    connect(&through(&by_hand, far)).await.unwrap();
    assert_eq!(sshd.logins(), 1, "nothing stood there: ours");
    let mut child = forward.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while tokio::net::TcpStream::connect(("127.0.0.1", local)).await.is_err() {
        assert!(Instant::now() < deadline, "the forward by hand does not stand");
        // Another program's listener sends no event; this is the poll itself.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    connect(&through(&by_hand, far)).await.unwrap();
    assert_eq!(sshd.logins(), 2, "the one by hand, and none of ours");
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    let stranger = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let by_hand = SshRoute { standing: standing(stranger.local_addr().unwrap().port()), ..route(&sshd) };
    connect(&through(&by_hand, far)).await.unwrap();
    assert_eq!(sshd.logins(), 3, "a stranger who says nothing is not believed");
}

/// SSH-3: an alias is resolved by the user's own configuration.
#[test]
fn an_alias_leads_to_the_account_it_stands_for() {
    let sshd = Sshd::start();
    let own = std::fs::read_to_string(sshd.config()).unwrap();
    let port = sshd.address().port();
    std::fs::write(sshd.config(), format!("Host studio\n  HostName 127.0.0.1\n  Port {port}\n  User ada\n{own}"))
        .unwrap();
    for backend in BOTH {
        let alias = SshRoute { target: SshTarget::parse("studio").unwrap(), ..by(backend, &sshd) };
        assert_eq!(alias.resolved().account.whole(), format!("ada@127.0.0.1:{port}"));
        let broken = SshRoute { config_file: Some("/no/such/config".into()), ..by(backend, &sshd) };
        assert_eq!(broken.resolved().account.whole(), sshd.target());
    }
}

/// A stream that is dropped takes its `ssh` with it, and whatever that had started.
#[tokio::test]
async fn a_dropped_connection_leaves_no_ssh() {
    let (sshd, gateway) = (Sshd::start(), gateway().await);
    let (client, events) = connect(&through(&route(&sshd), gateway.target.port())).await.unwrap();
    let marker = sshd.config().display().to_string();
    assert_eq!(processes_with(&marker).len(), 1);
    client.close().await;
    drop(events);
    let deadline = Instant::now() + PATIENCE;
    while !processes_with(&marker).is_empty() {
        assert!(Instant::now() < deadline, "{:?}", processes_with(&marker));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
