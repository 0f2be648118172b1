//! A process beside each program that is run for a node: it starts the program, waits for it, and stops it with
//! everything below it when its own standard input ends. That happens when the host closes it (the time is up, the call
//! was cancelled) and when the host is gone, however it went.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// From the polite signal to the one that cannot be ignored.
pub(crate) const GRACE: Duration = Duration::from_secs(2);
/// How long those that cannot refuse may take to leave.
const LAST_GRACE: Duration = Duration::from_secs(1);
/// Between two looks at who is left.
const LOOK: Duration = Duration::from_millis(10);
/// What shells answer for a program that cannot be started, is not there, or was stopped.
const CANNOT_START: u8 = 126;
const NOT_FOUND: u8 = 127;
const STOPPED: u8 = 137;

enum Told {
    Ended(std::io::Result<ExitStatus>),
    Stop,
}

/// Runs `argv` to its end or to the end of standard input; answers with the exit code, as a shell would. The first
/// `stdin_bytes` of standard input are what the program reads on its own.
pub fn guard(argv: &[OsString], stdin_bytes: u64) -> u8 {
    let Some((program, arguments)) = argv.split_first() else { return NOT_FOUND };
    adopt_orphans();
    let mut command = Command::new(program);
    command.args(arguments).stdin(if stdin_bytes == 0 { Stdio::null() } else { Stdio::piped() });
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            complain(&format!("{}: {error}", program.to_string_lossy()));
            return if error.kind() == std::io::ErrorKind::NotFound { NOT_FOUND } else { CANNOT_START };
        }
    };
    let group = child.id();
    let input = child.stdin.take();
    let (tell, told) = mpsc::channel();
    let stop = tell.clone();
    // Either thread ends with this process at the latest; a receiver that is gone needs no telling.
    std::thread::spawn(move || {
        pass_on(stdin_bytes, input);
        await_end_of_input();
        let _gone = stop.send(Told::Stop);
    });
    std::thread::spawn(move || {
        let _gone = tell.send(Told::Ended(child.wait()));
    });
    match told.recv() {
        Ok(Told::Ended(Ok(status))) => code_of(status),
        Ok(Told::Ended(Err(_)) | Told::Stop) | Err(_) => {
            stop_all(group);
            STOPPED
        }
    }
}

/// Hands the program its input, and the end of it.
fn pass_on(bytes: u64, input: Option<ChildStdin>) {
    let Some(mut input) = input else { return };
    let mut from = std::io::stdin().take(bytes);
    // A program that stops reading leaves the rest, which must not be taken for the end of ours.
    if std::io::copy(&mut from, &mut input).is_err() {
        let _ended_either_way = std::io::copy(&mut from, &mut std::io::sink());
    }
}

fn await_end_of_input() {
    let mut nothing = [0; 64];
    while matches!(std::io::stdin().read(&mut nothing), Ok(count) if count > 0) {}
}

fn complain(text: &str) {
    // Without a standard error there is nobody to tell.
    let _nobody = writeln!(std::io::stderr(), "{text}");
}

fn code_of(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let by_signal = || status.signal().map(|signal| 128 + signal);
    status.code().or_else(by_signal).and_then(|code| u8::try_from(code).ok()).unwrap_or(STOPPED)
}

/// Whoever loses its parent below us becomes ours, so that nobody below gets out of sight.
fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        complain(&format!("orphans cannot be adopted: {error}"));
    }
}

/// Asks everybody below to leave, then makes them.
fn stop_all(group: u32) {
    for (signal, patience) in [(Signal::TERM, GRACE), (Signal::KILL, LAST_GRACE)] {
        let until = Instant::now() + patience;
        send(group, signal);
        while Instant::now() < until {
            if nobody_left(group) {
                return;
            }
            if signal == Signal::KILL {
                // Who was being born meanwhile.
                send(group, signal);
            }
            std::thread::sleep(LOOK);
        }
    }
}

fn send(group: u32, signal: Signal) {
    // Gone already is as good as stopped.
    if let Some(group) = pid(group) {
        let _gone = kill_process_group(group, signal);
    }
    for one in below(std::process::id()).into_iter().filter_map(pid) {
        let _gone = kill_process(one, signal);
    }
}

fn nobody_left(group: u32) -> bool {
    let in_group = || pid(group).is_some_and(|group| rustix::process::test_kill_process_group(group).is_ok());
    match cfg!(target_os = "linux") {
        true => below(std::process::id()).is_empty(),
        false => !in_group(),
    }
}

fn pid(raw: u32) -> Option<Pid> {
    i32::try_from(raw).ok().and_then(Pid::from_raw)
}

/// Every living process below `root`, as `/proc` tells it; empty where there is no `/proc`.
fn below(root: u32) -> Vec<u32> {
    let Ok(folder) = std::fs::read_dir("/proc") else { return Vec::new() };
    let all: Vec<(u32, u32, bool)> = folder
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // "pid (name) state ppid …"; the name may hold anything, so read from its last bracket.
            let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
            let (state, parent) = (fields.next()?, fields.next()?.parse().ok()?);
            Some((pid, parent, !matches!(state, "Z" | "X")))
        })
        .collect();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(all.iter().filter(|(_, of, _)| *of == parent).map(|(pid, ..)| *pid));
        next += 1;
    }
    let living = |pid: &u32| all.iter().any(|(known, _, lives)| known == pid && *lives);
    found.split_off(1).into_iter().filter(living).collect()
}
