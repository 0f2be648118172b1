//! The real binary, started on a state folder of its own and stopped by pid when dropped.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Where [`free_port`] looks.
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 12_000;
/// The shared token of every [`TestGateway`], in its config.
pub const TOKEN: &str = "test-token-0123456789abcdef0123456789abcdef";
const COMES_UP_WITHIN: Duration = Duration::from_secs(30);
const STOPS_WITHIN: Duration = Duration::from_secs(30);

/// A Gateway process under test.
pub struct TestGateway {
    binary: PathBuf,
    folder: TempDir,
    port: u16,
    child: Option<Child>,
    tls: bool,
    env: Vec<(String, String)>,
}

impl TestGateway {
    /// Writes a config with a shared token (merged with `extra`, top-level keys), starts `binary gateway run` and waits
    /// until it answers.
    ///
    /// # Panics
    /// When it does not come up; the message holds what it printed.
    pub fn start(binary: &Path, extra: &Value) -> Self {
        let mut gateway = Self::prepare(binary, extra);
        gateway.boot();
        gateway
    }

    /// The same without starting it.
    ///
    /// # Panics
    /// When the state folder cannot be made.
    pub fn prepare(binary: &Path, extra: &Value) -> Self {
        let folder = tempfile::tempdir().expect("a state folder");
        let port = free_port();
        let mut config = json!({
            "gateway": {"mode": "local", "port": port, "auth": {"mode": "token", "token": TOKEN}}
        });
        for (key, value) in extra.as_object().into_iter().flatten() {
            config[key] = value.clone();
        }
        let text = serde_json::to_vec_pretty(&config).expect("a config is JSON");
        base::write_atomic(&folder.path().join("openclaw.json"), &text).expect("the config is written");
        Self { binary: binary.to_owned(), folder, port, child: None, tls: false, env: Vec::new() }
    }

    /// Sets one value of its config, by its path (`/gateway/tls`); before it is started.
    ///
    /// # Panics
    /// When the parent of the path is no object.
    #[must_use]
    pub fn with_config(mut self, pointer: &str, value: Value) -> Self {
        let file = self.folder.path().join("openclaw.json");
        let mut config: Value = serde_json::from_slice(&std::fs::read(&file).expect("it was written")).expect("JSON");
        let (parent, name) = pointer.rsplit_once('/').expect("a path starts with a slash");
        config.pointer_mut(parent).expect("the parent exists")[name] = value;
        base::write_atomic(&file, &serde_json::to_vec_pretty(&config).expect("JSON")).expect("the config is written");
        self.tls = config["gateway"]["tls"]["enabled"] == true;
        self
    }

    /// Puts a variable into the environment it is started in; commands do not see it.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Its state folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command of the same binary for the same state, nothing of this process's environment but `PATH`.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.folder.path());
        command.env("OPENCLAW_STATE_DIR", self.folder.path()).env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    /// Starts the process and waits until `/startupz` answers.
    ///
    /// # Panics
    /// When it exits or stays silent.
    pub fn boot(&mut self) {
        self.spawn();
        self.await_up();
    }

    /// Waits until whoever has the port answers `/startupz`.
    ///
    /// # Panics
    /// When the process started here exits, or nobody answers.
    pub fn await_up(&mut self) {
        let deadline = Instant::now() + COMES_UP_WITHIN;
        while !self.answers() {
            let exited = self.child.as_mut().and_then(|child| child.try_wait().expect("the child can be asked"));
            assert!(exited.is_none(), "the Gateway exited with {exited:?}:\n{}", self.printed());
            assert!(Instant::now() < deadline, "the Gateway did not come up:\n{}", self.printed());
            // There is no event to await from another process's listener; this is the poll itself.
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// Starts the process without waiting.
    ///
    /// # Panics
    /// When the binary cannot be run.
    pub fn spawn(&mut self) {
        let output = std::fs::File::create(self.folder.path().join("gateway.out")).expect("a file for its output");
        let errors = output.try_clone().expect("the same file");
        let mut command = self.command();
        command.envs(self.env.clone()).args(["gateway", "run"]).stdout(output).stderr(errors);
        self.child = Some(command.spawn().expect("the binary runs"));
    }

    fn answers(&self) -> bool {
        use std::io::{Read as _, Write as _};
        if self.tls {
            return crate::tls::get(self.address(), "/startupz").is_some_and(|reply| reply.starts_with("HTTP/1.1 200"));
        }
        let Ok(mut stream) = std::net::TcpStream::connect(self.address()) else { return false };
        let request = format!("GET /startupz HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address());
        let mut reply = String::new();
        stream.write_all(request.as_bytes()).is_ok()
            && stream.read_to_string(&mut reply).is_ok()
            && reply.starts_with("HTTP/1.1 200")
    }

    /// What it printed since it was last started.
    pub fn printed(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("gateway.out")).unwrap_or_else(|error| error.to_string())
    }

    /// Its process id.
    ///
    /// # Panics
    /// When it is not running.
    pub fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().expect("the Gateway runs"))
    }

    /// Sends a signal and waits for the end.
    ///
    /// # Panics
    /// When it is not running, or does not end.
    pub fn end(&mut self, signal: Signal) -> ExitStatus {
        // A process that has ended already cannot be signalled; waiting for it answers all the same.
        let _ended_already = kill_process(self.pid(), signal);
        let mut child = self.child.take().expect("the Gateway runs");
        let deadline = Instant::now() + STOPS_WITHIN;
        loop {
            if let Some(status) = child.try_wait().expect("the child can be asked") {
                return status;
            }
            if Instant::now() > deadline {
                let _gone = child.kill();
                panic!("the Gateway did not end on {signal:?}:\n{}", self.printed());
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// kill -9, then start again on the same state.
    pub fn crash_and_restart(&mut self) {
        self.end(Signal::KILL);
        self.boot();
    }
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _gone_already = child.kill();
            let _status = child.wait();
        }
    }
}

/// Sends a signal to a process the test started.
///
/// # Panics
/// When there is no such process.
pub fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, signal).expect("the process is there");
}

/// A port that nobody listens on at this moment, below those the system gives to connections and to listeners that do
/// not choose: tests beside this one would otherwise take it before its Gateway does, or after it.
///
/// # Panics
/// When there is none left.
pub fn free_port() -> u16 {
    for _ in 0..1000 {
        let dice = getrandom::u32().expect("the system has random numbers");
        let port = FIRST_PORT + u16::try_from(dice % u32::from(PORTS)).expect("less than 65536");
        if TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok() {
            return port;
        }
    }
    panic!("there is no free port");
}
