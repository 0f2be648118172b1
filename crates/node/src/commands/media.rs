//! What screens and cameras have in common: a program of this machine that makes a file, and the file made small enough
//! to send.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use exec_policy::Places;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, ImageReader, Limits};
use serde_json::{Value, json};

use super::program::{self, Plan};
use super::{Cx, Refusal, without_secrets};
use crate::serve::Voice;

/// Most bytes of a film, before base64 (N-10.9).
const FILM_MAX_BYTES: u64 = 18 * 1024 * 1024;
/// Most bytes of a picture, before base64: under 5 MB with it (N-10.8).
const PICTURE_MAX_BYTES: usize = 3_700_000;
/// Most bytes of what a program makes of a picture.
const RAW_MAX_BYTES: u64 = 200 * 1024 * 1024;
/// Most memory a picture may take.
const MAX_DECODED_BYTES: u64 = 512 * 1024 * 1024;
/// Narrowest a picture is made to fit.
const MIN_WIDTH: u32 = 64;
/// Of a JPEG when nobody says.
const QUALITY: f64 = 0.9;
/// How long a still may take to be made.
pub(super) const STILL: Duration = Duration::from_secs(15);
/// How long a film may take beside its length.
pub(super) const FILM: Duration = Duration::from_secs(30);

/// Programs that can do the same, the best first, with what brings them.
pub(super) struct Need {
    /// The names of the programs.
    pub(super) any_of: &'static [&'static str],
    /// What they are needed for.
    pub(super) to: &'static str,
    /// How one is had.
    pub(super) install: &'static str,
}

/// A program that was found for a need.
pub(super) struct Tool {
    pub(super) name: &'static str,
    path: PathBuf,
}

impl Need {
    /// The first of them that is here.
    ///
    /// # Errors
    /// `UNAVAILABLE`, with the programs and how to have one.
    pub(super) fn find(&self, cx: &Cx) -> Result<Tool, Refusal> {
        let places = Places::new(&cx.host.path(), cx.host.home.clone(), cx.host.home.clone());
        let found = self.any_of.iter().find_map(|name| Some(Tool { name, path: places.find(name)?.path }));
        found.ok_or_else(|| {
            let names = self.any_of.join(" or ");
            Refusal::unavailable(format!("to {} this node needs {names}; on the node run: {}", self.to, self.install))
        })
    }
}

impl Tool {
    /// Runs it to its end.
    ///
    /// # Errors
    /// What it said, or that it took too long.
    pub(super) async fn run(&self, cx: &Cx, args: &[String], within: Duration) -> Result<String, Refusal> {
        let words = args.iter().map(PathBuf::from);
        let argv = cx.host.guard.iter().cloned().chain([self.path.clone()]).chain(words).collect();
        let env = without_secrets(&cx.host.env).collect();
        let plan = Plan { argv, cwd: cx.host.home.clone(), env, timeout: within, input: Vec::new() };
        let ended = program::run(plan, &Voice::nowhere()).await;
        let ended = ended.map_err(|error| Refusal::unavailable(format!("{}: {error}", self.name)))?;
        if ended.timed_out {
            return Err(Refusal::unavailable(format!("{} did not end within {} s", self.name, within.as_secs())));
        }
        if ended.code == Some(0) {
            return Ok(ended.stdout);
        }
        let said = if ended.stderr.trim().is_empty() { ended.stdout } else { ended.stderr };
        let why = said.trim().lines().last().unwrap_or("it did not say why").to_owned();
        Err(Refusal::unavailable(format!("{} failed: {why}", self.name)))
    }
}

/// A folder for what a program makes, which only the owner can enter, and which is gone with it.
pub(super) struct Room(tempfile::TempDir);

impl Room {
    /// A new one.
    ///
    /// # Errors
    /// That there is no room.
    pub(super) fn new() -> Result<Self, Refusal> {
        let made = tempfile::Builder::new().prefix("openclaw-media-").tempdir();
        made.map(Self).map_err(|error| Refusal::unavailable(format!("no folder for what is made: {error}")))
    }

    /// The path of a file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// How a picture is wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) max_width: Option<u32>,
    pub(super) quality: Option<f64>,
    pub(super) format: Option<String>,
}

impl Wanted {
    fn is_png(&self) -> Result<bool, Refusal> {
        match self.format.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("jpg" | "jpeg") => Ok(false),
            Some("png") => Ok(true),
            Some(other) => Err(Refusal::invalid(format!("format: `{other}` is neither jpg nor png"))),
        }
    }

    /// Refuses what could not be made, before anything is.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        self.is_png().map(drop)
    }

    /// The picture in `file` as it is wanted, made narrower until it fits.
    ///
    /// # Errors
    /// That it is no picture.
    pub(super) async fn picture(self, file: PathBuf) -> Result<Value, Refusal> {
        super::files::off_the_road(move || {
            let picture = decode(&bytes_of(&file, RAW_MAX_BYTES)?)?;
            let png = self.is_png()?;
            let quality = (self.quality.unwrap_or(QUALITY).clamp(0.05, 1.0) * 100.0).round() as u8;
            let mut width = self.max_width.filter(|most| *most > 0).unwrap_or(u32::MAX).min(picture.width());
            loop {
                let shown = if width < picture.width() { picture.thumbnail(width, u32::MAX) } else { picture.clone() };
                let bytes = encode(&shown, png, quality)?;
                if bytes.len() <= PICTURE_MAX_BYTES || width <= MIN_WIDTH {
                    let format = if png { "png" } else { "jpg" };
                    let (width, height) = (shown.width(), shown.height());
                    return Ok(json!({
                        "format": format, "base64": STANDARD.encode(bytes), "width": width, "height": height,
                    }));
                }
                width = width / 4 * 3;
            }
        })
        .await
    }
}

fn decode(bytes: &[u8]) -> Result<DynamicImage, Refusal> {
    let unreadable = |why: String| Refusal::unavailable(format!("what was made is no picture: {why}"));
    let mut reader =
        ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| unreadable(error.to_string()))?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    reader.decode().map_err(|error| unreadable(error.to_string()))
}

fn encode(picture: &DynamicImage, png: bool, quality: u8) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let made = match png {
        true => picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png),
        false => picture.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality)),
    };
    made.map_err(|error| Refusal::unavailable(format!("the picture could not be made: {error}")))?;
    Ok(bytes)
}

/// The film in `file`, as it is answered with.
///
/// # Errors
/// `PAYLOAD_TOO_LARGE`, or that there is none.
pub(super) async fn film(file: PathBuf, mut about: Value) -> Result<Value, Refusal> {
    super::files::off_the_road(move || {
        let bytes = bytes_of(&file, FILM_MAX_BYTES)?;
        about["format"] = json!("mp4");
        about["base64"] = json!(STANDARD.encode(bytes));
        Ok(about)
    })
    .await
}

fn bytes_of(file: &Path, most: u64) -> Result<Vec<u8>, Refusal> {
    let failed = |error: std::io::Error| Refusal::unavailable(format!("nothing was made: {error}"));
    let length = std::fs::metadata(file).map_err(failed)?.len();
    if length > most {
        let message = format!("it has {length} bytes, and {most} are sent at most; make it shorter or smaller");
        return Err(Refusal { code: "PAYLOAD_TOO_LARGE", message });
    }
    std::fs::read(file).map_err(failed)
}

/// The words of a program's line.
pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Seconds as these programs read them.
pub(super) fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// Only mp4 is made.
///
/// # Errors
/// `INVALID_REQUEST` for anything else.
pub(super) fn only_mp4(format: Option<&str>) -> Result<(), Refusal> {
    match format {
        None | Some("mp4") => Ok(()),
        Some(other) => Err(Refusal::invalid(format!("format: `{other}` is not mp4"))),
    }
}
