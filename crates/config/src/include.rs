//! `$include`: a config spread over several files.
//!
//! `{ $include: "./agents.json5", … }` takes the members of that file, and a list takes several in order. Objects merge,
//! lists are joined, and for anything else the later one wins; the members beside `$include` come last. A file may be
//! included from the folder of the config and from the folders of `OPENCLAW_INCLUDE_ROOTS` only, links followed, so
//! that a config that others may write cannot read the rest of the disk.

use std::path::{Path as FilePath, PathBuf};

use base::Env;

use crate::path::Path;
use crate::problem::Problem;
use crate::text::{Kind, Member, Node, Sources, scan};

/// The key that names the files.
pub(crate) const INCLUDE: &str = "$include";
/// Files within files beyond this are a mistake.
const MAX_DEPTH: usize = 10;
/// Largest config file; the whole is read into memory.
pub(crate) const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Reads the included files and puts their contents in place. Problems are added; what could be read is returned.
pub(crate) fn resolve(root: Node, file: &FilePath, env: &Env, sources: &mut Sources, out: &mut Vec<Problem>) -> Node {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| FilePath::new("."));
    let configured = env.get("INCLUDE_ROOTS");
    let roots =
        std::env::split_paths(configured.as_deref().unwrap_or_default()).filter(|root| !root.as_os_str().is_empty());
    let roots =
        std::iter::once(folder.to_path_buf()).chain(roots).filter_map(|root| root.canonicalize().ok()).collect();
    let open = vec![file.canonicalize().unwrap_or_else(|_| file.to_path_buf())];
    Includer { roots, sources, problems: out, open }.expand(root, &Path::root())
}

struct Includer<'l> {
    roots: Vec<PathBuf>,
    sources: &'l mut Sources,
    problems: &'l mut Vec<Problem>,
    /// The files being read, outermost first.
    open: Vec<PathBuf>,
}

impl Includer<'_> {
    fn expand(&mut self, mut node: Node, path: &Path) -> Node {
        match node.kind {
            Kind::Array(items) => {
                let items = items.into_iter().enumerate();
                node.kind = Kind::Array(items.map(|(index, item)| self.expand(item, &path.index(index))).collect());
                node
            }
            Kind::Object(members) => self.object(members, node.span, node.source, path),
            _ => node,
        }
    }

    fn object(
        &mut self,
        members: Vec<Member>,
        span: std::ops::Range<usize>,
        source: crate::text::SourceId,
        path: &Path,
    ) -> Node {
        let (includes, own): (Vec<_>, Vec<_>) = members.into_iter().partition(|member| member.key == INCLUDE);
        let own = own.into_iter().map(|member| {
            let value = self.expand(member.value, &path.key(&member.key));
            Member { value, ..member }
        });
        let own = Node { kind: Kind::Object(own.collect()), span, source };
        let Some(include) = includes.into_iter().next_back() else { return own };
        let mut merged: Option<Node> = None;
        for name in self.names(&include.value, path) {
            if let Some(read) = self.read(&name, &include.value, path) {
                merged = Some(merged.map_or_else(|| read.clone(), |before| merge(before, read.clone())));
            }
        }
        match merged {
            None => own,
            Some(included) if own.members().is_some_and(<[_]>::is_empty) => included,
            Some(included) if included.members().is_some() => {
                // The object stands where the including file wrote it; its members stand where they were written.
                Node { span: own.span.clone(), source: own.source, kind: merge(included, own).kind }
            }
            Some(_) => {
                self.problem(&include.value, path, "a file included beside other keys must hold an object");
                own
            }
        }
    }

    fn names(&mut self, include: &Node, path: &Path) -> Vec<String> {
        match &include.kind {
            Kind::String(name) => vec![name.clone()],
            Kind::Array(items) if items.iter().all(|item| matches!(item.kind, Kind::String(_))) => {
                items.iter().filter_map(|item| item.to_value().as_str().map(str::to_owned)).collect()
            }
            _ => {
                self.problem(include, path, "takes a file name or a list of file names");
                Vec::new()
            }
        }
    }

    fn read(&mut self, name: &str, at: &Node, path: &Path) -> Option<Node> {
        let file = self.locate(name, at, path)?;
        if self.open.contains(&file) {
            let chain: Vec<_> = self.open.iter().chain([&file]).map(|file| format!("`{}`", file.display())).collect();
            self.problem(at, path, format!("the files include each other in a circle: {}", chain.join(" → ")));
            return None;
        }
        if self.open.len() > MAX_DEPTH {
            self.problem(at, path, format!("files include files more than {MAX_DEPTH} deep"));
            return None;
        }
        let text = match read_text(&file) {
            Ok(text) => text,
            Err(why) => {
                self.problem(at, path, format!("cannot read `{}`: {why}", file.display()));
                return None;
            }
        };
        let source = self.sources.add(file.clone(), text);
        match scan(self.sources.text(source), source) {
            Ok(node) => {
                self.open.push(file);
                let node = self.expand(node, path);
                self.open.pop();
                Some(node)
            }
            Err(error) => {
                let line = self.sources.line(source, error.offset);
                let path = path.to_string();
                self.problems.push(Problem {
                    path,
                    message: error.message,
                    line,
                    file: Some(file),
                    ..Problem::default()
                });
                None
            }
        }
    }

    /// The file that `name` means, when it may be read.
    fn locate(&mut self, name: &str, at: &Node, path: &Path) -> Option<PathBuf> {
        let folder = self.open.last().and_then(|file| file.parent()).map(FilePath::to_path_buf).unwrap_or_default();
        let file = match folder.join(name).canonicalize() {
            Ok(file) => file,
            Err(why) => {
                self.problem(at, path, format!("cannot read `{name}`: {why}"));
                return None;
            }
        };
        if !self.roots.iter().any(|root| file.starts_with(root)) {
            let message =
                format!("`{name}` is outside the folder of the config; OPENCLAW_INCLUDE_ROOTS can allow more");
            self.problem(at, path, message);
            return None;
        }
        Some(file)
    }

    fn problem(&mut self, at: &Node, path: &Path, message: impl Into<String>) {
        self.problems.push(Problem {
            path: path.key(INCLUDE).to_string(),
            message: message.into(),
            line: self.sources.line(at.source, at.span.start),
            file: self.sources.path(at.source).cloned(),
            ..Problem::default()
        });
    }
}

/// Reads a config file whole, if it is a regular file of sensible size in UTF-8.
pub(crate) fn read_text(file: &FilePath) -> std::io::Result<String> {
    let meta = std::fs::metadata(file)?;
    let refuse = |why: &str| Err(std::io::Error::new(std::io::ErrorKind::InvalidData, why.to_owned()));
    if !meta.is_file() {
        return refuse("it is not a file");
    }
    if meta.len() > MAX_FILE_BYTES {
        return refuse("it is larger than 16 MiB");
    }
    String::from_utf8(std::fs::read(file)?).or_else(|_| refuse("it is not UTF-8 text"))
}

/// `over` on top of `under`.
fn merge(under: Node, over: Node) -> Node {
    let kind = match (under.kind, over.kind) {
        (Kind::Object(mut members), Kind::Object(later)) => {
            for member in later {
                match members.iter().position(|known| known.key == member.key) {
                    Some(at) => {
                        let before = members.remove(at);
                        members.insert(at, Member { value: merge(before.value, member.value), ..member });
                    }
                    None => members.push(member),
                }
            }
            Kind::Object(members)
        }
        (Kind::Array(mut items), Kind::Array(later)) => {
            items.extend(later);
            Kind::Array(items)
        }
        (_, later) => later,
    };
    Node { kind, span: over.span, source: over.source }
}
