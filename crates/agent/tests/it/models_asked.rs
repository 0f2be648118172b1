//! What servers are asked when the config leaves something open: which models they have, and how much these can look at.

use std::sync::Arc;

use axum::Json;
use axum::extract::Path;
use axum::routing::{get, post};
use base::{Env, Explain as _, Secret};
use config::{Config, ModelEntry, ProviderConfig};
use kit::vendors::{FakeAnthropic, FakeOpenAi};
use openclaw_agent::models::{Catalog, ModelError};
use openclaw_agent::run::NoModel;
use openclaw_agent::tools::ModelNames as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use wire::AgentId;

use crate::providers::{events, request, text, user};

/// A config with these providers, none of which names a model.
fn bare(providers: &[(&str, &str)]) -> Config {
    let mut config = Config::default();
    for (id, base_url) in providers {
        let provider = ProviderConfig { base_url: (*base_url).into(), ..ProviderConfig::default() };
        config.models.providers.insert((*id).into(), provider);
    }
    config
}

fn catalog(config: &Config, env: &[(&str, &str)]) -> Catalog {
    Catalog::with_locals(config, &Env::of(env.iter().copied()), Arc::default(), Vec::new())
}

/// An address of this machine where nobody listens.
fn nowhere() -> String {
    format!("http://127.0.0.1:{}/v1", kit::free_port())
}

///
#[tokio::test]
async fn a_provider_without_a_list_is_asked_for_its_models() {
    let vendor = FakeOpenAi::start().await;
    vendor.serve_models(["nomic-embed-text", "qwen3:8b", "gemma"]).reply_text("hello");
    let catalog = catalog(&bare(&[("box", &vendor.base_url())]), &[("ANTHROPIC_API_KEY", "k")]);
    assert_eq!(catalog.default_of(&AgentId::fold("main")), None, "nobody waits for a server to show a name");
    let chosen = catalog.choose(None, None).await.unwrap();
    assert_eq!(chosen.reference(), "box/qwen3:8b");
    assert_eq!(text(&events(&*chosen.provider, request(vec![user("hi")])).await), "hello");
    assert_eq!(catalog.default_of(&AgentId::fold("main")).unwrap().to_string(), "box/qwen3:8b");
    assert_eq!(catalog.check("gemma").await.as_deref(), Ok("box/gemma"));
    vendor.serve_models(["another"]);
    assert_eq!(catalog.choose(None, None).await.unwrap().model_id, "qwen3:8b", "the listing is kept");
    let rows = catalog.list(false).await;
    let of_box: Vec<&str> = rows.iter().filter(|row| row.provider == "box").map(|row| row.id.as_str()).collect();
    assert_eq!((of_box, rows[0].tags[0].as_str()), (vec!["qwen3:8b", "gemma"], "default"));
    assert!(rows.iter().all(|row| row.provider != "demo"));
}

///
#[tokio::test]
async fn a_provider_that_cannot_be_asked_is_an_error_and_never_the_offline_model() {
    let empty = FakeOpenAi::start().await;
    let cases = [
        (nowhere(), "MODEL_NETWORK", "network", "cannot be reached; start it or check `models.providers.box.baseUrl`"),
        (empty.base_url(), "MODEL_FORMAT", "format", "has no model to talk to yet; name one yourself with `openclaw"),
        (format!("{}/x", empty.root_url()), "MODEL_FORMAT", "format", "has no model to talk to yet"),
        ("box:1".into(), "MODEL_NO_ADDRESS", "format", "run `openclaw config get models.providers.box`"),
    ];
    for (base_url, code, kind, hint) in cases {
        // A key in the environment is no reason to send to a stranger what was meant for the box.
        let error =
            catalog(&bare(&[("box", &base_url)]), &[("OPENAI_API_KEY", "k")]).choose(None, None).await.unwrap_err();
        assert_eq!(error.code().0, code, "{error}");
        let said = NoModel::from(&error);
        assert!(said.hint.contains(hint) && said.kind == kind, "{said:?}");
    }
    let refused = refusing().await;
    let error = catalog(&bare(&[("box", &refused)]), &[]).choose(None, None).await.unwrap_err();
    assert_eq!(error.code().0, "MODEL_AUTH");
    assert_eq!(
        NoModel::from(&error).hint,
        "`models.providers.box` names no models, and its server was no help: `box` did not accept the API key (HTTP \
         401); check `models.providers.box.apiKey`"
    );
    let keyless = catalog(&bare(&[("openai", "")]), &[]).choose(None, None).await.unwrap_err();
    assert!(matches!(keyless, ModelError::NoKey { .. }), "{keyless}");
}

/// A server that wants another key.
async fn refusing() -> String {
    serve(axum::Router::new().fallback(async || axum::http::StatusCode::UNAUTHORIZED)).await + "/v1"
}

///
#[tokio::test]
async fn one_server_that_is_away_does_not_silence_another() {
    let vendor = FakeOpenAi::start().await;
    vendor.serve_models(["here"]);
    let away = nowhere();
    let config = bare(&[("away", &away), ("box", &vendor.base_url())]);
    assert_eq!(catalog(&config, &[]).choose(None, None).await.unwrap().reference(), "box/here");
    let mut config = bare(&[("away", &away)]);
    let named = ModelEntry { id: "named".into(), ..ModelEntry::default() };
    let provider = ProviderConfig { base_url: nowhere(), models: vec![named], ..ProviderConfig::default() };
    config.models.providers.insert("box".into(), provider);
    assert_eq!(catalog(&config, &[]).choose(None, None).await.unwrap().reference(), "box/named");
}

///
#[tokio::test]
async fn the_question_carries_the_key_and_the_headers_in_each_dialect() {
    use axum::http::HeaderMap;
    let seen = |headers: HeaderMap| async move {
        let of = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
        let shown = [of("authorization"), of("x-api-key"), of("x-team")].join("|");
        Json(json!({"data": [{"id": shown}]}))
    };
    let base = serve(axum::Router::new().route("/v1/models", get(seen))).await;
    for (api, base_url, shown) in [
        ("openai-completions", format!("{base}/v1"), "Bearer k|-|blue"),
        ("openai-completions", format!("{base}/v1/chat/completions"), "Bearer k|-|blue"),
        ("anthropic-messages", base.clone(), "-|k|blue"),
    ] {
        let mut config = bare(&[("box", &base_url)]);
        let provider = config.models.providers.get_mut("box").unwrap();
        provider.api = Some(api.into());
        provider.api_key = Some(Secret::new("k"));
        provider.headers.insert("x-team".into(), Secret::new("blue"));
        assert_eq!(catalog(&config, &[]).choose(None, None).await.unwrap().model_id, shown, "{api}");
    }
}

///
#[tokio::test]
async fn a_vendor_moved_by_the_environment_answers_with_what_is_there() {
    let vendor = FakeOpenAi::start().await;
    let base = vendor.base_url();
    let env = [("OPENAI_API_KEY", "k"), ("OPENAI_BASE_URL", base.as_str())];
    for (listed, model) in [(vec![], "gpt-5.6"), (vec!["x", "gpt-5.6-luna"], "gpt-5.6-luna"), (vec!["llama"], "llama")]
    {
        vendor.serve_models(listed);
        assert_eq!(catalog(&Config::default(), &env).choose(None, None).await.unwrap().model_id, model);
    }
    let other = FakeAnthropic::start().await;
    let base = other.base_url();
    let env = [("ANTHROPIC_API_KEY", "k"), ("ANTHROPIC_BASE_URL", base.as_str())];
    let chosen = catalog(&Config::default(), &env).choose(None, None).await.unwrap();
    assert_eq!(chosen.reference(), "anthropic/claude-sonnet-5-5");
}

/// Serves `app` on a free port of loopback until the test's runtime ends; its address.
async fn serve(app: axum::Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

/// The window, pictures and reasoning a catalog gives `model` of a provider `id` at `base`.
async fn window(id: &str, base: &str, model: &str) -> (u64, bool, bool) {
    let config = bare(&[(id, &format!("{base}/v1"))]);
    let chosen = catalog(&config, &[]).choose(Some(&format!("{id}/{model}")), None).await.unwrap();
    (chosen.context_window, chosen.input_images, chosen.reasoning)
}

///
#[tokio::test]
async fn ollama_says_how_much_its_model_looks_at() {
    let show = async |Json(asked): Json<Value>| {
        let parameters = if asked["model"] == "set" { "stop \"x\"\nnum_ctx    16384" } else { "" };
        Json(json!({"parameters": parameters, "capabilities": ["completion", "tools", "vision", "thinking"],
            "model_info": {"general.architecture": "qwen3", "qwen3.context_length": 262_144}}))
    };
    let ps = async || Json(json!({"models": [{"name": "loaded", "context_length": 8_192}]}));
    let base = serve(axum::Router::new().route("/api/show", post(show)).route("/api/ps", get(ps))).await;
    assert_eq!(window("ollama", &base, "set").await, (16_384, true, true));
    assert_eq!(window("ollama", &base, "loaded").await, (8_192, true, true));
    assert_eq!(
        window("ollama", &base, "other").await,
        (32_768, true, true),
        "what it was trained with is a bound only"
    );
}

///
#[tokio::test]
async fn lm_studio_and_llama_cpp_say_how_much_their_models_look_at() {
    let models = async || {
        Json(json!({"data": [{"id": "a", "type": "vlm", "max_context_length": 131_072, "loaded_context_length": 4_096},
            {"id": "b", "type": "llm", "max_context_length": 16_384}]}))
    };
    let base = serve(axum::Router::new().route("/api/v0/models", get(models))).await;
    assert_eq!(window("lmstudio", &base, "a").await, (4_096, true, false));
    assert_eq!(window("lmstudio", &base, "b").await, (16_384, false, false));
    let props =
        async || Json(json!({"default_generation_settings": {"n_ctx": 12_288}, "modalities": {"vision": true}}));
    let base = serve(axum::Router::new().route("/props", get(props))).await;
    assert_eq!(window("llama.cpp", &base, "m").await, (12_288, true, false));
}

///
#[tokio::test]
async fn the_config_knows_better_and_silence_costs_nothing() {
    let refuse = async |Path(path): Path<String>| -> Json<Value> { panic!("/{path} was asked") };
    let base = serve(axum::Router::new().route("/{*path}", get(refuse))).await;
    let mut config = bare(&[("box", &format!("{base}/v1"))]);
    let entry = ModelEntry { id: "m".into(), context_window: Some(9_000), ..ModelEntry::default() };
    config.models.providers.get_mut("box").unwrap().models = vec![entry];
    assert_eq!(catalog(&config, &[]).choose(None, None).await.unwrap().context_window, 9_000);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", silent.local_addr().unwrap());
    assert_eq!(window("box", &base, "m").await, (32_768, false, false));
}
