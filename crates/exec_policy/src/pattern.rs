//! Patterns of a list (N-12.5): `*` stands for anything but a slash, `**` for anything, `?` for one character but a slash.

use std::path::Path;

use super::Found;

/// Whether `pattern` is about the program that was found. A pattern with a slash or `~` is about its path; a bare name
/// about the name it was found by, never about a path somebody wrote.
pub(super) fn matches(pattern: &str, found: &Found, home: &Path) -> bool {
    let pattern = pattern.trim();
    let Some(path) = found.path.to_str() else { return false };
    if let Some(rest) = pattern.strip_prefix('~') {
        let below = rest.is_empty() || rest.starts_with('/');
        return below && home.to_str().is_some_and(|home| glob(&format!("{}{rest}", literal(home)), path));
    }
    if pattern.contains('/') {
        return glob(pattern, path);
    }
    let name = found.path.file_name().and_then(|name| name.to_str());
    found.by_name && !pattern.is_empty() && name.is_some_and(|name| glob(pattern, name))
}

/// A home folder whose name has a `*` or `?` matches nothing.
fn literal(home: &str) -> &str {
    if home.contains(['*', '?']) { "\0" } else { home }
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
        Found { path: path.into(), by_name }
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
