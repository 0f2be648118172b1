//! Lines the policy must let through, lines it must not, and a shell as the judge of both.

use super::*;

fn allowed(line: &str) -> bool {
    judge(line, &ExecSettings::default()).is_ok()
}

///
#[test]
fn everyday_reading_is_allowed() {
    for line in [
        "ls",
        "ls -la ~/projects",
        "cat a.txt | grep -n 'x y' | head -20",
        "pwd; whoami; uname -a",
        "find . -name '*.rs' -newer Cargo.toml | wc -l",
        "date +%Y-%m-%d",
        "date -u -Iseconds",
        "sort -k2,2n -r data | uniq -c | sort -rn",
        "du -sh ./* 2>/dev/null",
        "cd src && ls a*.rs",
        "grep -rn \"fn main\" src 2>&1 | tail",
        "cat /proc/meminfo",
        "ps aux",
    ] {
        assert!(allowed(line), "{line}: {:?}", judge(line, &ExecSettings::default()));
    }
}
