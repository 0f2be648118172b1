//! By which method a file is sent (C-10.1): Telegram shows pictures, films and sounds in their own ways.

use std::path::Path;

use crate::{Attached, AttachedFrom};

/// Largest picture Telegram shows as one.
pub(super) const PHOTO_BYTES: u64 = 10 * 1024 * 1024;
/// Largest file a bot may send.
pub(super) const FILE_BYTES: u64 = 50 * 1024 * 1024;

/// How a file is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Photo,
    Animation,
    Video,
    Audio,
    Voice,
    Document,
}

/// Types by the ending of a name.
const ENDINGS: [(&str, &str); 22] = [
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("png", "image/png"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
    ("mp4", "video/mp4"),
    ("m4v", "video/mp4"),
    ("mov", "video/quicktime"),
    ("webm", "video/webm"),
    ("mp3", "audio/mpeg"),
    ("m4a", "audio/mp4"),
    ("aac", "audio/aac"),
    ("wav", "audio/wav"),
    ("flac", "audio/flac"),
    ("ogg", "audio/ogg"),
    ("oga", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("json", "application/json"),
    ("zip", "application/zip"),
];

impl FileKind {
    /// How `file` is shown; sounds Telegram can play as spoken are, when they are to be.
    pub(super) fn of(file: &Attached, as_voice: bool) -> Self {
        let Some(mime) = mime_type(file) else { return Self::Document };
        match mime.split(';').next().unwrap_or_default().trim() {
            "image/gif" => Self::Animation,
            "image/jpeg" | "image/png" | "image/webp" => Self::Photo,
            "video/mp4" | "video/quicktime" => Self::Video,
            "audio/ogg" | "audio/opus" if as_voice => Self::Voice,
            "audio/mpeg" | "audio/mp4" | "audio/x-m4a" if as_voice => Self::Voice,
            "audio/mpeg" | "audio/mp4" | "audio/x-m4a" => Self::Audio,
            "audio/ogg" | "audio/opus" => Self::Voice,
            _ => Self::Document,
        }
    }

    /// The method, and the parameter that is the file.
    pub(super) const fn method(self) -> (&'static str, &'static str) {
        match self {
            Self::Photo => ("sendPhoto", "photo"),
            Self::Animation => ("sendAnimation", "animation"),
            Self::Video => ("sendVideo", "video"),
            Self::Audio => ("sendAudio", "audio"),
            Self::Voice => ("sendVoice", "voice"),
            Self::Document => ("sendDocument", "document"),
        }
    }
}

/// Its type: as it is known, else by its ending.
pub(super) fn mime_type(file: &Attached) -> Option<String> {
    if let Some(known) = &file.mime_type {
        return Some(known.to_ascii_lowercase());
    }
    let name = file_name(file);
    let ending = Path::new(&name).extension()?.to_str()?.to_ascii_lowercase();
    ENDINGS.iter().find(|(known, _)| *known == ending).map(|(_, mime)| (*mime).to_owned())
}

/// The name to send it by.
pub(super) fn file_name(file: &Attached) -> String {
    let own = match &file.from {
        AttachedFrom::Path(path) => path.file_name().map(|name| name.to_string_lossy().into_owned()),
        AttachedFrom::Url(url) => url::Url::parse(url)
            .ok()
            .and_then(|url| url.path_segments().and_then(|mut segments| segments.next_back().map(str::to_owned))),
    };
    file.name.clone().or(own).filter(|name| !name.is_empty()).unwrap_or_else(|| "file".into())
}
