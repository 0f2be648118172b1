//! Speech into text: OpenAI's `POST /audio/transcriptions`, which Groq and local servers speak too.

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use serde_json::Value;

use super::{Endpoint, Http};

/// Longest answer that is read.
const ANSWER_MAX_BYTES: usize = 1024 * 1024;

/// Something to hear.
#[derive(Debug, Clone)]
pub struct Sound {
    /// The file.
    pub bytes: bytes::Bytes,
    /// Its name, whose ending servers go by.
    pub name: String,
    /// Its type.
    pub mime_type: String,
    /// The language, when it is known.
    pub language: Option<String>,
}

/// What is said in `sound`.
///
/// # Errors
/// Why not, in a few words without any secret.
pub(crate) async fn transcribe(
    endpoint: &Endpoint,
    http: &Http,
    model: &str,
    sound: Sound,
    patience: Duration,
) -> Result<String, String> {
    let ask = async {
        let client = http.client(endpoint).map_err(|_| "the HTTP client did not start".to_owned())?;
        let part = Part::stream(sound.bytes).file_name(sound.name);
        let part = part.mime_str(&sound.mime_type).map_err(|_| "its type is none".to_owned())?;
        let mut form = Form::new().part("file", part).text("model", model.to_owned()).text("response_format", "json");
        if let Some(language) = sound.language {
            form = form.text("language", language);
        }
        let mut request = client.post(endpoint.url("v1", "audio/transcriptions", false)).multipart(form);
        if let Some(key) = &endpoint.api_key {
            request = request.bearer_auth(key.expose());
        }
        for (name, value) in &endpoint.headers {
            request = request.header(name, value.expose());
        }
        // The error of a request names its URL, which may hold a key.
        let mut answer = request.send().await.map_err(|_| format!("{} cannot be reached", endpoint.provider))?;
        if !answer.status().is_success() {
            return Err(format!("{} answered {}", endpoint.provider, answer.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|_| "the answer broke off".to_owned())? {
            if body.len() + chunk.len() > ANSWER_MAX_BYTES {
                return Err("the answer is too long".to_owned());
            }
            body.extend_from_slice(&chunk);
        }
        let answer: Value = serde_json::from_slice(&body).map_err(|_| "the answer is no JSON".to_owned())?;
        let text = answer["text"].as_str().map(|text| text.trim().to_owned());
        text.ok_or_else(|| format!("{} answered without a text", endpoint.provider))
    };
    tokio::time::timeout(patience, ask).await.unwrap_or_else(|_| Err(format!("{} took too long", endpoint.provider)))
}
