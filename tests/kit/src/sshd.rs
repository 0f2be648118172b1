//! A real `sshd` per test: keys, port and client config of its own, stopped by pid when dropped.
//!
//! Clients find everything in [`Sshd::config`], an `ssh_config` that trusts this server and shows a key it accepts, so
//! nothing of the machine's own `~/.ssh` is read or written. Works for root in a container and for any user outside.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::gateway::free_port;

const COMES_UP_WITHIN: Duration = Duration::from_secs(30);
/// Newer servers hold an address back after failed logins; tests fail on purpose and often. Older ones do not know it.
const NO_PENALTIES: &str = "PerSourcePenalties no\n";

/// A running `sshd` on loopback.
pub struct Sshd {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Sshd {
    /// A server that lets this user in and forwards anywhere.
    ///
    /// # Panics
    /// When `sshd` is not installed or does not come up; the message says which.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// The same with more lines in its `sshd_config`, before the usual ones, so that they win: `AllowTcpForwarding no`.
    ///
    /// # Panics
    /// As [`Sshd::start`].
    pub fn with(lines: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for sshd");
        let mut sshd = Self { folder, port: free_port(), child: None };
        for key in ["host_key", "client_key"] {
            sshd.make_key(key);
        }
        fs::copy(sshd.path("client_key.pub"), sshd.path("authorized_keys")).expect("the key is accepted");
        sshd.write_server_config(lines);
        sshd.write_client_config();
        sshd.know_host();
        sshd.boot();
        sshd
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), self.port)
    }

    /// `user@127.0.0.1:port`.
    pub fn target(&self) -> String {
        format!("{}@{}", self.user(), self.address())
    }

    /// The user of this process, who may log in.
    ///
    /// # Panics
    /// When this machine cannot say who that is.
    pub fn user(&self) -> String {
        let output = Command::new("id").arg("-un").output().expect("`id -un` runs");
        String::from_utf8(output.stdout).expect("a user name is text").trim().to_owned()
    }

    /// The `ssh_config` that trusts this server and shows the accepted key.
    pub fn config(&self) -> PathBuf {
        self.path("ssh_config")
    }

    /// The private key it accepts.
    pub fn client_key(&self) -> PathBuf {
        self.path("client_key")
    }

    /// The `known_hosts` of [`Sshd::config`].
    pub fn known_hosts(&self) -> PathBuf {
        self.path("known_hosts")
    }

    /// A private key it does not accept, made when it is first asked for.
    pub fn strange_key(&self) -> PathBuf {
        let file = self.path("strange_key");
        if !file.exists() {
            self.make_key("strange_key");
        }
        file
    }

    /// Makes one more private key it accepts, of the kind `ssh-keygen` calls `kind`.
    ///
    /// # Panics
    /// When the key cannot be made or written down.
    pub fn accept_key(&self, kind: &str) -> PathBuf {
        self.accept(&format!("{kind}_key"), kind, "")
    }

    /// Makes one more private key it accepts, which opens with `passphrase`.
    ///
    /// # Panics
    /// As [`Sshd::accept_key`].
    pub fn accept_locked_key(&self, passphrase: &str) -> PathBuf {
        self.accept("locked_key", "ed25519", passphrase)
    }

    fn accept(&self, name: &str, kind: &str, passphrase: &str) -> PathBuf {
        self.generate(name, kind, passphrase);
        let key = fs::read(self.path(&format!("{name}.pub"))).expect("the key is there");
        let mut accepted =
            fs::OpenOptions::new().append(true).open(self.path("authorized_keys")).expect("they are there");
        accepted.write_all(&key).expect("the key is accepted");
        self.path(name)
    }

    /// A `ssh` that reaches it with [`Sshd::config`]; add options, then the host.
    pub fn ssh(&self) -> Command {
        let mut command = Command::new("ssh");
        command.arg("-F").arg(self.config()).arg("-p").arg(self.port.to_string()).stdin(Stdio::null());
        command
    }

    /// The command of a server like this one for one connection, on its stdin and stdout: for a host that this process's
    /// loopback does not lead to.
    pub fn at_stdin(&self) -> Command {
        let mut command = Command::new(server());
        command.args(["-i", "-f"]).arg(self.path("sshd_config"));
        command
    }

    /// What it logged since the start, restarts included.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("sshd.log")).unwrap_or_default()
    }

    /// How many times somebody has logged in: one per SSH handshake that came through.
    pub fn logins(&self) -> usize {
        self.log().lines().filter(|line| line.contains("Accepted publickey for ")).count()
    }

    /// Whether anybody is connected right now.
    pub fn has_visitors(&self) -> bool {
        !self.logged_in().is_empty()
    }

    /// Gives it another host key, as after a reinstall; clients still know the old one. Restarts it.
    ///
    /// # Panics
    /// When it does not come up again.
    pub fn swap_host_key(&mut self) {
        self.stop();
        for name in ["host_key", "host_key.pub"] {
            fs::remove_file(self.path(name)).expect("the old key goes");
        }
        self.make_key("host_key");
        self.boot();
    }

    /// Empties `known_hosts`: clients have never seen this server.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn forget_host(&self) {
        fs::write(self.known_hosts(), "").expect("known_hosts is emptied");
    }

    /// Puts its present host key into `known_hosts`.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn know_host(&self) {
        let key = fs::read_to_string(self.path("host_key.pub")).expect("the host key is there");
        fs::write(self.known_hosts(), format!("[127.0.0.1]:{} {key}", self.port)).expect("known_hosts is written");
    }

    /// Kills the server and every login, as a power cut would.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let logins = descendants(Pid::from_child(&child));
        let _gone_already = child.kill();
        let _status = child.wait();
        signal(&logins, Signal::KILL);
    }

    /// Kills every login and leaves the listener up, as a network change would.
    pub fn cut(&self) {
        signal(&self.logged_in(), Signal::KILL);
    }

    /// Starts it again on the same port with the same keys.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn boot(&mut self) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("sshd.log")).expect("a log file");
        let mut command = Command::new(server());
        command.args(["-D", "-e", "-f"]).arg(self.path("sshd_config")).stdin(Stdio::null()).stdout(Stdio::null());
        self.child = Some(command.stderr(log).spawn().expect("sshd runs"));
        let deadline = Instant::now() + COMES_UP_WITHIN;
        while TcpStream::connect(self.address()).is_err() {
            let exited = self.child.as_mut().and_then(|child| child.try_wait().expect("the child can be asked"));
            assert!(exited.is_none(), "sshd exited with {exited:?}:\n{}", self.log());
            assert!(Instant::now() < deadline, "sshd did not come up:\n{}", self.log());
            // There is no event to await from another process's listener; this is the poll itself.
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    /// Stops the time of the server and of every login (SIGSTOP): connections stand and nobody answers.
    ///
    /// # Panics
    /// When it is not running.
    pub fn freeze(&self) {
        signal(&[self.pid()], Signal::STOP);
        signal(&self.logged_in(), Signal::STOP);
    }

    /// Undoes [`Sshd::freeze`].
    ///
    /// # Panics
    /// When it is not running.
    pub fn thaw(&self) {
        signal(&self.logged_in(), Signal::CONT);
        signal(&[self.pid()], Signal::CONT);
    }

    fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().expect("sshd runs"))
    }

    fn logged_in(&self) -> Vec<Pid> {
        self.child.as_ref().map(|child| descendants(Pid::from_child(child))).unwrap_or_default()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn make_key(&self, name: &str) {
        self.generate(name, "ed25519", "");
    }

    fn generate(&self, name: &str, kind: &str, passphrase: &str) {
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", kind, "-N", passphrase, "-C", name, "-f"]).arg(self.path(name));
        let status = command.stdin(Stdio::null()).status().expect("ssh-keygen is there: install openssh-client");
        assert!(status.success(), "ssh-keygen made no {name}");
    }

    fn write_server_config(&self, lines: &[&str]) {
        if rustix::process::getuid().is_root() {
            // Only root's sshd separates privileges, into a folder that distributions make at boot.
            fs::create_dir_all("/run/sshd").expect("/run/sshd can be made");
        }
        let [host_key, authorized] = ["host_key", "authorized_keys"].map(|name| self.path(name).display().to_string());
        let own = lines.iter().fold(String::new(), |text, line| text + line + "\n");
        let text = format!(
            "{own}Port {}\nListenAddress 127.0.0.1\nHostKey {host_key}\nAuthorizedKeysFile {authorized}\n\
             PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nPubkeyAuthentication yes\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxStartups 1000\nMaxAuthTries 20\n\
             LogLevel VERBOSE\nSubsystem sftp internal-sftp\n",
            self.port
        );
        let file = self.path("sshd_config");
        let knows_penalties = {
            fs::write(&file, format!("{text}{NO_PENALTIES}")).expect("sshd_config is written");
            let check = Command::new(server()).arg("-t").arg("-f").arg(&file).stderr(Stdio::null()).status();
            check.expect("sshd checks its config").success()
        };
        if !knows_penalties {
            fs::write(&file, text).expect("sshd_config is written");
        }
    }

    fn write_client_config(&self) {
        let text = format!(
            "Host *\n  IdentityFile {}\n  IdentitiesOnly yes\n  IdentityAgent none\n  UserKnownHostsFile {}\n  \
             GlobalKnownHostsFile /dev/null\n",
            self.client_key().display(),
            self.known_hosts().display(),
        );
        fs::write(self.config(), text).expect("ssh_config is written");
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The system's `sshd`, which wants to be called by its whole path.
fn server() -> &'static Path {
    let places = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"].map(Path::new);
    places.into_iter().find(|path| path.is_file()).expect("sshd is there: install openssh-server")
}

fn signal(pids: &[Pid], signal: Signal) {
    for pid in pids {
        let _gone_already = kill_process(*pid, signal);
    }
}

/// Every process below `root`: a login is two of them, in sessions of their own.
fn descendants(root: Pid) -> Vec<Pid> {
    let parents: Vec<(Pid, Pid)> = processes().collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

/// Every process with its parent. The name in `/proc/PID/stat` may hold anything, so the fields count from its end.
fn processes() -> impl Iterator<Item = (Pid, Pid)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        Some((Pid::from_raw(pid)?, Pid::from_raw(parent)?))
    })
}
