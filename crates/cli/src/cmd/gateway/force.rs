//! `gateway run --force`: frees the port from our own Gateway, and from nothing else (START-5).
//!
//! Ours is the Gateway that holds the lock of this state folder: the kernel vouches for that lock, where names and
//! command lines can be anybody's. Whatever else has the port is named and left alone. Without a terminal our Gateway is
//! left alone too: a script that wants it gone says so to that process.

use std::io::IsTerminal as _;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use store::GatewayLock;

use crate::app::App;
use crate::exit::Failure;

/// How long a Gateway may take to stop by itself before it is killed.
const STOPS_WITHIN: Duration = Duration::from_millis(700);
/// After which the port is given up.
const FREED_WITHIN: Duration = Duration::from_secs(2);
/// How often to look.
const POLL: Duration = Duration::from_millis(100);

/// Stops the Gateway of this state folder when it has `port`.
pub(super) fn free(app: &App, port: u16) -> Result<(), Failure> {
    if is_free(port) {
        return Ok(());
    }
    let holder = GatewayLock::holder(&app.paths).map_err(|error| Failure::of(&error))?;
    let Some(owner) = holder.filter(|owner| owner.port == port) else { return Err(held_by_another(port)) };
    let pid = owner.pid;
    if !std::io::stdin().is_terminal() {
        let message = format!("a Gateway runs on port {port} (pid {pid}); --force stops it only from a terminal");
        return Err(Failure::new("GATEWAY_ALREADY_RUNNING", message).run(format!("kill {pid}")));
    }
    stop(app, port, pid)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn held_by_another(port: u16) -> Failure {
    let seen: Vec<String> = gateway::occupants(port).iter().map(|occupant| format!("`{occupant}`")).collect();
    let who = if seen.is_empty() { "a process that this user cannot see".to_owned() } else { seen.join(", ") };
    let message = format!("port {port} is held by {who} and not by the Gateway of this state folder");
    Failure::new("GATEWAY_PORT_IN_USE", message).advise("stop it, or choose another port with --port")
}

fn stop(app: &App, port: u16, pid: u32) -> Result<(), Failure> {
    let began = Instant::now();
    for (signal, patience) in [(Signal::TERM, STOPS_WITHIN), (Signal::KILL, FREED_WITHIN)] {
        app.out.note(&format!("port {port}: sending {signal:?} to the Gateway with pid {pid}"));
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            // One that has just left cannot be signalled; whether the port is free decides.
            let _left_already = kill_process(pid, signal);
        }
        while began.elapsed() < patience {
            if is_free(port) {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
    }
    Err(Failure::new("GATEWAY_PORT_IN_USE", format!("port {port} is still held after {FREED_WITHIN:?}"))
        .run("openclaw gateway status"))
}
