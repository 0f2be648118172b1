//! Keeps what is in this process from other processes of the same person.

/// Has the kernel refuse others, the programs an agent starts among them, a look at this process's environment and
/// memory (`/proc/<pid>/environ`, `ptrace`). Root may still look, core dumps are off. Programs started later are not
/// shielded themselves. Only Linux has this; elsewhere nothing happens.
///
/// # Errors
/// When the kernel refuses.
pub fn shield_process() -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use rustix::process::{DumpableBehavior, dumpable_behavior, geteuid};

    /// Beyond the rules: secrets in the Gateway's environment stay there. A child reads its parent's, as a tool of an agent would.
    #[test]
    fn a_child_cannot_read_the_environment_of_a_shielded_parent() {
        shield_process().unwrap();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        let mut look = std::process::Command::new("sh");
        look.args(["-c", "cat /proc/$PPID/environ >/dev/null 2>&1"]);
        let could_read = look.status().unwrap().success();
        // Root passes the kernel's check unless its capabilities were taken away, so nothing is proven then.
        assert!(!could_read || geteuid().is_root());
    }
}
