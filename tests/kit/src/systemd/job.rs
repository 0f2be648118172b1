//! One service: its sockets, its process, and the thread that waits for it to die.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::Unit;

/// `TimeoutStartSec` and `TimeoutStopSec` of our units.
const PATIENCE: Duration = Duration::from_secs(30);

/// A service that was started.
#[derive(Clone)]
pub(super) struct Job(Arc<Inner>);

struct Inner {
    sockets: Vec<TcpListener>,
    child: Mutex<Option<Child>>,
    starts: AtomicUsize,
    /// Nobody starts it again.
    over: AtomicBool,
}

impl Job {
    pub(super) fn new(sockets: Vec<TcpListener>) -> Self {
        let (child, starts, over) = (Mutex::default(), AtomicUsize::new(0), AtomicBool::new(false));
        Self(Arc::new(Inner { sockets, child, starts, over }))
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child().as_ref().map(Child::id)
    }

    pub(super) fn starts(&self) -> usize {
        self.0.starts.load(Ordering::Relaxed)
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.0.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts it, waits until it is ready, and keeps it running from then on.
    pub(super) fn start(&self, unit: &Unit) -> Result<(), String> {
        self.launch(unit)?;
        let (job, unit) = (self.clone(), unit.clone());
        std::thread::spawn(move || job.watch(&unit));
        Ok(())
    }

    /// Ends the process and starts the next on the same sockets.
    pub(super) fn restart(&self, unit: &Unit) -> Result<(), String> {
        let mut child = self.child();
        end(&mut child, Signal::TERM);
        drop(child);
        self.launch(unit)
    }

    /// Ends it for good.
    pub(super) fn stop(&self) {
        self.0.over.store(true, Ordering::Relaxed);
        end(&mut self.child(), Signal::TERM);
    }

    pub(super) fn kill(&self) {
        if let Some(pid) = self.pid().and_then(|pid| Pid::from_raw(pid.cast_signed())) {
            let _gone_already = kill_process(pid, Signal::KILL);
        }
    }

    /// One process, up to its `READY=1`. The lock is held so that nobody starts another meanwhile.
    fn launch(&self, unit: &Unit) -> Result<(), String> {
        let mut slot = self.child();
        if slot.is_some() || self.0.over.load(Ordering::Relaxed) {
            return Ok(());
        }
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let notify = folder.path().join("notify");
        let socket = UnixDatagram::bind(&notify).map_err(|error| error.to_string())?;
        let mut child = self.command(unit, &notify).spawn().map_err(|error| error.to_string())?;
        self.0.starts.fetch_add(1, Ordering::Relaxed);
        let tells = unit.one("Type") == "notify";
        let ready = if tells { await_ready(&socket, &mut child) } else { Ok(()) };
        // Later notifications (WATCHDOG=1, STOPPING=1) go nowhere.
        drop(folder);
        *slot = Some(child);
        ready
    }

    /// The process with its sockets from descriptor 3 on. A shell in between says its own pid, which it keeps.
    fn command(&self, unit: &Unit, notify: &std::path::Path) -> Command {
        let words = unit.command();
        let held = self.0.sockets.len();
        let moved = match held {
            0 => "",
            1 => "exec 3<&0 0</dev/null; ",
            _ => "exec 3<&0 4<&1 0</dev/null 1>&2; ",
        };
        let listen = if held > 0 { "LISTEN_PID=$$; export LISTEN_PID; " } else { "" };
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("{moved}{listen}exec \"$@\""), "sh"]).args(&words);
        command.env_clear().envs(unit.env()).env("NOTIFY_SOCKET", notify).env("INVOCATION_ID", "a-test");
        // A user's manager passes the home on.
        command.env("HOME", notify.parent().unwrap_or(notify));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if let Ok(seconds) = unit.one("WatchdogSec").parse::<u64>() {
            command.env("WATCHDOG_USEC", (seconds * 1_000_000).to_string());
        }
        if held > 0 {
            command.env("LISTEN_FDS", held.to_string());
        }
        let fd = |at: usize| self.0.sockets[at].try_clone().map(|socket| Stdio::from(OwnedFd::from(socket)));
        if let Some(Ok(first)) = (held > 0).then(|| fd(0)) {
            command.stdin(first);
        }
        if let Some(Ok(second)) = (held > 1).then(|| fd(1)) {
            command.stdout(second);
        }
        command
    }

    /// `Restart=always`, but not after an exit that needs a person.
    fn watch(&self, unit: &Unit) {
        while !self.0.over.load(Ordering::Relaxed) {
            std::thread::park_timeout(Duration::from_millis(20));
            let mut slot = self.child();
            let exited = slot.as_mut().and_then(|child| child.try_wait().ok().flatten());
            let Some(status) = exited else { continue };
            *slot = None;
            drop(slot);
            if status.code().is_some_and(|code| unit.one("RestartPreventExitStatus") == code.to_string()) {
                return;
            }
            let _shown_by_its_state = self.launch(unit);
        }
    }
}

fn await_ready(socket: &UnixDatagram, child: &mut Child) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    let mut said = [0; 4096];
    socket.set_read_timeout(Some(Duration::from_millis(50))).map_err(|error| error.to_string())?;
    while Instant::now() < deadline {
        if let Ok(length) = socket.recv(&mut said)
            && String::from_utf8_lossy(&said[..length]).lines().any(|line| line == "READY=1")
        {
            return Ok(());
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("Job failed because the control process exited with error code ({status})."));
        }
    }
    Err("Job failed because a timeout was exceeded.".into())
}

fn end(slot: &mut Option<Child>, signal: Signal) {
    let Some(mut child) = slot.take() else { return };
    if let Some(pid) = Pid::from_raw(child.id().cast_signed()) {
        let _gone_already = kill_process(pid, signal);
    }
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    let _gone = child.kill();
    let _status = child.wait();
}
