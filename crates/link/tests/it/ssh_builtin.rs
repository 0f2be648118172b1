//! What only the built-in SSH client has to do itself: keys, agents, jump hosts and `known_hosts`, against real programs.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base::{Explain as _, Secret};
use kit::Sshd;
use link::{Caller, Passphrase, Route, Source, SshBackend, SshProblem, SshRoute, SshTarget, Streams, Target, connect};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::ssh::{PATIENCE, by, failure, gateway, nobody_listens, through};

fn builtin(sshd: &Sshd) -> SshRoute {
    by(SshBackend::Builtin, sshd)
}

/// A client configuration that knows `sshd` and nothing else, with `lines` of its own before that.
fn configured(sshd: &Sshd, lines: &str) -> (TempDir, SshRoute) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    let known = sshd.known_hosts().display().to_string();
    std::fs::write(&file, format!("{lines}\nUserKnownHostsFile {known}\nGlobalKnownHostsFile /dev/null\n")).unwrap();
    let route = SshRoute { config_file: Some(file), ..builtin(sshd) };
    (folder, route)
}

/// Logging in worked: only the far port is missing.
async fn is_let_in(route: &SshRoute) {
    let (problem, error) = failure(route, nobody_listens()).await;
    assert_eq!(problem, SshProblem::FarRefused, "{error}");
}

/// A real `ssh-agent`, stopped by pid.
struct Agent {
    folder: TempDir,
    child: Child,
}

impl Agent {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("ssh-agent");
        command.arg("-D").arg("-a").arg(folder.path().join("agent")).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("ssh-agent is there: install openssh-client");
        let agent = Self { folder, child };
        let deadline = Instant::now() + PATIENCE;
        while UnixStream::connect(agent.socket()).is_err() {
            assert!(Instant::now() < deadline, "ssh-agent did not come up");
            // There is no event to await from another process's listener; this is the poll itself.
            std::thread::park_timeout(Duration::from_millis(10));
        }
        agent
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("agent")
    }

    fn add(&self, key: &Path) {
        let added = Command::new("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", self.socket()).status();
        assert!(added.unwrap().success());
    }

    fn caller(&self) -> Caller {
        Caller { agent: Some(self.socket()), ..Caller::default() }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _status = self.child.wait();
    }
}

/// SSH-3: keys of the agent are shown, of every kind; `IdentitiesOnly` and `IdentityAgent` hold.
#[tokio::test]
async fn the_agents_keys_let_in_and_the_configuration_says_which() {
    let (sshd, agent) = (Sshd::start(), Agent::start());
    let (_folder, plain) = configured(&sshd, "");
    let route = SshRoute { caller: agent.caller(), ..plain.clone() };
    let (problem, error) = failure(&route, nobody_listens()).await;
    assert_eq!(problem, SshProblem::Auth, "{error}");
    assert!(error.to_string().contains("no key to show"), "{error}");
    agent.add(&sshd.strange_key());
    agent.add(&sshd.client_key());
    is_let_in(&route).await;
    assert_eq!(failure(&plain, nobody_listens()).await.0, SshProblem::Auth, "without an agent there is no key");
    let strange = sshd.strange_key().display().to_string();
    let only = format!("IdentitiesOnly yes\nIdentityFile {strange}");
    let (_folder, only) = configured(&sshd, &only);
    let only = SshRoute { caller: agent.caller(), ..only };
    assert_eq!(failure(&only, nobody_listens()).await.0, SshProblem::Auth, "the agent's other key was not named");
    let (_folder, none) = configured(&sshd, "IdentityAgent none");
    let none = SshRoute { caller: agent.caller(), ..none };
    assert_eq!(failure(&none, nobody_listens()).await.0, SshProblem::Auth);
    let (_folder, named) = configured(&sshd, &format!("IdentityAgent {}", agent.socket().display()));
    is_let_in(&named).await;
}

/// An RSA key signs in the agent; as a file it is named, not tried.
#[tokio::test]
async fn an_rsa_key_is_used_from_the_agent_and_named_as_a_file() {
    let (sshd, agent) = (Sshd::start(), Agent::start());
    let rsa = sshd.accept_key("rsa");
    let (_folder, route) = configured(&sshd, "");
    let file = SshRoute { identity: Some(rsa.clone()), ..route.clone() };
    let (problem, error) = failure(&file, nobody_listens()).await;
    assert_eq!(problem, SshProblem::Auth);
    assert!(error.to_string().contains("is an RSA key, used only from an agent"), "{error}");
    agent.add(&rsa);
    is_let_in(&SshRoute { caller: agent.caller(), ..route.clone() }).await;
    let ecdsa = sshd.accept_key("ecdsa");
    let route = SshRoute { identity: Some(ecdsa.clone()), ..route };
    is_let_in(&route).await;
    std::fs::set_permissions(&ecdsa, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (problem, error) = failure(&route, nobody_listens()).await;
    assert_eq!(problem, SshProblem::Auth);
    assert!(error.to_string().contains("can be read by others"), "{error}");
}

/// SSH-11: a server that has counted too many keys has refused.
#[tokio::test]
async fn a_server_that_ends_the_login_has_refused_it() {
    let (patient, agent) = (Sshd::with(&["MaxAuthTries 2"]), Agent::start());
    for kind in ["ecdsa", "rsa"] {
        agent.add(&Sshd::start().accept_key(kind));
    }
    agent.add(&patient.strange_key());
    let (_folder, route) = configured(&patient, "");
    let route = SshRoute { caller: agent.caller(), ..route };
    let (problem, error) = failure(&route, nobody_listens()).await;
    assert_eq!(problem, SshProblem::Auth, "{error}");
    assert!(error.to_string().contains("Too many authentication failures"), "{error}");
}

/// SSH-11: a server that goes away while somebody logs in has refused nobody, so that it is dialled again.
#[tokio::test]
async fn a_server_that_goes_away_has_refused_nobody() {
    let sshd = Sshd::start();
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let caller = Caller { agent: Some(socket), ..Caller::default() };
    let (_folder, route) = configured(&sshd, "");
    let route = SshRoute { identity: Some(sshd.client_key()), caller, ..route };
    // Whoever asks the agent has a connection and is not logged in yet.
    let cut = async {
        let _asked = listener.accept().await.unwrap();
        sshd.cut();
        while sshd.has_visitors() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let ((problem, error), ()) = tokio::join!(failure(&route, nobody_listens()), cut);
    assert!(!problem.is_final(), "{error}");
    assert!(error.to_string().contains("lost"), "{error}");
}

/// SSH-8: a key with a passphrase says so and how to load it; the passphrase, asked for by the caller, opens it.
#[tokio::test]
async fn a_locked_key_opens_with_its_passphrase_and_says_so_without() {
    let sshd = Sshd::start();
    let key = sshd.accept_locked_key("correct horse");
    let (_folder, route) = configured(&sshd, "");
    let route = SshRoute { identity: Some(key.clone()), ..route };
    let (problem, error) = failure(&route, nobody_listens()).await;
    assert_eq!((problem, error.code().0), (SshProblem::Locked(key.clone()), "SSH_KEY_LOCKED"));
    assert_eq!(error.next()[0].text(), format!("ssh-add {}", key.display()));
    assert_eq!(error.kind().exit_code(), 4);
    assert_eq!(route.locked_key().await, Some(key.clone()));
    let with = |secret: &str| {
        let unlocked = Some((key.clone(), Passphrase::new(Secret::new(secret))));
        SshRoute { caller: Caller { unlocked, ..Caller::default() }, ..route.clone() }
    };
    is_let_in(&with("correct horse")).await;
    let (problem, error) = failure(&with("wrong"), nobody_listens()).await;
    assert_eq!(problem, SshProblem::Locked(key.clone()));
    assert!(error.to_string().contains("another than the one given"), "{error}");
    assert!(!format!("{error} {:?}", with("wrong horse")).contains("wrong horse"));
    let open = SshRoute { identity: Some(sshd.client_key()), ..route.clone() };
    assert_eq!(open.locked_key().await, None);
    let agent = Agent::start();
    agent.add(&sshd.client_key());
    let (_folder, unnamed) = configured(&sshd, &format!("IdentityFile {}", key.display()));
    assert_eq!(unnamed.locked_key().await, Some(key.clone()));
    assert_eq!(SshRoute { caller: agent.caller(), ..unnamed }.locked_key().await, None, "the agent may do");
}

/// SSH-3: over a jump host, whose own key, login and failures are its own.
#[tokio::test]
async fn a_jump_host_leads_to_a_host_behind_it() {
    let (gate, far, gateway) = (Sshd::start(), Sshd::start(), gateway().await);
    let lines = format!(
        "Host gate\n  HostName 127.0.0.1\n  Port {}\n  IdentityFile {}\n  UserKnownHostsFile {}\n\
         Host 127.0.0.1\n  ProxyJump {}@gate\n  IdentityFile {}\nHost *",
        gate.address().port(),
        gate.client_key().display(),
        gate.known_hosts().display(),
        gate.user(),
        far.client_key().display(),
    );
    let (_folder, route) = configured(&far, &lines);
    let (client, _events) = connect(&through(&route, gateway.target.port())).await.unwrap();
    client.close().await;
    assert_eq!((gate.logins(), far.logins()), (1, 1));
    is_let_in(&route).await;
    gate.forget_host();
    let (problem, error) = failure(&route, nobody_listens()).await;
    assert!(matches!(problem, SshProblem::UnknownHostKey(Some(_))), "{error}");
    assert!(error.to_string().contains("@gate"), "it names the host it is about: {error}");
    gate.know_host();
    let mut far = far;
    far.stop();
    let (problem, error) = failure(&route, nobody_listens()).await;
    assert_eq!(problem, SshProblem::Refused, "{error}");
    assert!(error.to_string().contains(&far.target()), "{error}");
}

/// SSH-6, SSH-7: hashed names are found; `accept-new` learns a key under the `openssh` policy only, and no policy takes
/// a changed one.
#[tokio::test]
async fn known_hosts_is_read_hashed_and_written_only_when_the_person_said_so() {
    let mut sshd = Sshd::start();
    let hashed = Command::new("ssh-keygen").arg("-H").arg("-f").arg(sshd.known_hosts()).output().unwrap();
    assert!(hashed.status.success());
    assert!(std::fs::read_to_string(sshd.known_hosts()).unwrap().starts_with("|1|"));
    is_let_in(&builtin(&sshd)).await;
    sshd.forget_host();
    let key = format!("IdentityFile {}\nStrictHostKeyChecking accept-new", sshd.client_key().display());
    let (_folder, strict) = configured(&sshd, &key);
    assert!(matches!(failure(&strict, nobody_listens()).await.0, SshProblem::UnknownHostKey(Some(_))));
    let learns = SshRoute { host_keys: link::HostKeys::Openssh, ..strict.clone() };
    is_let_in(&learns).await;
    is_let_in(&strict).await;
    sshd.swap_host_key();
    for route in [&learns, &strict] {
        assert_eq!(failure(route, nobody_listens()).await.0, SshProblem::ChangedHostKey);
    }
}

/// SSH-13: all streams of one process go over one connection, and a dead one is replaced.
#[tokio::test]
async fn many_streams_share_one_login() {
    let mut sshd = Sshd::start();
    let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = echo.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = echo.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    let target = Target::loopback(port, Source::Flag).by(Route::Ssh(Box::new(builtin(&sshd))));
    let streams = Streams::to(target);
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(streams.open().await.unwrap());
    }
    for (number, stream) in open.iter_mut().enumerate() {
        // More than a window, so that both sides have to say when they can take more.
        let said = vec![u8::try_from(number).unwrap(); if number == 0 { 5_000_000 } else { 1000 }];
        let (mut read, mut write) = tokio::io::split(stream);
        let mut heard = vec![0; said.len()];
        let (written, read) = tokio::join!(write.write_all(&said), read.read_exact(&mut heard));
        written.unwrap();
        read.unwrap();
        assert!(heard == said);
    }
    assert_eq!(sshd.logins(), 1, "{}", sshd.log());
    sshd.stop();
    let mut end = String::new();
    let error = open[0].read_to_string(&mut end).await.unwrap_err();
    assert!(error.to_string().contains("the connection was lost"), "{error}");
    sshd.boot();
    streams.open().await.unwrap();
    assert_eq!(sshd.logins(), 2, "{}", sshd.log());
}

/// SSH-9: a dropped stream takes its connection with it.
#[tokio::test]
async fn a_dropped_connection_ends_at_the_server_too() {
    let (sshd, gateway) = (Sshd::start(), gateway().await);
    let (client, events) = connect(&through(&builtin(&sshd), gateway.target.port())).await.unwrap();
    assert!(sshd.has_visitors());
    client.close().await;
    drop(events);
    let deadline = Instant::now() + PATIENCE;
    while sshd.has_visitors() {
        assert!(Instant::now() < deadline, "{}", sshd.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// SSH-17: a command over there, by either client: what it reads, says, complains of and ends with.
#[tokio::test]
async fn a_command_runs_over_there() {
    let sshd = Sshd::start();
    for backend in [SshBackend::Openssh, SshBackend::Builtin] {
        let route = by(backend, &sshd);
        let script = "read word; echo \"it's $word\"; echo oh no >&2; exit 3";
        let ran = link::ssh_run(&route, script, &b"hello\nunread"[..], PATIENCE).await.unwrap();
        assert_eq!((ran.status, ran.complaint().as_str()), (Some(3), "oh no"));
        assert_eq!(String::from_utf8_lossy(&ran.stdout), "it's hello\n");
        let much = link::ssh_run(&route, "head -c 3000000 /dev/zero", tokio::io::empty(), PATIENCE).await.unwrap();
        assert_eq!(much.stdout.len(), 1024 * 1024);
        // OpenSSH does not tell a killed command from a failure of its own.
        let killed = link::ssh_run(&route, "kill -9 $$", tokio::io::empty(), PATIENCE).await;
        assert!(killed.as_ref().map_or(true, |ran| ran.status.is_none()), "{killed:?}");
        let slow = link::ssh_run(&route, "sleep 60", tokio::io::empty(), Duration::from_millis(700)).await;
        assert_eq!(slow.unwrap_err().problem, SshProblem::Timeout);
        let missing = SshRoute { identity: Some("/no/such/key".into()), ..route };
        let failed = link::ssh_run(&missing, "true", tokio::io::empty(), PATIENCE).await.unwrap_err();
        assert!(matches!(failed.problem, SshProblem::Identity(_)), "{failed}");
    }
}

/// SSH-1: a login without a name is the caller's.
#[tokio::test]
async fn nobody_named_means_the_person_here() {
    let sshd = Sshd::start();
    let target = SshTarget::parse(&sshd.address().to_string()).unwrap();
    let route = SshRoute { target, ..builtin(&sshd) };
    let (_, error) = failure(&route, nobody_listens()).await;
    assert!(error.to_string().contains("write user@host"), "{error}");
    let caller = Caller { user: Some(sshd.user()), ..Caller::default() };
    is_let_in(&SshRoute { caller, ..route }).await;
}
