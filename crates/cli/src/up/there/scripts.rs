//! What is run on the far host, as POSIX shell texts. It needs `sh`, `uname`, `cat`, `mv`, `chmod`, and one of
//! `sha256sum`, `shasum` and `openssl`. No secret is ever in one: other users over there can read them.

use shell_words::quote;

/// None of the programs that make a checksum is there.
pub(super) const NO_CHECKSUM: i32 = 90;
/// What arrived is not what was sent.
pub(super) const DAMAGED: i32 = 91;
/// The program is not one for that host.
pub(super) const DOES_NOT_RUN: i32 = 92;

/// Where things are over there; `~/` stands for the home of who logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The program.
    pub(crate) program: String,
    /// The state folder, when not the usual one.
    pub(crate) state: Option<String>,
    /// The profile, when one is meant.
    pub(crate) profile: Option<String>,
}

const CHECKSUM: &str = r#"sum() {
  if command -v sha256sum >/dev/null 2>&1; then h=$(sha256sum <"$1")
  elif command -v shasum >/dev/null 2>&1; then h=$(shasum -a 256 <"$1")
  elif command -v openssl >/dev/null 2>&1; then h=$(openssl dgst -sha256 -r <"$1")
  else echo 'there is no sha256sum, shasum or openssl' >&2; return 90; fi
  printf %s "${h%% *}"
}
"#;

impl Place {
    fn head(&self) -> String {
        let mut head = format!("set -eu\np={}\n", path(&self.program));
        for (name, value) in [("OPENCLAW_STATE_DIR", &self.state), ("OPENCLAW_PROFILE", &self.profile)] {
            if let Some(value) = value {
                head += &format!("export {name}={}\n", path(value));
            }
        }
        // A user's services are reached through this folder, and not every sshd names it.
        head + "r=/run/user/$(id -u)\n\
            if [ -z \"${XDG_RUNTIME_DIR-}\" ] && [ -d \"$r\" ]; then export XDG_RUNTIME_DIR=\"$r\"; fi\n"
    }

    /// Says what the host is and which program it has: `key=value` lines.
    pub(super) fn look(&self) -> String {
        let questions = "printf 'openclaw os=%s\\nopenclaw cpu=%s\\n' \"$(uname -s)\" \"$(uname -m)\"\n\
            if [ -f \"$p\" ]; then h=$(sum \"$p\") || exit $?; printf 'openclaw sum=%s\\n' \"$h\"; fi\n";
        format!("{}{CHECKSUM}{questions}", self.head())
    }

    /// Puts what comes on stdin in the program's place, whole or not at all.
    pub(super) fn receive(&self, sum: &str) -> String {
        let body = format!(
            "mkdir -p \"${{p%/*}}\"\n\
             t=\"$p.new.$$\"\n\
             trap 'rm -f \"$t\"' EXIT\n\
             trap 'exit 1' HUP INT TERM\n\
             cat >\"$t\"\n\
             h=$(sum \"$t\") || exit $?\n\
             if [ \"$h\" != {} ]; then echo 'what arrived is not what was sent' >&2; exit {DAMAGED}; fi\n\
             chmod 755 \"$t\"\n\
             said=$(\"$t\" --version 2>&1) || {{ printf '%s\\n' \"$said\" >&2; exit {DOES_NOT_RUN}; }}\n\
             mv -f \"$t\" \"$p\"\n",
            quote(sum)
        );
        format!("{}{CHECKSUM}{body}", self.head())
    }

    /// Runs the program with these arguments, none of them secret.
    pub(super) fn openclaw(&self, args: &[String]) -> String {
        let args: Vec<_> = args.iter().map(|arg| quote(arg)).collect();
        format!("{}exec \"$p\" {}\n", self.head(), args.join(" "))
    }
}

/// A path as one word of the shell.
fn path(text: &str) -> String {
    match text.strip_prefix("~/") {
        Some(rest) => format!("\"$HOME\"/{}", quote(rest)),
        None => quote(text).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    /// Runs a script as the far host would.
    fn sh(script: &str, home: &std::path::Path, input: &[u8]) -> (i32, String, String) {
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("HOME", home).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let _left_early = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    fn place() -> Place {
        Place { program: "~/a b/it's $HOME".into(), state: Some("~/s'; exit 7".into()), profile: Some("p".into()) }
    }

    const PROGRAM: &[u8] = b"#!/bin/sh\necho \"$OPENCLAW_STATE_DIR|$OPENCLAW_PROFILE|$*\"\n";

    #[test]
    fn a_program_is_received_looked_at_and_run_whatever_the_paths_are() {
        let home = tempfile::tempdir().unwrap();
        let (exit, seen, _) = sh(&place().look(), home.path(), b"");
        assert!(exit == 0 && seen.contains("openclaw os=") && !seen.contains("sum="), "{seen}");
        let sum = base::sha256_hex(PROGRAM).unwrap();
        assert_eq!(sh(&place().receive(&sum), home.path(), PROGRAM), (0, String::new(), String::new()));
        let (_, seen, _) = sh(&place().look(), home.path(), b"");
        assert!(seen.contains(&format!("openclaw sum={sum}\n")), "{seen}");
        let ran = sh(&place().openclaw(&["a b".into(), "$HOME".into()]), home.path(), b"");
        assert_eq!(ran.1, format!("{}/s'; exit 7|p|a b $HOME\n", home.path().display()));
        assert_eq!(std::fs::read_dir(home.path().join("a b")).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn half_a_program_or_one_that_does_not_run_leaves_the_old_one() {
        let home = tempfile::tempdir().unwrap();
        let sum = base::sha256_hex(PROGRAM).unwrap();
        assert_eq!(sh(&place().receive(&sum), home.path(), PROGRAM).0, 0);
        assert_eq!(sh(&place().receive(&"0".repeat(64)), home.path(), &PROGRAM[..9]).0, DAMAGED);
        let broken = b"#!/bin/sh\necho 'no such loader' >&2\nexit 3\n";
        let (exit, _, said) = sh(&place().receive(&base::sha256_hex(&broken[..]).unwrap()), home.path(), broken);
        assert_eq!((exit, said.as_str()), (DOES_NOT_RUN, "no such loader\n"));
        let limited = format!("ulimit -f 0\n{}", place().receive(&sum));
        assert_ne!(sh(&limited, home.path(), PROGRAM).0, 0, "the disk is full");
        let folder = home.path().join("a b");
        assert_eq!(std::fs::read(folder.join("it's $HOME")).unwrap(), PROGRAM);
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1);
    }
}
