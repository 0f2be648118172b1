//! What came along with a message (C-7.1).

use frankenstein::types::Message;

use crate::{Media, MediaKind};

/// Every file of a message.
pub(super) fn of(message: &Message) -> Vec<Media> {
    let mut found = Vec::new();
    let mut add = |kind, file: &str, mime: Option<&str>, name: Option<&String>, size| {
        let (mime_type, name) = (mime.map(str::to_owned), name.cloned());
        found.push(Media { kind, file: file.to_owned(), mime_type, name, size, emoji: None });
    };
    // The same picture in several sizes: the largest is the picture.
    let largest = message.photo.iter().flatten().max_by_key(|size| u64::from(size.width) * u64::from(size.height));
    if let Some(photo) = largest {
        add(MediaKind::Image, &photo.file_id, Some("image/jpeg"), None, photo.file_size);
    }
    if let Some(video) = &message.video {
        add(MediaKind::Video, &video.file_id, video.mime_type.as_deref(), video.file_name.as_ref(), video.file_size);
    }
    if let Some(note) = &message.video_note {
        add(MediaKind::Video, &note.file_id, Some("video/mp4"), None, note.file_size);
    }
    if let Some(audio) = &message.audio {
        add(MediaKind::Audio, &audio.file_id, audio.mime_type.as_deref(), audio.file_name.as_ref(), audio.file_size);
    }
    if let Some(voice) = &message.voice {
        add(MediaKind::Voice, &voice.file_id, voice.mime_type.as_deref(), None, voice.file_size);
    }
    match (&message.animation, &message.document) {
        // An animation comes as a document as well, for old clients.
        (Some(file), _) => {
            add(MediaKind::Video, &file.file_id, file.mime_type.as_deref(), file.file_name.as_ref(), file.file_size);
        }
        (None, Some(file)) => {
            add(MediaKind::Document, &file.file_id, file.mime_type.as_deref(), file.file_name.as_ref(), file.file_size);
        }
        (None, None) => {}
    }
    if let Some(sticker) = &message.sticker {
        let mime = match (sticker.is_animated, sticker.is_video) {
            (true, _) => "application/x-tgsticker",
            (_, true) => "video/webm",
            _ => "image/webp",
        };
        add(MediaKind::Sticker, &sticker.file_id, Some(mime), None, sticker.file_size);
        if let (Some(last), Some(emoji)) = (found.last_mut(), &sticker.emoji) {
            last.emoji = Some(emoji.clone());
        }
    }
    found
}
