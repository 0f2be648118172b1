//! Pictures and films of nodes, kept as files that only their owner can read. A file is there whole or not at all.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wire::media::Media;

use super::invoke::set;
use crate::app::App;
use crate::exit::Failure;

/// Where what a node made goes.
#[derive(Debug, clap::Args)]
pub(super) struct Keep {
    /// Write it here: a file, or a folder that gives it a name [default: the folder for temporary files]
    #[arg(short, long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
}

/// What a picture of a page or a screen shall be like.
#[derive(Debug, clap::Args)]
pub(super) struct Picture {
    /// Widest picture, in pixels
    #[arg(long, value_name = "PIXELS")]
    max_width: Option<u32>,
    /// `png` or `jpg`
    #[arg(long, value_name = "FORMAT", value_parser = ["png", "jpg", "jpeg"])]
    format: Option<String>,
    /// From 0 to 1
    #[arg(long)]
    quality: Option<f64>,
}

impl Picture {
    /// Sets what was asked for.
    pub(super) fn set(&self, params: &mut Value) {
        set(params, "maxWidth", self.max_width);
        set(params, "format", self.format.as_deref());
        set(params, "quality", self.quality);
    }
}

impl Keep {
    /// Refuses what could not be written, before a node is asked for it; `count` is how many there will be.
    pub(super) fn check(&self, count: usize) -> Result<(), Failure> {
        let Some(out) = &self.out else { return Ok(()) };
        if out.is_dir() {
            return Ok(());
        }
        if count > 1 {
            let message = format!("`{}` is no folder, and there will be {count} files", out.display());
            return Err(Failure::usage(message).advise("give a folder that exists, or ask for one picture"));
        }
        if !folder_of(out).is_dir() {
            return Err(Failure::usage(format!("`{}` is no folder", folder_of(out).display())));
        }
        if out.exists() && !self.force {
            return Err(exists(out));
        }
        Ok(())
    }

    /// Writes what a node answered; `what` is the beginning of a name it gets. What is known about it, and its path.
    pub(super) fn save(&self, payload: Value, what: &str) -> Result<Value, Failure> {
        let unreadable = |why: String| Failure::new("UNREADABLE_MEDIA", format!("the node sent no {what}: {why}"));
        let media: Media = serde_json::from_value(payload).map_err(|error| unreadable(error.to_string()))?;
        let bytes = media.bytes().map_err(|error| unreadable(error.to_string()))?;
        let path = self.write(&bytes, what, &media.ending())?;
        let mut about = Value::Object(media.about);
        about["format"] = json!(media.format);
        about["bytes"] = json!(bytes.len());
        about["path"] = json!(path);
        Ok(about)
    }

    fn write(&self, bytes: &[u8], what: &str, ending: &str) -> Result<PathBuf, Failure> {
        let given = self.out.as_deref().filter(|out| !out.is_dir());
        let folder = match (&self.out, given) {
            (_, Some(file)) => folder_of(file).to_owned(),
            (Some(folder), None) => folder.clone(),
            (None, None) => std::env::temp_dir(),
        };
        let failed = |error: std::io::Error| Failure::new("WRITE_FAILED", format!("`{}`: {error}", folder.display()));
        let (prefix, suffix) = (format!("openclaw-{what}-"), format!(".{ending}"));
        // Made for its owner's eyes only.
        let named = tempfile::Builder::new().prefix(&prefix).suffix(&suffix).tempfile_in(&folder);
        let mut beside = named.map_err(failed)?;
        beside.write_all(bytes).map_err(failed)?;
        beside.as_file().sync_all().map_err(failed)?;
        let Some(file) = given else {
            let (_, path) = beside.keep().map_err(|error| failed(error.error))?;
            return Ok(path);
        };
        let kept = if self.force { beside.persist(file) } else { beside.persist_noclobber(file) };
        match kept {
            Ok(_) => Ok(file.to_owned()),
            // Somebody made it meanwhile.
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Err(exists(file)),
            Err(error) => Err(failed(error.error)),
        }
    }
}

/// Prints where the files are: one path a line, or with `--json` all that is known about them.
pub(super) fn told(app: &App, files: &[Value]) {
    app.out.either(&json!({"files": files}), || {
        files.iter().filter_map(|file| file["path"].as_str()).collect::<Vec<_>>().join("\n")
    });
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

fn exists(file: &Path) -> Failure {
    let message = format!("`{}` exists", file.display());
    Failure::new("FILE_EXISTS", message).advise("choose another name, or write over it with --force")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_written_is_refused_first_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let keep = |name: &str, force| Keep { out: Some(folder.path().join(name)), force };
        std::fs::write(folder.path().join("there.jpg"), "mine").unwrap();
        assert_eq!(keep("there.jpg", false).check(1).unwrap_err().code.0, "FILE_EXISTS");
        assert_eq!(keep("no/x.jpg", false).check(1).unwrap_err().exit, 2);
        assert_eq!(keep("x.jpg", false).check(2).unwrap_err().exit, 2);
        assert!(keep("", false).check(2).is_ok() && keep("there.jpg", true).check(1).is_ok());
        let picture = json!({"format": "jpg", "base64": "aGVsbG8=", "width": 1});
        let raced = keep("there.jpg", false).save(picture.clone(), "photo").unwrap_err();
        assert_eq!(raced.code.0, "FILE_EXISTS");
        assert_eq!(std::fs::read(folder.path().join("there.jpg")).unwrap(), b"mine");
        assert_eq!(keep("", false).save(json!({"format": "jpg"}), "photo").unwrap_err().code.0, "UNREADABLE_MEDIA");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half written stays");
        let about = keep("there.jpg", true).save(picture, "photo").unwrap();
        assert_eq!((&about["bytes"], &about["width"]), (&json!(5), &json!(1)));
        assert_eq!(std::fs::read(folder.path().join("there.jpg")).unwrap(), b"hello");
    }
}
