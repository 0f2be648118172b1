//! The files of a reply (A-18.3). A model may name files of its agent's workspace and `https` addresses; what it names is
//! checked here, once, as it is on the disk: links do not lead out, hidden files stay.

use std::path::{Component, Path, PathBuf};

use channels::{Attached, AttachedFrom, Say};

const MARK: &str = "MEDIA:";
/// Most files of one reply.
const FILES_MAX: usize = 20;

/// What a reply wants to send.
pub(super) struct Wanted {
    /// What its text names.
    pub(super) named: Vec<String>,
    /// What the run's own tools made.
    pub(super) made: Vec<PathBuf>,
    /// Whether the text's word is enough; it is not where several people read.
    pub(super) by_name: bool,
    /// Largest file, in bytes.
    pub(super) limit: u64,
}

/// The text without its `MEDIA:` lines, and what they name. Lines within fenced code are text.
pub(crate) fn without_lines(text: &str) -> (String, Vec<String>) {
    let (mut kept, mut named, mut fenced) = (Vec::new(), Vec::new(), false);
    for line in text.split('\n') {
        let start = line.trim_start();
        fenced ^= start.starts_with("```") || start.starts_with("~~~");
        match start.strip_prefix(MARK).filter(|_| !fenced) {
            Some(name) => {
                let quotes: &[char] = &['`', '"', '\'', '<', '>'];
                let name = name.trim().trim_matches(quotes);
                named.extend((!name.is_empty()).then(|| name.to_owned()));
            }
            None => kept.push(line),
        }
    }
    if named.is_empty() {
        return (text.to_owned(), named);
    }
    (kept.join("\n").trim_end().to_owned(), named)
}

/// The same of a text that is still being written, whose last line may become one of them (C-9.5).
pub(crate) fn shown(text: &str) -> String {
    let (text, _) = without_lines(text);
    let (before, last) = text.rsplit_once('\n').map_or(("", text.as_str()), |(before, last)| (before, last));
    let open = !last.trim().is_empty() && MARK.starts_with(last.trim());
    if open { before.to_owned() } else { text }
}

/// Puts the files into `say` that may go, and says of the others why they do not.
pub(super) async fn attach(say: &mut Say, wanted: Wanted, workspace: PathBuf) {
    if wanted.named.is_empty() && wanted.made.is_empty() {
        return;
    }
    let checked = tokio::task::spawn_blocking(move || check(&wanted, &workspace)).await;
    let (media, refused) =
        checked.unwrap_or_else(|error| (Vec::new(), vec![format!("(files were not sent: {error})")]));
    say.media = media;
    for line in refused {
        let gap = if say.text.is_empty() { "" } else { "\n\n" };
        say.text = format!("{}{gap}{line}", say.text);
    }
}

fn check(wanted: &Wanted, workspace: &Path) -> (Vec<Attached>, Vec<String>) {
    let (mut files, mut refused): (Vec<Attached>, Vec<String>) = Default::default();
    let made = wanted.made.iter().filter_map(|path| Some((path.to_str()?, true)));
    let named = wanted.named.iter().map(|name| (name.as_str(), wanted.by_name));
    for (name, may_go) in named.chain(made) {
        let checked = one(name, may_go, workspace, wanted);
        match checked {
            Ok(from) if files.iter().any(|file| file.from == from) => {}
            Ok(_) if files.len() >= FILES_MAX => {
                refused.push(format!("(`{}` was not sent: too many files)", shown_name(name)))
            }
            Ok(from) => files.push(Attached { from, mime_type: None, name: None }),
            Err(why) => {
                tracing::warn!(file = %name, why, "a file of a reply was not sent");
                refused.push(format!("(`{}` was not sent: {why})", shown_name(name)));
            }
        }
    }
    (files, refused)
}

fn one(name: &str, may_go: bool, workspace: &Path, wanted: &Wanted) -> Result<AttachedFrom, &'static str> {
    let path = name.strip_prefix("file://").unwrap_or(name);
    // A file that a tool of this very run made may go wherever its answer goes.
    let made = || wanted.made.iter().any(|made| made == Path::new(path));
    if !may_go && !made() {
        return Err("files go to groups only when a tool made them for the answer");
    }
    if name.starts_with("https://") {
        return Ok(AttachedFrom::Url(name.to_owned()));
    }
    if !name.starts_with("file://") && name.contains("://") {
        return Err("only files and https addresses can be sent");
    }
    file(path, workspace, wanted.limit).map(AttachedFrom::Path)
}

/// A file of the workspace, by the path it really has.
fn file(path: &str, workspace: &Path, limit: u64) -> Result<PathBuf, &'static str> {
    let missing = |_| "there is no such file";
    let root = workspace.canonicalize().map_err(missing)?;
    let real = root.join(path).canonicalize().map_err(missing)?;
    let Ok(inside) = real.strip_prefix(&root) else { return Err("it is not in the agent's workspace") };
    let hidden = |part: Component<'_>| part.as_os_str().to_string_lossy().starts_with('.');
    if inside.components().any(hidden) {
        return Err("it is hidden");
    }
    let about = real.metadata().map_err(missing)?;
    if !about.is_file() {
        return Err("it is no file");
    }
    if about.len() > limit {
        return Err("it is too large");
    }
    Ok(real)
}

/// Only the name: paths are nobody's business.
fn shown_name(name: &str) -> &str {
    name.rsplit('/').find(|part| !part.is_empty()).unwrap_or("file")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A-7.8
    #[test]
    fn lines_that_name_files_are_taken_out() {
        let (text, named) = without_lines("Here:\nMEDIA:`a.png`\n  MEDIA: /w/b c.pdf\ndone\n");
        assert_eq!((text.as_str(), named.as_slice()), ("Here:\ndone", &["a.png".to_owned(), "/w/b c.pdf".into()][..]));
        let code = "```\nMEDIA:a.png\n```";
        assert_eq!(without_lines(code), (code.to_owned(), Vec::new()));
        assert_eq!(without_lines("the MEDIA:a.png mark").1, Vec::<String>::new());
    }

    /// C-9.5
    #[test]
    fn a_line_that_may_come_to_name_a_file_is_not_shown_yet() {
        assert_eq!(shown("Here:\nMED"), "Here:");
        assert_eq!(shown("Here:\nMEDIA:a.p"), "Here:");
        assert_eq!(shown("Here:\nMEDal"), "Here:\nMEDal");
        assert_eq!(shown("M"), "");
    }

    fn wanted(named: &[&str], made: &[PathBuf], by_name: bool) -> Wanted {
        let named = named.iter().map(|name| (*name).to_owned()).collect();
        Wanted { named, made: made.to_vec(), by_name, limit: 10 }
    }

    /// A-18.3
    #[cfg(unix)]
    #[test]
    fn only_files_of_the_workspace_go_and_links_do_not_leave_it() {
        let home = tempfile::tempdir().unwrap();
        let workspace = home.path().join("w");
        std::fs::create_dir_all(workspace.join(".git")).unwrap();
        for (name, bytes) in [("w/a.png", 5), ("w/large.bin", 11), ("secret.txt", 5), ("w/.env", 1), ("w/.git/x", 1)] {
            std::fs::write(home.path().join(name), vec![0; bytes]).unwrap();
        }
        std::os::unix::fs::symlink(home.path().join("secret.txt"), workspace.join("link.txt")).unwrap();
        std::os::unix::fs::symlink(home.path(), workspace.join("up")).unwrap();
        let secret = home.path().join("secret.txt");
        let refused = [
            "link.txt",
            "up/secret.txt",
            "../secret.txt",
            secret.to_str().unwrap(),
            ".env",
            ".git/x",
            "large.bin",
            "missing.png",
            "http://e.com/a.png",
            "",
            "/",
            "file:///etc/passwd",
            "data://x",
        ];
        let (files, why) = check(&wanted(&refused, &[], true), &workspace);
        assert_eq!((files.len(), why.len()), (0, refused.len()), "{files:?} {why:?}");
        let inside = workspace.join("a.png").to_str().unwrap().to_owned();
        let allowed = ["a.png", &inside, "https://e.com/a.png"];
        let (files, why) = check(&wanted(&allowed, &[], true), &workspace);
        let real = workspace.canonicalize().unwrap().join("a.png");
        let froms: Vec<_> = files.into_iter().map(|file| file.from).collect();
        assert_eq!(froms, [AttachedFrom::Path(real.clone()), AttachedFrom::Url("https://e.com/a.png".into())]);
        assert_eq!(why, [""; 0]);
        assert!(check(&wanted(&allowed, &[], false), &workspace).0.is_empty(), "not to a group");
        assert_eq!(check(&wanted(&[&inside], &[inside.clone().into()], false), &workspace).0.len(), 1);
    }
}
