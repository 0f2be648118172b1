//! `fs.listDir`: the folders in a folder, for a person who chooses one (N-10.21).

use std::path::PathBuf;

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use wire::methods::node::LIST_DIR_COMMAND;

use super::{Command, Cx, Refusal, read};

/// Most folders that are told.
const MAX_ENTRIES: usize = 5000;

pub(super) struct ListDir;

#[derive(Deserialize)]
struct Params {
    path: Option<String>,
}

impl Command for ListDir {
    fn name(&self) -> &'static str {
        LIST_DIR_COMMAND
    }

    fn cap(&self) -> &'static str {
        "file"
    }

    fn handle(&self, cx: Cx, params: Value) -> BoxFuture<'static, Result<Value, Refusal>> {
        Box::pin(async move {
            let Params { path } = read(params)?;
            let home = cx.host.home.clone();
            let folder = path.as_deref().map(str::trim).filter(|path| !path.is_empty());
            let folder = folder.map_or_else(|| home.clone(), |path| cx.host.place(path));
            // A folder may be on a disk that takes its time.
            let looked = tokio::task::spawn_blocking(move || list(folder, home)).await;
            looked.map_err(|error| Refusal::unavailable(error.to_string()))?
        })
    }
}

fn list(folder: PathBuf, home: PathBuf) -> Result<Value, Refusal> {
    let refused = |error: std::io::Error| Refusal::invalid(format!("`{}`: {error}", folder.display()));
    let folder = folder.canonicalize().map_err(refused)?;
    let refused = |error: std::io::Error| Refusal::invalid(format!("`{}`: {error}", folder.display()));
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .map_err(refused)?
        .flatten()
        // Through links too: a link to a folder can be chosen like one.
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_by_cached_key(|name| (name.to_lowercase(), name.clone()));
    names.truncate(MAX_ENTRIES);
    let entries: Vec<Value> = names
        .iter()
        .map(|name| json!({"name": name, "path": folder.join(name), "hidden": name.starts_with('.')}))
        .collect();
    Ok(json!({"path": folder, "parent": folder.parent(), "home": home, "entries": entries}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::tests::cx;

    /// N-10.21
    #[tokio::test]
    async fn folders_are_listed_and_files_are_not() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().canonicalize().unwrap();
        for folder in ["b", "A", ".c"] {
            std::fs::create_dir(path.join(folder)).unwrap();
        }
        std::fs::write(path.join("file"), "").unwrap();
        let answer = ListDir.handle(cx(&path), json!({"path": "~"})).await.unwrap();
        let names: Vec<_> = answer["entries"].as_array().unwrap().iter().map(|entry| entry["name"].clone()).collect();
        assert_eq!(names, [".c", "A", "b"]);
        assert_eq!(
            (&answer["path"], &answer["home"], &answer["parent"]),
            (&json!(path), &json!(path), &json!(path.parent()))
        );
        assert_eq!(
            (&answer["entries"][0]["hidden"], &answer["entries"][1]["path"]),
            (&json!(true), &json!(path.join("A")))
        );
        assert_eq!(
            ListDir.handle(cx(&path), Value::Null).await.unwrap()["path"],
            json!(path),
            "the home without a path"
        );
        for wrong in ["file", "/nosuch"] {
            assert_eq!(ListDir.handle(cx(&path), json!({"path": wrong})).await.unwrap_err().code, "INVALID_REQUEST");
        }
    }
}
