//! Who has a port (BIND-7): on Linux the listening processes as `/proc` shows them, elsewhere nobody is known.
//!
//! A process of another person, and one that shields its environment as a Gateway does, shows its sockets to root only.

use std::fmt;

/// A process that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupant {
    /// Its id.
    pub pid: u32,
    /// Its command up to the first flag, since flags may carry secrets.
    pub command: String,
}

impl fmt::Display for Occupant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}: {}", self.pid, self.command)
    }
}

/// ` (pid 4711: openclaw gateway run)`, nothing when nobody is known.
pub(super) fn in_parentheses(occupants: &[Occupant]) -> String {
    if occupants.is_empty() {
        return String::new();
    }
    let named: Vec<String> = occupants.iter().map(Occupant::to_string).collect();
    format!(" ({})", named.join(", "))
}

/// Who listens on `port`, as far as can be seen.
#[cfg(target_os = "linux")]
pub fn of(port: u16) -> Vec<Occupant> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| std::fs::read_to_string(table).unwrap_or_default());
    let sockets: Vec<String> = tables.iter().flat_map(|table| proc::listening(table, port)).collect();
    if sockets.is_empty() { Vec::new() } else { proc::holders(&sockets) }
}

/// Nobody is known here.
#[cfg(not(target_os = "linux"))]
pub fn of(_port: u16) -> Vec<Occupant> {
    Vec::new()
}

#[cfg(target_os = "linux")]
mod proc {
    use std::fs;
    use std::path::Path;

    use super::Occupant;

    /// `TCP_LISTEN` of the kernel.
    const LISTEN: &str = "0A";

    /// `socket:[inode]` of every line of `/proc/net/tcp` that listens on `port`.
    pub(super) fn listening(table: &str, port: u16) -> Vec<String> {
        let port = format!(":{port:04X}");
        let inode = |line: &str| {
            let mut fields = line.split_whitespace();
            let (address, state, inode) = (fields.nth(1)?, fields.nth(1)?, fields.nth(5)?);
            (address.ends_with(&port) && state == LISTEN).then(|| format!("socket:[{inode}]"))
        };
        table.lines().skip(1).filter_map(inode).collect()
    }

    /// The processes that hold one of `sockets`.
    pub(super) fn holders(sockets: &[String]) -> Vec<Occupant> {
        let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
        let ids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut found: Vec<Occupant> = ids
            .filter(|pid| holds(*pid, sockets))
            .map(|pid: u32| Occupant { pid, command: command(pid).unwrap_or_else(|| "?".into()) })
            .collect();
        found.sort_by_key(|occupant| occupant.pid);
        found
    }

    fn holds(pid: u32, sockets: &[String]) -> bool {
        let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
        let is_one = |target: &Path| target.to_str().is_some_and(|target| sockets.iter().any(|one| one == target));
        files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|target| is_one(&target)))
    }

    fn command(pid: u32) -> Option<String> {
        let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line);
        let mut words = line.split('\0').filter(|word| !word.is_empty());
        let program = Path::new(words.next()?).file_name()?.to_str()?;
        let rest = words.take_while(|word| !word.starts_with('-'));
        Some(std::iter::once(program).chain(rest).collect::<Vec<_>>().join(" "))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// BIND-7
    #[test]
    fn a_listener_is_found_with_its_pid_and_command() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let found = of(listener.local_addr().unwrap().port());
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].pid, std::process::id());
        assert!(found[0].command.contains("gateway"), "{found:?}");
        assert_eq!(in_parentheses(&[]), "");
        let known = Occupant { pid: 7, command: "openclaw gateway run".into() };
        assert_eq!(in_parentheses(&[known]), " (pid 7: openclaw gateway run)");
    }

    /// BIND-7: a socket that is merely connected there is nobody's listener.
    #[test]
    fn only_listeners_of_the_port_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                     0: 0100007F:4965 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1\n   \
                     1: 0100007F:4965 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000     0        0 222 1\n   \
                     2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1\n";
        assert_eq!(proc::listening(table, 18_789), ["socket:[111]"]);
    }
}
