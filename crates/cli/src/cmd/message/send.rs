//! `message send`, and `gateway send`, which the published pages name (SEED-2).

use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Where, cell, place};
use crate::app::App;
use crate::exit::Failure;

/// The largest file that is sent along.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;
/// The longest text that is read from stdin.
const LONGEST_TEXT: u64 = 1024 * 1024;

/// Send a message to a chat
#[derive(Debug, clap::Args)]
pub(crate) struct Send {
    #[command(flatten)]
    place: Where,
    /// The text, in Markdown; `-` reads it from stdin
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true, required_unless_present = "media")]
    message: Option<String>,
    /// A file of this machine, or an https URL
    #[arg(long, value_name = "FILE|URL")]
    media: Option<String>,
    /// The message that is answered
    #[arg(long, value_name = "ID")]
    reply_to: Option<String>,
    /// Send sound as a voice note
    #[arg(long)]
    as_voice: bool,
    /// Disturb nobody
    #[arg(long)]
    silent: bool,
    /// Buttons under it: a list of rows of {text, data}
    #[arg(long, value_name = "JSON")]
    buttons: Option<String>,
}

impl Send {
    /// Sends it.
    pub(in crate::cmd) fn run(&self, app: &App) -> Result<(), Failure> {
        let buttons = self.buttons.as_deref().map(|text| {
            serde_json::from_str::<Value>(text)
                .map_err(|error| Failure::usage(format!("--buttons is no JSON: {error}")))
        });
        let mut words = json!({
            "message": self.text()?, "replyTo": self.reply_to, "buttons": buttons.transpose()?,
            "asVoice": self.as_voice.then_some(true), "silent": self.silent.then_some(true),
        });
        match self.media.as_deref() {
            Some(url) if url.starts_with("https://") || url.starts_with("http://") => words["media"] = json!(url),
            Some(file) => add_file(&mut words, Path::new(file))?,
            None => {}
        }
        let Some(answer) = self.place.ask(app, "send", words)? else { return Ok(()) };
        app.out.either(&answer, || format!("Sent to {} (message {}).", place(&answer), cell(&answer["messageId"])));
        Ok(())
    }

    fn text(&self) -> Result<Option<String>, Failure> {
        if self.message.as_deref() != Some("-") {
            return Ok(self.message.clone());
        }
        let mut text = String::new();
        let read = std::io::stdin().take(LONGEST_TEXT).read_to_string(&mut text);
        read.map_err(|error| Failure::usage(format!("stdin is no text: {error}")))?;
        Ok(Some(text))
    }
}

fn add_file(words: &mut Value, path: &Path) -> Result<(), Failure> {
    let wrong = |why: String| Failure::usage(format!("--media `{}`: {why}", path.display()));
    let about = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    if !about.is_file() {
        return Err(wrong("it is no file".into()));
    }
    if about.len() > LARGEST_FILE {
        return Err(wrong(format!("it is larger than {LARGEST_FILE} bytes; serve it and give its https URL")));
    }
    let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    words["buffer"] = json!(STANDARD.encode(bytes));
    words["filename"] = json!(path.file_name().map(|name| name.to_string_lossy()));
    Ok(())
}
