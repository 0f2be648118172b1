//! Patterns of a list (N-12.5): `*` stands for anything but a slash, `**` for anything, `?` for one character but a slash.

use std::path::Path;

use base::shell::Simple;

use crate::places::Found;

/// Whether `pattern` is about the program that was found. A pattern with a slash or `~` is about the file that is really
/// run; a bare name about the name it was found by, never about a path somebody wrote, and only when what is really run
/// has such a name, too.
pub(crate) fn matches(pattern: &str, found: &Found, home: &Path) -> bool {
    let pattern = pattern.trim();
    if let Some(rest) = pattern.strip_prefix('~') {
        let below = rest.is_empty() || rest.starts_with('/');
        let real_home = home.canonicalize();
        let homes = std::iter::once(home).chain(real_home.as_deref().ok());
        let is_at =
            |home: &Path| home.to_str().is_some_and(|home| is_about(&format!("{}{rest}", literal(home)), found));
        return below && homes.into_iter().any(is_at);
    }
    if pattern.contains('/') {
        return is_about(pattern, found);
    }
    found.by_name && !pattern.is_empty() && glob(pattern, found.name()) && glob(pattern, found.real_name())
}

fn is_about(pattern: &str, found: &Found) -> bool {
    let is = |path: &Path| path.to_str().is_some_and(|path| glob(pattern, path));
    is(&found.real) || (found.is_itself() && is(&found.path))
}

/// A home folder whose name has a `*` or `?` matches nothing.
fn literal(home: &str) -> &str {
    if home.contains(['*', '?']) { "\0" } else { home }
}

/// Whether `entry`, a program and perhaps its first words, is about `command`; a word that a shell makes others of is
/// none of them, nor is a path that leads up again.
pub(crate) fn begins(entry: &str, command: &Simple) -> bool {
    let leads_up = |text: &str| text.split('/').any(|part| part == "..");
    if command.words.first().is_some_and(|program| leads_up(&program.text)) {
        return false;
    }
    let mut wanted = entry.split_whitespace().peekable();
    wanted.peek().is_some()
        && wanted.clone().count() <= command.words.len()
        && wanted.zip(&command.words).all(|(wanted, word)| word.glob_at.is_none() && glob(wanted, &word.text))
}

/// The whole of `text` against `pattern`; the time is bounded by the product of their lengths.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (folded(pattern), folded(text));
    // `reach[at]`: whether the pattern so far can have read the first `at` characters.
    let mut reach = vec![false; text.len() + 1];
    reach[0] = true;
    let mut rest = pattern.as_slice();
    while let Some((first, after)) = rest.split_first() {
        let (stars, after) = match (first, after.first()) {
            ('*', Some('*')) => (Some(true), &after[1..]),
            ('*', _) => (Some(false), after),
            _ => (None, after),
        };
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match stars {
                Some(over_slashes) => reach[at] || (at > 0 && next[at - 1] && (over_slashes || text[at - 1] != '/')),
                None => at > 0 && reach[at - 1] && (text[at - 1] == *first || (*first == '?' && text[at - 1] != '/')),
            };
        }
        (reach, rest) = (next, after);
    }
    reach[text.len()]
}

/// The characters, without case where the file system knows none.
fn folded(text: &str) -> Vec<char> {
    match cfg!(any(target_os = "macos", windows)) {
        true => text.to_lowercase().chars().collect(),
        false => text.chars().collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(path: &str, by_name: bool) -> Found {
        Found { path: path.into(), real: path.into(), by_name }
    }

    /// N-12.5: a listed name that leads to another program is decided by that program.
    #[test]
    fn a_link_is_judged_by_what_it_leads_to() {
        let home = Path::new("/home/ada");
        let link = |path: &str, real: &str| Found { path: path.into(), real: real.into(), by_name: true };
        let git = link("/opt/bin/git", "/usr/bin/dash");
        for pattern in ["git", "/opt/bin/git", "/opt/**", "g*"] {
            assert!(!matches(pattern, &git, home), "{pattern}");
        }
        for pattern in ["/usr/bin/dash", "/usr/bin/*", "*"] {
            assert!(matches(pattern, &git, home), "{pattern}");
        }
        let same_name = link("/opt/bin/git", "/opt/cellar/2.4/git");
        assert!(matches("git", &same_name, home) && !matches("/opt/bin/git", &same_name, home));
        assert!(matches("/bin/ls", &link("/bin/ls", "/usr/bin/ls"), home), "the system's folders may be one");
    }

    /// N-12.5, N-12.6a
    #[test]
    fn paths_are_compared_with_paths_and_names_with_names() {
        let home = Path::new("/home/ada");
        for (pattern, path, by_name) in [
            ("/usr/bin/git", "/usr/bin/git", true),
            ("/usr/bin/git", "/usr/bin/git", false),
            ("/usr/*/git", "/usr/bin/git", false),
            ("/opt/**/tool", "/opt/a/b/tool", false),
            ("/opt/**", "/opt/a/b/tool", false),
            ("~/bin/?l", "/home/ada/bin/gl", false),
            ("git", "/usr/bin/git", true),
            ("g*", "/usr/bin/git", true),
        ] {
            assert!(matches(pattern, &at(path, by_name), home), "{pattern} {path}");
        }
        for (pattern, path, by_name) in [
            ("git", "/tmp/git", false),
            ("/usr/*", "/usr/bin/git", true),
            ("/usr/bin/gi?t", "/usr/bin/gi/t", false),
            ("~ada/bin/x", "/home/ada/bin/x", false),
            ("", "/usr/bin/git", true),
            ("/usr/bin/git", "/usr/bin/git2", true),
            ("/usr/bin/", "/usr/bin/git", true),
            ("**", "/usr/bin/git", false),
        ] {
            assert!(!matches(pattern, &at(path, by_name), home), "{pattern} {path}");
        }
        assert!(!matches("~/x", &at("/home/a/x", false), Path::new("/home/*")), "a home folder is no pattern");
        assert_eq!(matches("GIT", &at("/usr/bin/git", true), home), cfg!(any(target_os = "macos", windows)));
    }

    proptest! {
        /// N-12.5: a pattern without signs is itself and nothing else, and a star never reaches over a slash.
        #[test]
        fn signs_reach_no_further_than_they_say(a in "[a-c/]{0,6}", b in "[a-c/]{0,6}") {
            prop_assert_eq!(glob(&a, &b), a == b);
            let (both, one_level, any_level) = (format!("{a}{b}"), format!("{a}*"), format!("{a}**"));
            prop_assert!(glob("**", &a) && glob(&any_level, &both));
            prop_assert_eq!(glob(&one_level, &both), !b.contains('/'));
        }
    }
}
