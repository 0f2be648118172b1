//! Pictures as vendors take them: known formats, small enough, and none at all for a model that cannot see.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageReader, Limits};
use wire::message::{Block, Message, UserContent};

use super::failure::Failure;
use super::{FailureClass, ModelRequest};

/// Longest side in pixels; vendors shrink larger pictures themselves, after making us wait for the upload.
const SIDE_MAX: u32 = 1_568;
/// Largest picture as base64; the strictest vendor allows 5 MB.
const BASE64_MAX_BYTES: usize = 5_000_000;
/// Decoded pixels take this much memory at most, so that a small file cannot unfold into all of it.
const DECODE_MAX_BYTES: u64 = 256 * 1024 * 1024;
const JPEG_QUALITY: u8 = 85;
/// What every vendor takes as it is.
const FORMATS: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// What stands in the place of a picture that is not sent.
pub(super) const UNSEEN: &str = "[a picture was left out: this model does not see pictures]";
const UNREADABLE: &str = "[a picture was left out: its format cannot be read]";

/// The request with every picture fit to be sent. Shrinking runs off the async threads.
pub(super) async fn fit(request: ModelRequest, sees_images: bool) -> Result<ModelRequest, Failure> {
    let any = request.messages.iter().any(|message| blocks(message).iter().any(is_image));
    if !any {
        return Ok(request);
    }
    let fitted = tokio::task::spawn_blocking(move || {
        let mut request = request;
        for block in request.messages.iter_mut().flat_map(blocks_mut) {
            fit_block(block, sees_images);
        }
        request
    });
    fitted.await.map_err(|_| Failure::saying(FailureClass::Format, "was not called: a picture could not be prepared"))
}

fn blocks(message: &Message) -> &[Block] {
    match message {
        Message::User(user) => match &user.content {
            UserContent::Blocks(blocks) => blocks,
            UserContent::Text(_) => &[],
        },
        Message::ToolResult(result) => &result.content,
        Message::Assistant(_) => &[],
    }
}

fn blocks_mut(message: &mut Message) -> &mut [Block] {
    match message {
        Message::User(user) => match &mut user.content {
            UserContent::Blocks(blocks) => blocks,
            UserContent::Text(_) => &mut [],
        },
        Message::ToolResult(result) => &mut result.content,
        Message::Assistant(_) => &mut [],
    }
}

const fn is_image(block: &Block) -> bool {
    matches!(block, Block::Image { .. })
}

fn fit_block(block: &mut Block, sees_images: bool) {
    let Block::Image { data, mime_type } = block else { return };
    if !sees_images {
        *block = Block::text(UNSEEN);
        return;
    }
    match fit_image(data, mime_type) {
        Fit::AsItIs => {}
        Fit::Shrunk(shrunk) => *block = Block::Image { data: shrunk, mime_type: "image/jpeg".into() },
        Fit::Unreadable => *block = Block::text(UNREADABLE),
    }
}

#[derive(Debug, PartialEq)]
enum Fit {
    AsItIs,
    Shrunk(String),
    Unreadable,
}

/// A picture (base64, type) no larger than any vendor takes it; itself when it is small enough, `None` when it cannot be
/// read.
pub fn smaller(data: String, mime_type: String) -> Option<(String, String)> {
    match fit_image(&data, &mime_type) {
        Fit::AsItIs => Some((data, mime_type)),
        Fit::Shrunk(jpeg) => Some((jpeg, "image/jpeg".into())),
        Fit::Unreadable => None,
    }
}

fn fit_image(data: &str, mime_type: &str) -> Fit {
    let known = FORMATS.contains(&mime_type);
    let Some(bytes) = STANDARD.decode(data.trim()).ok() else { return Fit::Unreadable };
    let size = reader(&bytes).and_then(|reader| reader.into_dimensions().ok());
    if known && data.len() <= BASE64_MAX_BYTES && size.is_none_or(|(width, height)| width.max(height) <= SIDE_MAX) {
        return Fit::AsItIs;
    }
    let Some(picture) = reader(&bytes).and_then(|reader| reader.decode().ok()) else { return Fit::Unreadable };
    let picture =
        if picture.width().max(picture.height()) > SIDE_MAX { picture.thumbnail(SIDE_MAX, SIDE_MAX) } else { picture };
    to_jpeg(&picture).map_or(Fit::Unreadable, |jpeg| Fit::Shrunk(STANDARD.encode(jpeg)))
}

fn reader(bytes: &[u8]) -> Option<ImageReader<Cursor<&[u8]>>> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODE_MAX_BYTES);
    reader.limits(limits);
    Some(reader)
}

fn to_jpeg(picture: &DynamicImage) -> Option<Vec<u8>> {
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY).encode_image(&picture.to_rgb8()).ok()?;
    Some(jpeg)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> String {
        let mut bytes = Vec::new();
        DynamicImage::new_rgb8(width, height).write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
        STANDARD.encode(bytes)
    }

    ///
    #[test]
    fn large_pictures_shrink_and_small_ones_stay_as_they_are() {
        assert_eq!(fit_image(&png(40, 30), "image/png"), Fit::AsItIs);
        let Fit::Shrunk(jpeg) = fit_image(&png(3_136, 100), "image/png") else { panic!("3136 px is too wide") };
        let bytes = STANDARD.decode(jpeg).unwrap();
        assert_eq!(reader(&bytes).unwrap().into_dimensions().unwrap(), (1_568, 50));
    }

    #[test]
    fn what_is_no_picture_is_left_out_with_a_note() {
        assert_eq!(fit_image("not base64!", "image/png"), Fit::Unreadable);
        assert_eq!(fit_image("AAAA", "image/heic"), Fit::Unreadable);
        let mut block = Block::Image { data: png(4, 4), mime_type: "image/png".into() };
        fit_block(&mut block, false);
        assert_eq!(block, Block::text(UNSEEN));
    }
}
