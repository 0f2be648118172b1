//! Files that came along (C-7.3, A-18.1, A-18.2): brought here, kept in the workspace, shown to the model as far as it can
//! see or hear them. What cannot be had is a line, and the turn begins all the same.

use std::path::Path;
use std::time::Duration;

use agent::providers::{self, Sound};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use channels::{Fetched, Media, MediaKind, SendError};
use wire::limits::{ATTACHMENT_MAX_BYTES, ATTACHMENT_MAX_IMAGE_BYTES};
use wire::message::Block;

use super::scene::Scene;
use crate::intake::attachments::{is_picture, sniff};

/// How long all files of one message may take.
const BUDGET: Duration = Duration::from_secs(60);
/// Most files of one message; the rest are named.
const COUNT_MAX: usize = 12;
/// Pictures above this are made smaller before they go into the transcript.
const PICTURE_KEPT_BYTES: usize = 512 * 1024;

/// The blocks that stand for the files of a message.
pub(super) async fn blocks(scene: &Scene<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let until = tokio::time::Instant::now() + BUDGET;
    for (number, media) in scene.event.media.iter().enumerate() {
        if number >= COUNT_MAX {
            blocks.push(unavailable(media, "too many files in one message"));
            continue;
        }
        match tokio::time::timeout_at(until, one(scene, media)).await {
            Ok(Ok(own)) => blocks.extend(own),
            Ok(Err(why)) => blocks.push(unavailable(media, &why)),
            Err(_) => blocks.push(unavailable(media, "it took too long to bring here")),
        }
    }
    blocks
}

async fn one(scene: &Scene<'_>, media: &Media) -> Result<Vec<Block>, String> {
    let limit = scene.live.account.style.media_max.min(ATTACHMENT_MAX_BYTES as u64);
    if media.size.is_some_and(|size| size > limit) {
        return Err(format!("larger than {} MB", limit / 1024 / 1024));
    }
    let transport = scene.live.transport.as_ref().ok_or("the account is not at work")?;
    let fetched = transport.fetch(media, limit).await.map_err(|error| reason(&error))?;
    let stated = media.mime_type.clone().or_else(|| fetched.mime_type.clone());
    let mime = sniff(&fetched.bytes).map(str::to_owned).or(stated).unwrap_or_else(|| usual(media.kind).to_owned());
    let ending = ending(media, &fetched, &mime);
    let workspace = scene.services.agents.workspace(&scene.agent);
    let line = keep(&workspace, &fetched, &ending, &mime).await?;
    let mut blocks = vec![Block::text(line)];
    if is_picture(&mime) {
        blocks.extend(picture(&fetched, mime).await);
    } else if matches!(media.kind, MediaKind::Voice | MediaKind::Audio) {
        blocks.push(heard(scene, &fetched, &mime, &ending).await);
    }
    Ok(blocks)
}

/// What is said, as far as somebody can hear it: data like every other word of theirs (C-1.5).
async fn heard(scene: &Scene<'_>, fetched: &Fetched, mime: &str, ending: &str) -> Block {
    let config = scene.services.config.current();
    let Some(audio) = config.tools.media.audio.as_ref().filter(|audio| audio.enabled != Some(false)) else {
        return Block::text("[no transcript: no model hears; `tools.media.audio.models` names one]");
    };
    let patience = audio.timeout_seconds.map_or(BUDGET, Duration::from_secs).min(BUDGET);
    let mut why = "`tools.media.audio.models` is empty".to_owned();
    for model in &audio.models {
        let sound = Sound {
            bytes: fetched.bytes.clone(),
            name: format!("sound.{ending}"),
            mime_type: mime.to_owned(),
            language: audio.language.clone(),
        };
        match scene.services.models.hear(&model.provider, &model.model, sound, patience).await {
            Ok(text) => {
                let text = agent::prompt::chat_words(&text);
                return Block::text(format!("[transcript of the voice message]\n{text}"));
            }
            Err(failed) => why = failed,
        }
    }
    tracing::warn!(why, "a voice message was not put into words");
    Block::text(format!("[no transcript: {why}]"))
}

async fn keep(workspace: &Path, fetched: &Fetched, ending: &str, mime: &str) -> Result<String, String> {
    let (workspace, bytes, ending) = (workspace.to_owned(), fetched.bytes.clone(), ending.to_owned());
    let kept = tokio::task::spawn_blocking(move || agent::workspace::keep_media(&workspace, &bytes, &ending));
    let path =
        kept.await.map_err(|error| error.to_string())?.map_err(|error| format!("it could not be kept: {error}"))?;
    Ok(format!("[media attached: {} ({})]", path.display(), plain(mime)))
}

async fn picture(fetched: &Fetched, mime: String) -> Option<Block> {
    let bytes = fetched.bytes.clone();
    let encode = move || {
        let data = STANDARD.encode(&bytes);
        if bytes.len() <= PICTURE_KEPT_BYTES {
            return Some(Block::Image { data, mime_type: mime });
        }
        let (data, mime_type) = providers::smaller_picture(data, mime)?;
        (data.len() / 4 * 3 <= ATTACHMENT_MAX_IMAGE_BYTES).then_some(Block::Image { data, mime_type })
    };
    tokio::task::spawn_blocking(encode).await.ok().flatten()
}

fn unavailable(media: &Media, why: &str) -> Block {
    Block::text(format!("[media unavailable: {}: {why}]", media.kind.as_str()))
}

/// In words that hold nothing of the vendor's URLs.
fn reason(error: &SendError) -> String {
    match error {
        SendError::TooLarge(_) => "larger than the channel hands out".into(),
        SendError::NotFound(_) => "it is not there any more".into(),
        SendError::Unsupported(why) => plain(why),
        _ => "it could not be brought here".into(),
    }
}

/// The ending a person knows the file by.
fn ending(media: &Media, fetched: &Fetched, mime: &str) -> String {
    let name = media.name.as_deref().or(fetched.name.as_deref());
    let from_name = name.and_then(|name| name.rsplit_once('.')).map(|(_, ending)| ending.to_ascii_lowercase());
    let is_plain =
        |ending: &String| (1..=8).contains(&ending.len()) && ending.bytes().all(|b| b.is_ascii_alphanumeric());
    from_name.filter(is_plain).unwrap_or_else(|| {
        let kind = mime.split(';').next().unwrap_or("").trim();
        match kind {
            "image/jpeg" => "jpg",
            "image/png" => "png",
            "image/gif" => "gif",
            "image/webp" => "webp",
            "audio/ogg" => "ogg",
            "audio/mpeg" => "mp3",
            "audio/mp4" => "m4a",
            "video/mp4" => "mp4",
            "video/webm" => "webm",
            "application/pdf" => "pdf",
            "text/plain" => "txt",
            _ => "bin",
        }
        .to_owned()
    })
}

const fn usual(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image/jpeg",
        MediaKind::Video => "video/mp4",
        MediaKind::Audio => "audio/mpeg",
        MediaKind::Voice => "audio/ogg",
        MediaKind::Sticker => "image/webp",
        MediaKind::Document => "application/octet-stream",
    }
}

/// A word of a stranger's on one short line.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '[' | ']' | '<' | '>')).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn a_files_ending_is_plain_whatever_its_sender_calls_it() {
        let fetched =
            |name: Option<&str>| Fetched { bytes: bytes::Bytes::new(), mime_type: None, name: name.map(Into::into) };
        let media = |name: Option<&str>| Media { name: name.map(Into::into), ..Media::default() };
        for (name, path, mime, expected) in [
            (Some("photo.PNG"), None, "image/png", "png"),
            (Some("../../x.s/h"), None, "text/plain", "txt"),
            (None, Some("voice/file_1.oga"), "audio/ogg", "oga"),
            (None, None, "audio/ogg; codecs=opus", "ogg"),
            (Some("x.averyverylongending"), None, "?", "bin"),
        ] {
            assert_eq!(ending(&media(name), &fetched(path), mime), expected);
        }
        assert_eq!(plain("a]\n<b>"), "ab");
    }
}
