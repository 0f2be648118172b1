//! What servers people run themselves say of a model beyond the dialect, above all how much it can really look at:
//! Ollama's `/api/show` and `/api/ps`, LM Studio's `/api/v0/models`, llama.cpp's `/props`.
//!
//! What counts is the window the server was told to use, since it silently drops what is beyond; the one the model was
//! trained with is only an upper bound.

use std::time::Duration;

use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::listing::Question;
use super::{Endpoint, Http};

/// How long the server may take; without an answer a careful guess does.
const BUDGET: Duration = Duration::from_millis(500);

/// What a server says of a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The window it was told to use.
    pub(crate) window: Option<u64>,
    /// The window the model was trained with.
    pub(crate) trained_window: Option<u64>,
    /// Whether it sees pictures.
    pub(crate) images: Option<bool>,
    /// Whether it can reason.
    pub(crate) reasoning: Option<bool>,
    /// Whether it can call tools.
    pub(crate) tools: Option<bool>,
}

/// The servers that say more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    Ollama,
    LmStudio,
    LlamaCpp,
}

impl Server {
    /// By port, then by name. Whatever else runs here may be llama.cpp; asking it costs one refused question.
    fn at(endpoint: &Endpoint) -> Option<Self> {
        let name = endpoint.provider.to_lowercase().replace(['-', '.', '_', ' '], "");
        match endpoint.base_url.port() {
            _ if !endpoint.is_local() => None,
            _ if name.contains("ollama") => Some(Self::Ollama),
            _ if name.contains("lmstudio") => Some(Self::LmStudio),
            _ if name.contains("llamacpp") => Some(Self::LlamaCpp),
            Some(11_434) => Some(Self::Ollama),
            Some(1_234) => Some(Self::LmStudio),
            _ => Some(Self::LlamaCpp),
        }
    }
}

/// Asks the server at `endpoint` about `model`; `None` when it is not one's own or says nothing.
pub(crate) async fn describe(endpoint: &Endpoint, http: &Http, model: &str) -> Option<Facts> {
    let server = Server::at(endpoint)?;
    let ask = |path: &'static str, body: Option<Value>| async move {
        let mut url = endpoint.base_url.clone();
        url.set_path(path);
        let key = endpoint.api_key.as_ref();
        let headers = key.map(|key| (AUTHORIZATION, format!("Bearer {}", key.expose()))).into_iter().collect();
        Question { url, headers, body }.put(endpoint, http).await.ok()
    };
    let asking = async {
        match server {
            Server::Ollama => {
                let (shown, running) =
                    tokio::join!(ask("/api/show", Some(json!({"model": model}))), ask("/api/ps", None));
                Some(of_ollama(&shown?, running.as_ref(), model))
            }
            Server::LmStudio => of_lm_studio(&ask("/api/v0/models", None).await?, model),
            Server::LlamaCpp => Some(of_llama_cpp(&ask("/props", None).await?)),
        }
    };
    timeout(BUDGET, asking).await.ok().flatten().filter(|facts| *facts != Facts::default())
}

/// Ollama: `num_ctx` of the Modelfile, else what the running model was loaded with.
fn of_ollama(shown: &Value, running: Option<&Value>, model: &str) -> Facts {
    let parameters = shown["parameters"].as_str().unwrap_or_default().lines();
    let configured = parameters.filter_map(|line| line.trim().strip_prefix("num_ctx")?.trim().parse().ok()).next();
    let loaded = running.and_then(|running| {
        let rows = running["models"].as_array()?;
        rows.iter().find(|row| row["name"] == model || row["model"] == model)?["context_length"].as_u64()
    });
    let trained = shown["model_info"].as_object().and_then(|info| {
        info.iter().find(|(name, _)| name.ends_with(".context_length")).and_then(|(_, tokens)| tokens.as_u64())
    });
    let can = |what: &str| Some(shown["capabilities"].as_array()?.iter().any(|known| known == what));
    Facts {
        window: loaded.or(configured),
        trained_window: trained,
        images: can("vision"),
        reasoning: can("thinking"),
        tools: can("tools"),
    }
}

/// LM Studio: what the model was loaded with, if it is loaded.
fn of_lm_studio(listing: &Value, model: &str) -> Option<Facts> {
    let row = listing["data"].as_array()?.iter().find(|row| row["id"] == model)?;
    Some(Facts {
        window: row["loaded_context_length"].as_u64(),
        trained_window: row["max_context_length"].as_u64(),
        images: row["type"].as_str().map(|kind| kind == "vlm"),
        ..Facts::default()
    })
}

/// llama.cpp: the window of a slot.
fn of_llama_cpp(props: &Value) -> Facts {
    let window = [&props["default_generation_settings"]["n_ctx"], &props["n_ctx"]].into_iter().find_map(Value::as_u64);
    Facts { window, images: props["modalities"]["vision"].as_bool(), ..Facts::default() }
}
