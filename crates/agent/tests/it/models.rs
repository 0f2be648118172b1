//! Which model answers: references, the environment, this machine, and the offline model.

use std::sync::Arc;

use base::{Env, Explain as _, Secret};
use config::{AgentEntry, Config, ModelChoice, ModelEntry, ModelSettings, ProviderConfig};
use kit::vendors::{FakeAnthropic, FakeOpenAi, Reply, Vendor};
use openclaw_agent::models::{Catalog, LocalServer, ModelError};
use openclaw_agent::providers::{Http, ModelRequest};
use openclaw_agent::tools::ModelNames as _;
use serde_json::{Value, json};
use wire::AgentId;

use crate::providers::{events, request, text, user};

fn catalog(config: &Config, env: &[(&str, &str)]) -> Catalog {
    Catalog::with_locals(config, &Env::of(env.iter().copied()), Arc::new(Http::default()), Vec::new())
}

fn choice(primary: &str, fallbacks: &[&str]) -> ModelChoice {
    ModelChoice { primary: primary.into(), fallbacks: fallbacks.iter().map(|name| (*name).into()).collect() }
}

/// A provider `fake` at `base_url` with one model.
fn with_fake(base_url: &str) -> Config {
    let mut config = Config::default();
    let model = ModelEntry {
        id: "fake-1".into(),
        name: "Fake One".into(),
        context_window: Some(120_000),
        ..ModelEntry::default()
    };
    let provider = ProviderConfig { base_url: base_url.into(), models: vec![model], ..ProviderConfig::default() };
    config.models.providers.insert("fake".into(), provider);
    config
}

async fn chosen(config: &Config, env: &[(&str, &str)], session: Option<&str>) -> Result<String, ModelError> {
    catalog(config, env).choose(session, None).await.map(|chosen| chosen.reference())
}

///
#[tokio::test]
async fn with_nothing_configured_the_offline_model_answers() {
    let chosen = catalog(&Config::default(), &[]).choose(None, None).await.unwrap();
    assert_eq!((chosen.reference().as_str(), chosen.provider.api()), ("demo/offline", "demo"));
    let rows = catalog(&Config::default(), &[]).list(false).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].id.as_str(), rows[0].available, &rows[0].tags[..]),
        ("offline", true, &["default".to_owned()][..])
    );
}

///
#[tokio::test]
async fn a_key_in_the_environment_is_enough() {
    let cases = [
        ("ANTHROPIC_API_KEY", "anthropic/claude-sonnet-5-5", "anthropic-messages"),
        ("OPENAI_API_KEY", "openai/gpt-5.6", "openai-completions"),
        ("GEMINI_API_KEY", "google/gemini-3.8-flash", "openai-completions"),
        ("OPENROUTER_API_KEY", "openrouter/anthropic/claude-sonnet-5.5", "openai-completions"),
        ("GROQ_API_KEY", "groq/openai/gpt-oss-120b", "openai-completions"),
        ("XAI_API_KEY", "xai/grok-4.5", "openai-completions"),
        ("MISTRAL_API_KEY", "mistral/mistral-medium-latest", "openai-completions"),
    ];
    for (variable, reference, api) in cases {
        let chosen = catalog(&Config::default(), &[(variable, "k")]).choose(None, None).await.unwrap();
        assert_eq!((chosen.reference().as_str(), chosen.provider.api()), (reference, api));
    }
}

///
#[tokio::test]
async fn a_base_url_in_the_environment_moves_the_vendor() {
    let vendor = FakeOpenAi::start().await;
    vendor.reply_text("moved");
    let base = vendor.base_url();
    let chosen =
        catalog(&Config::default(), &[("OPENAI_API_KEY", "k"), ("OPENAI_BASE_URL", &base)]).choose(None, None).await;
    let heard = events(&*chosen.unwrap().provider, request(vec![user("hi")])).await;
    assert_eq!((text(&heard).as_str(), vendor.requests()[0].header("authorization")), ("moved", "Bearer k"));
}

///
#[tokio::test]
async fn a_configured_provider_answers_and_needs_no_key() {
    let vendor = FakeOpenAi::start().await;
    vendor.reply_text("hello");
    let config = with_fake(&vendor.base_url());
    let chosen = catalog(&config, &[]).choose(None, None).await.unwrap();
    assert_eq!(
        (chosen.reference().as_str(), chosen.context_window, chosen.input_images),
        ("fake/fake-1", 120_000, false)
    );
    assert_eq!(text(&events(&*chosen.provider, request(vec![user("hi")])).await), "hello");
}

///
#[tokio::test]
async fn references_aliases_and_bare_ids_name_models() {
    let mut config = with_fake("http://127.0.0.1:1/v1");
    let alias = ModelSettings { alias: Some("Sonnet".into()), ..ModelSettings::default() };
    config.agents.defaults.models.insert("anthropic/claude-sonnet-5-5".into(), alias);
    config.agents.defaults.models.insert("fake/fake-1".into(), ModelSettings::default());
    config.agents.defaults.models.insert("openrouter/x/y".into(), ModelSettings::default());
    let env = [("ANTHROPIC_API_KEY", "k"), ("OPENROUTER_API_KEY", "k")];
    for (wanted, reference) in [
        ("fake/fake-1", "fake/fake-1"),
        ("fake-1", "fake/fake-1"),
        (" sonnet ", "anthropic/claude-sonnet-5-5"),
        ("claude/claude-sonnet-5-5", "anthropic/claude-sonnet-5-5"),
        ("openrouter/x/y", "openrouter/x/y"),
    ] {
        assert_eq!(chosen(&config, &env, Some(wanted)).await.as_deref(), Ok(reference), "{wanted}");
    }
}

///
#[tokio::test]
async fn only_listed_models_may_be_chosen_once_there_is_a_list() {
    let mut config = with_fake("http://127.0.0.1:1/v1");
    config.agents.defaults.model = Some(choice("openai/gpt-5.6", &[]));
    config.agents.defaults.models.insert("fake/fake-1".into(), ModelSettings::default());
    let env = [("OPENAI_API_KEY", "k"), ("ANTHROPIC_API_KEY", "k")];
    assert_eq!(chosen(&config, &env, Some("fake/fake-1")).await.as_deref(), Ok("fake/fake-1"));
    assert_eq!(
        chosen(&config, &env, Some("openai/gpt-5.6")).await.as_deref(),
        Ok("openai/gpt-5.6"),
        "the default is allowed"
    );
    let refused = chosen(&config, &env, Some("anthropic/claude-opus-5-5")).await.unwrap_err();
    assert_eq!(refused.code().0, "MODEL_NOT_ALLOWED");
    let rows = catalog(&config, &env).list(false).await;
    let listed: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(listed, ["fake-1", "gpt-5.6"]);
}

///
#[tokio::test]
async fn the_session_wins_over_the_agent_and_the_agent_over_the_default() {
    let mut config = with_fake("http://127.0.0.1:1/v1");
    config.agents.defaults.model = Some(choice("fake/fake-1", &["openai/gpt-5.6"]));
    let catalog = catalog(&config, &[("OPENAI_API_KEY", "k")]);
    let agent = choice("openai/gpt-5.6-luna", &[]);
    let default = catalog.choose(None, None).await.unwrap();
    assert_eq!(
        (default.reference().as_str(), &default.fallbacks[..]),
        ("fake/fake-1", &["openai/gpt-5.6".to_owned()][..])
    );
    assert_eq!(catalog.choose(Some(""), Some(&agent)).await.unwrap().model_id, "gpt-5.6-luna");
    let strict = catalog.choose(Some("fake/fake-1"), Some(&agent)).await.unwrap();
    assert_eq!((strict.model_id.as_str(), strict.fallbacks.len()), ("fake-1", 0));
}

///
#[tokio::test]
async fn a_configured_model_that_cannot_be_called_is_an_error_and_never_the_offline_model() {
    let mut config = Config::default();
    config.agents.defaults.model = Some(choice("anthropic/claude-opus-5-5", &[]));
    let error = chosen(&config, &[], None).await.unwrap_err();
    assert_eq!(error.code().0, "MODEL_NO_KEY");
    assert!(error.next()[0].text().contains("ANTHROPIC_API_KEY"), "{:?}", error.next());
    let hint = openclaw_agent::run::NoModel::from(&error);
    assert_eq!(
        (hint.hint.as_str(), hint.kind),
        (
            "the model `anthropic/claude-opus-5-5` needs an API key for `anthropic`; set `ANTHROPIC_API_KEY` where the \
             Gateway starts, or `models.providers.anthropic.apiKey`",
            "auth"
        )
    );
    let rows = catalog(&config, &[]).list(false).await;
    let opus = rows.iter().find(|row| row.id == "claude-opus-5-5").unwrap();
    assert_eq!(
        (opus.available, opus.unavailable_reason.as_deref(), opus.tags[0].as_str()),
        (false, Some("missing-auth"), "default")
    );
    let unknown = chosen(&with_fake("http://127.0.0.1:1"), &[], Some("fake-2")).await.unwrap_err();
    assert_eq!(unknown.code().0, "MODEL_UNKNOWN");
    let similar = chosen(&with_fake("http://127.0.0.1:1"), &[], Some("FAKE")).await.unwrap_err();
    assert_eq!(similar.next()[0].text(), "openclaw models set fake/fake-1");
}

#[tokio::test]
async fn a_config_that_cannot_work_says_what_is_wrong() {
    assert_eq!(chosen(&with_fake("localhost:1234"), &[], None).await.unwrap_err().code().0, "MODEL_NO_ADDRESS");
    let mut config = with_fake("http://127.0.0.1:1");
    config.models.providers.get_mut("fake").unwrap().api = Some("bedrock".into());
    assert_eq!(chosen(&config, &[], None).await.unwrap_err().code().0, "MODEL_NO_DIALECT");
}

///
#[test]
fn tools_learn_the_names_of_models_without_waiting() {
    let mut config = with_fake("http://127.0.0.1:1/v1");
    config.agents.defaults.model = Some(choice("fake/fake-1", &[]));
    let entry = AgentEntry { id: "Ops".into(), model: Some(choice("gpt-5.6", &[])), ..AgentEntry::default() };
    config.agents.entries.push(entry);
    let catalog = catalog(&config, &[("OPENAI_API_KEY", "k")]);
    assert_eq!(catalog.resolve("fake-1").unwrap().to_string(), "fake/fake-1");
    assert_eq!(catalog.resolve("nobody").unwrap_err(), "there is no model `nobody`");
    let default = |agent: &str| catalog.default_of(&AgentId::fold(agent)).unwrap().to_string();
    assert_eq!((default("ops"), default("main")), ("openai/gpt-5.6".into(), "fake/fake-1".into()));
}

///
#[tokio::test]
async fn parameters_and_headers_of_a_model_are_sent_in_each_dialect() {
    let (chat, messages) = (FakeOpenAi::start().await, FakeAnthropic::start().await);
    chat.always(Reply::text("ok"));
    messages.always(Reply::text("ok"));
    for (api, vendor) in [("openai-completions", &*chat), ("anthropic-messages", &*messages)] {
        let mut config = with_fake(&vendor.base_url());
        let provider = config.models.providers.get_mut("fake").unwrap();
        provider.api = Some(api.into());
        provider.headers.insert("X-Team".into(), Secret::new("blue"));
        provider.headers.insert("X-Only".into(), Secret::new("here"));
        provider.models[0].headers.insert("x-team".into(), Secret::new("red"));
        let params = json!({"temperature": 0.2, "top_p": 0.9, "maxTokens": 777, "stop": "END", "seed": 7, "odd": 1,
            "extraBody": {"metadata": {"user_id": "u"}, "messages": []}});
        let params = serde_json::from_value(params).unwrap();
        let settings = ModelSettings { params, ..ModelSettings::default() };
        config.agents.defaults.models.insert("fake/fake-1".into(), settings);
        let chosen = catalog(&config, &[]).choose(None, None).await.unwrap();
        assert_eq!(chosen.max_tokens, Some(777));
        let asked = ModelRequest { max_tokens: chosen.max_tokens, ..request(vec![user("hi")]) };
        events(&*chosen.provider, asked).await;
    }
    let of = |vendor: &Vendor, fields: &[&str]| {
        let sent = vendor.requests()[0].clone();
        assert_eq!((sent.header("x-team"), sent.header("x-only")), ("red", "here"));
        assert!(!sent.body["messages"].as_array().unwrap().is_empty() && sent.body["metadata"]["user_id"] == "u");
        fields.iter().map(|field| sent.body[field].clone()).collect::<Value>()
    };
    assert_eq!(
        of(&chat, &["temperature", "top_p", "max_completion_tokens", "stop", "seed", "odd"]),
        json!([0.2, 0.9, 777, "END", 7, null])
    );
    assert_eq!(
        of(&messages, &["temperature", "top_p", "max_tokens", "stop_sequences", "seed", "odd"]),
        json!([0.2, 0.9, 777, ["END"], null, null])
    );
}

///
#[tokio::test]
async fn a_local_server_is_found_when_nothing_else_is_there_and_only_then() {
    let vendor = FakeOpenAi::start().await;
    vendor.serve_models(["nomic-embed-text", "qwen3:8b"]).reply_text("local hello");
    let local = LocalServer { id: "ollama".into(), base_url: vendor.base_url().parse().unwrap(), owner: None };
    let with_local = |env: Env| Catalog::with_locals(&Config::default(), &env, Arc::default(), vec![local.clone()]);
    let chosen = with_local(Env::default()).choose(None, None).await.unwrap();
    assert_eq!(chosen.reference(), "ollama/qwen3:8b");
    assert_eq!(text(&events(&*chosen.provider, request(vec![user("hi")])).await), "local hello");
    let keyed = with_local(Env::of([("OPENAI_API_KEY", "k")])).choose(None, None).await.unwrap();
    assert_eq!(keyed.provider_id, "openai");
    let foreign = LocalServer { owner: Some("llamacpp"), ..local.clone() };
    let catalog = Catalog::with_locals(&Config::default(), &Env::default(), Arc::default(), vec![foreign]);
    assert_eq!(catalog.choose(None, None).await.unwrap().provider_id, "demo", "some other program has the port");
}
