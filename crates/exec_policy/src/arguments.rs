//! What the arguments of a listed program must be (N-12.6): an expression over them, or just these, just here.

use std::path::Path;

use regex::RegexBuilder;
use serde_json::json;

use crate::document::Entry;
use crate::line::Segment;

/// How an entry begins that is about exactly these words in exactly this folder.
const JUST_THIS: &str = "sha256:cwd-argv:v1:";
/// How much memory an expression may take when it is compiled.
const EXPRESSION_MAX_BYTES: usize = 1024 * 1024;

/// Whether the arguments of `segment` are what an entry wants, in the folder it runs in, when that is known. What a shell
/// still makes other words of fits nothing.
pub(crate) fn fit(wanted: Option<&str>, segment: &Segment, cwd: Option<&Path>) -> bool {
    let Some(wanted) = wanted else { return true };
    if !segment.exact {
        return false;
    }
    if wanted.starts_with("sha256:") {
        return cwd.and_then(|cwd| just_this(segment, cwd)).is_some_and(|this| this == wanted);
    }
    let compile = |text: &str| RegexBuilder::new(text).size_limit(EXPRESSION_MAX_BYTES).build();
    // Alone first: brackets that close what is put around it would loosen the anchors.
    let anchored = compile(wanted).and_then(|_| compile(&format!("^(?:{wanted})$")));
    anchored.is_ok_and(|expression| expression.is_match(&segment.arguments.join(" ")))
}

/// The entry that lets just this through again: this program, these arguments, this folder. `None` when that cannot be
/// said.
pub(crate) fn entry_of(segment: &Segment, cwd: &Path) -> Option<Entry> {
    let pattern = segment.found.real.to_str().filter(|path| !path.contains(['*', '?']))?;
    let arg_pattern = Some(just_this(segment, cwd)?);
    Some(Entry { arg_pattern, ..Entry::new(pattern) })
}

fn just_this(segment: &Segment, cwd: &Path) -> Option<String> {
    let words = json!([cwd.to_str()?, segment.found.real.to_str()?, segment.arguments]);
    segment.exact.then(|| format!("{JUST_THIS}{}", crate::hex_of(words.to_string().as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Found;

    fn git(arguments: &[&str]) -> Segment {
        let found = Found { path: "/usr/bin/git".into(), real: "/usr/bin/git".into(), by_name: true };
        let arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
        Segment { found, arguments, exact: true, at: 0 }
    }

    /// N-12.6
    #[test]
    fn an_expression_is_about_all_arguments_or_nothing() {
        let log = git(&["log", "--oneline"]);
        for fits in ["log --oneline", "log .*", "log( --[a-z]+)*", "(?i)LOG --oneline", "status|log --oneline"] {
            assert!(fit(Some(fits), &log, None), "{fits}");
        }
        for not in ["log", "--oneline", "", "log --onelin", "LOG --oneline", "x)|(log", "(", "log(?=x)", "(?x) log # "]
        {
            assert!(!fit(Some(not), &log, None), "{not}");
        }
        assert!(fit(None, &log, None) && fit(Some(""), &git(&[]), None));
        let by_shell = Segment { exact: false, ..log };
        assert!(!fit(Some(".*"), &by_shell, None) && fit(None, &by_shell, None));
    }

    /// N-12.6
    #[test]
    fn a_bound_entry_is_about_these_words_in_this_folder() {
        let (segment, here) = (git(&["push", "a b"]), Path::new("/home/ada"));
        let entry = entry_of(&segment, here).unwrap();
        let wanted = entry.arg_pattern.as_deref();
        assert_eq!(entry.pattern, "/usr/bin/git");
        assert!(wanted.unwrap().starts_with("sha256:cwd-argv:v1:") && wanted.unwrap().len() == 19 + 64);
        assert!(fit(wanted, &segment, Some(here)));
        for (other, cwd) in [
            (git(&["push", "a", "b"]), Some(here)),
            (git(&["push"]), Some(here)),
            (segment.clone(), Some(Path::new("/home"))),
            (segment.clone(), None),
            (Segment { exact: false, ..segment.clone() }, Some(here)),
        ] {
            assert!(!fit(wanted, &other, cwd), "{other:?} {cwd:?}");
        }
        assert!(!fit(Some("sha256:cwd-argv:v2:00"), &segment, Some(here)));
        assert_eq!(entry_of(&Segment { exact: false, ..segment }, here), None);
    }
}
