//! Hosts of a test's own: network namespaces with their own loopback, joined by cables.

use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// One host; gone with its interfaces when dropped.
pub struct Netns {
    name: String,
}

impl Netns {
    /// A host with loopback and nothing else.
    ///
    /// # Panics
    /// When iproute2 is missing or this user may not make namespaces.
    pub fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("openclaw-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        ip(&["netns", "add", &name]);
        let host = Self { name };
        host.ip(&["link", "set", "lo", "up"]);
        host
    }

    /// Runs `ip` on this host.
    ///
    /// # Panics
    /// When it fails.
    pub fn ip(&self, args: &[&str]) {
        ip(&[&["-n", &self.name], args].concat());
    }

    /// A cable to `other`, with an address (`10.77.0.1/24`) at each end.
    ///
    /// # Panics
    /// When it cannot be laid.
    pub fn join(&self, address: &str, other: &Self, other_address: &str) {
        self.ip(&["link", "add", "lan0", "type", "veth", "peer", "name", "lan0", "netns", &other.name]);
        for (host, address) in [(self, address), (other, other_address)] {
            host.ip(&["addr", "add", address, "dev", "lan0"]);
            host.ip(&["link", "set", "lan0", "up"]);
        }
    }

    /// A cable to the machine the tests run on; the machine's address at its end. The cable is gone with this host.
    ///
    /// # Panics
    /// When it cannot be laid.
    pub fn join_this_machine(&self) -> String {
        static LAID: AtomicU32 = AtomicU32::new(0);
        let (pid, number) = (std::process::id(), LAID.fetch_add(1, Ordering::Relaxed));
        // Tests of other processes lay cables too: a name and a network of their own.
        let name = format!("oc{pid:x}n{number}");
        let network = format!("10.{}.{}", 100 + (pid / 250 + number * 31) % 100, pid % 250);
        ip(&["link", "add", &name, "type", "veth", "peer", "name", "lan0", "netns", &self.name]);
        let here = format!("{network}.1");
        ip(&["addr", "add", &format!("{here}/24"), "dev", &name]);
        ip(&["link", "set", &name, "up"]);
        self.ip(&["addr", "add", &format!("{network}.2/24"), "dev", "lan0"]);
        self.ip(&["link", "set", "lan0", "up"]);
        here
    }

    /// `command` (with the environment that was set on it, and no other), run on this host.
    pub fn on(&self, command: &Command) -> Command {
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &self.name]).arg(command.get_program()).args(command.get_args());
        inside.env_clear().stdin(std::process::Stdio::null());
        inside.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        inside
    }
}

impl Default for Netns {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        let _gone_already = Command::new("ip").args(["netns", "del", &self.name]).output();
    }
}

fn ip(args: &[&str]) {
    let Output { status, stderr, .. } = Command::new("ip").args(args).output().expect("iproute2 is installed");
    assert!(status.success(), "ip {args:?}: {}", String::from_utf8_lossy(&stderr));
}
