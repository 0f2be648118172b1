//! What decides what a line does beside its words: the programs it starts, and the scripts they are given. An approval
//! holds as long as these are the same (N-10.16, N-12.16).

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::line::{Line, SHELLS, Segment, TEXT_AT, is_called};
use crate::places::{Found, Places};

/// Programs that do what a file says.
const INTERPRETERS: &[&str] = &[
    "python",
    "pypy",
    "node",
    "nodejs",
    "deno",
    "bun",
    "ruby",
    "perl",
    "php",
    "lua",
    "luajit",
    "rscript",
    "tclsh",
    "java",
    "osascript",
    "pwsh",
    "awk",
    "gawk",
    "mawk",
    "sed",
    "guile",
    "expect",
];
/// How names of scripts end.
const ENDINGS: &[&str] = &[
    "py", "js", "mjs", "cjs", "ts", "mts", "rb", "pl", "php", "lua", "sh", "bash", "zsh", "ksh", "r", "tcl", "jar",
    "awk", "ps1", "scpt",
];
/// Scripts one line may have.
const MOST: usize = 16;
/// The largest one that is looked at.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// What ends a word in a text that is not read as a shell does.
const EDGES: &[char] = &['(', ')', '<', '>', '"', '\'', '`', '{', '}', '$'];
/// What ends a command in it.
const JOINTS: &[char] = &[';', '|', '&', '\n'];

/// A file that decides what a program does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Script {
    /// The word of the command line that names it, or the text it is named in.
    pub argv_index: usize,
    /// Where it is.
    pub path: PathBuf,
    /// The SHA-256 of what it says, lower-case hex.
    pub sha256: String,
}

/// What a line stands on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ground {
    /// The programs by their paths, with marks by which a change is seen.
    pub programs: BTreeMap<PathBuf, String>,
    /// The scripts.
    pub scripts: Vec<Script>,
}

/// Whether a program does what a file or its arguments say.
pub(crate) fn is_interpreter(name: &str) -> bool {
    INTERPRETERS.iter().chain(SHELLS).any(|one| is_called(name, one))
}

/// Whether one program is given a script, or is one.
pub(crate) fn has_script(segment: &Segment, cwd: &Path) -> bool {
    let words = segment.arguments.iter().map(|word| (0, word.as_str()));
    let name = std::iter::once((0, segment.found.name()));
    is_script(&segment.found.real) || scripts_among(name.chain(words), cwd).next().is_some()
}

/// What `line` stands on now.
///
/// # Errors
/// Why an approval of it could not be bound, for people.
pub fn ground(line: Line<'_>, places: &Places) -> Result<Ground, String> {
    let find = |name: &str| places.find(name);
    let segments = crate::line::segments(line, &find).unwrap_or_default();
    let words = words_of(line);
    let first = words.first().filter(|_| segments.is_empty()).and_then(|(_, word)| places.find(word));
    let mut ground = Ground::default();
    let mut files: Vec<(usize, PathBuf)> = Vec::new();
    for (at, found) in segments.iter().map(|one| (one.at, &one.found)).chain(first.iter().map(|found| (0, found))) {
        ground.programs.insert(found.real.clone(), mark(found)?);
        files.extend(is_script(&found.real).then(|| (at, found.real.clone())));
    }
    let named = words.iter().map(|(at, word)| (*at, word.as_str()));
    for (at, path) in scripts_among(named, &places.cwd) {
        if !files.iter().any(|(_, known)| *known == path) {
            files.push((at, path));
        }
    }
    if files.len() > MOST {
        return Err(format!("it has more than {MOST} scripts"));
    }
    ground.scripts = files.into_iter().map(|(argv_index, path)| read(argv_index, path)).collect::<Result<_, _>>()?;
    Ok(ground)
}

/// Every word with its place; a shell's text is cut up, well enough to find files in it.
fn words_of(line: Line<'_>) -> Vec<(usize, String)> {
    let cut = |at: usize, text: &str| -> Vec<(usize, String)> {
        let text = text.replace(JOINTS, " ; ");
        let words = text.split(|c: char| c.is_whitespace() || EDGES.contains(&c)).filter(|word| !word.is_empty());
        words.map(|word| (at, word.to_owned())).collect()
    };
    match line {
        Line::Text(text) => cut(TEXT_AT, text),
        Line::Argv(argv) => {
            let is_text = |at: usize| {
                let before = at.checked_sub(1).map(|flag| argv[flag].as_str());
                before.is_some_and(|flag| is_flags(flag) && flag.ends_with('c'))
            };
            let words = argv.iter().enumerate();
            words.flat_map(|(at, word)| if is_text(at) { cut(at, word) } else { vec![(at, word.clone())] }).collect()
        }
    }
}

/// The files among `words` that interpreters are given: the first after each, and whatever is called like a script.
fn scripts_among<'a>(
    words: impl Iterator<Item = (usize, &'a str)>,
    cwd: &Path,
) -> impl Iterator<Item = (usize, PathBuf)> {
    let (mut awaits, mut seen_one) = (false, false);
    words.filter_map(move |(at, word)| {
        let path = cwd.join(word);
        let name = Path::new(word).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if is_interpreter(name) {
            (awaits, seen_one) = (true, true);
            return None;
        }
        // Code among the words themselves, and the end of a command: what follows is no script of this one.
        let holds_code = matches!(word, "-e" | "--eval" | ";") || (is_flags(word) && word.ends_with('c'));
        awaits &= !holds_code;
        let ending = Path::new(word).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let is_called_so = seen_one && ENDINGS.contains(&ending.to_ascii_lowercase().as_str());
        let is_started = word.contains('/') && is_script(&path);
        if word.starts_with('-') || !(awaits || is_called_so || is_started) {
            return None;
        }
        let real = path.canonicalize().ok().filter(|real| real.is_file())?;
        awaits = false;
        Some((at, real))
    })
}

/// `-c`, `-lc`.
fn is_flags(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|letters| letters.chars().all(|c| c.is_ascii_alphabetic()))
}

/// Whether a file begins as scripts do.
fn is_script(path: &Path) -> bool {
    let mut start = [0; 2];
    path.is_file() && File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == *b"#!"
}

fn read(argv_index: usize, path: PathBuf) -> Result<Script, String> {
    let why = |error: std::io::Error| format!("`{}` cannot be read: {error}", path.display());
    let file = File::open(&path).map_err(why)?;
    if file.metadata().map_err(why)?.len() > MAX_BYTES {
        return Err(format!("`{}` is too large to be bound to an approval", path.display()));
    }
    let sha256 = base::sha256_hex(file.take(MAX_BYTES)).map_err(why)?;
    Ok(Script { argv_index, path, sha256 })
}

/// By which a program is known again: a file that was replaced or written to has another.
fn mark(found: &Found) -> Result<String, String> {
    let about = found.real.metadata().map_err(|error| format!("`{}`: {error}", found.real.display()))?;
    let changed = about.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let nanos = changed.map_or(0, |since| since.as_nanos());
    #[cfg(unix)]
    let place = {
        use std::os::unix::fs::MetadataExt as _;
        format!("{}:{}", about.dev(), about.ino())
    };
    #[cfg(not(unix))]
    let place = String::new();
    Ok(format!("{place}:{}:{nanos}", about.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-10.16, N-12.16
    #[test]
    fn scripts_are_found_wherever_they_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        write("x.sh", "echo 1");
        write("own", "#!/bin/sh\necho 1");
        write("data", "1");
        let mut mode = std::fs::metadata(folder.path().join("own")).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
        std::fs::set_permissions(folder.path().join("own"), mode).unwrap();
        let places = Places::new("/usr/bin:/bin", folder.path().canonicalize().unwrap(), "/root".into());
        let named = |argv: &[&str]| {
            let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
            let ground = ground(Line::Argv(&argv), &places).unwrap();
            let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
            ground.scripts.iter().map(|one| (one.argv_index, name(&one.path))).collect::<Vec<_>>()
        };
        let one = |at: usize, name: &str| vec![(at, name.to_owned())];
        assert_eq!(named(&["sh", "x.sh"]), one(1, "x.sh"));
        assert_eq!(named(&["sh", "-x", "data"]), one(2, "data"));
        assert_eq!(named(&["sh", "-lc", "cat data && sh ./x.sh > out"]), one(2, "x.sh"));
        assert_eq!(named(&["sh", "-c", "for i in 1; do ./own; done"]), one(2, "own"));
        assert_eq!(named(&["./own"]), one(0, "own"));
        assert_eq!(named(&["env", "python3", "-u", "x.sh", "data"]), one(3, "x.sh"));
        for argv in [&["cat", "data", "x.sh"][..], &["sh", "-c", "cat data"], &["python3", "-c", "1", "data"]] {
            assert_eq!(named(argv), [], "{argv:?}");
        }
        assert_eq!(named(&["sh", "-c", "sh -x; cat data; sh x.sh"]), one(2, "x.sh"));
        let text = ground(Line::Text("ls; sh x.sh"), &places).unwrap();
        assert_eq!(text.scripts.len(), 1);
        let before = ground(Line::Text("./own"), &places).unwrap();
        assert_eq!(before, ground(Line::Text("./own"), &places).unwrap());
        write("own", "#!/bin/sh\necho 2");
        let after = ground(Line::Text("./own"), &places).unwrap();
        assert!(before.scripts != after.scripts && before.programs != after.programs);
    }
}
