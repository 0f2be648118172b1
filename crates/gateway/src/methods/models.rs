//! `models.list` and `models.authStatus`.

use wire::ErrorShape;
use wire::methods::models::{
    AuthStatus, AuthStatusParams, AuthStatusResult, KeySource, List, ListParams, ListResult, ModelChoice, ProviderAuth,
    ProviderCapability,
};

use crate::rpc::{Cx, Table};

/// Adds this family's rows.
pub(super) fn add(table: Table) -> Table {
    table.on::<List>(list).on::<AuthStatus>(auth_status)
}

/// What can answer: the models that may be chosen, or with the views `all` and `provider-config` all that are known.
async fn list(cx: Cx, params: ListParams) -> Result<ListResult, ErrorShape> {
    cx.agents.find(params.agent_id.as_deref())?;
    let all = match params.view.as_deref() {
        None | Some("default" | "configured") => false,
        Some("all" | "provider-config") => true,
        Some(other) => {
            return Err(ErrorShape::invalid(format!(
                "invalid models.list params: at /view: must be default, configured, provider-config or all, not `{other}`"
            )));
        }
    };
    Ok(ListResult { models: cx.models.list(all).await })
}

/// Which providers have a credential and where it comes from.
async fn auth_status(cx: Cx, params: AuthStatusParams) -> Result<AuthStatusResult, ErrorShape> {
    cx.agents.find(params.agent_id.as_deref())?;
    let config = cx.config.current();
    let in_config = |provider: &str| config.models.providers.get(provider).is_some_and(|of| of.api_key.is_some());
    let mut providers: Vec<ProviderAuth> = Vec::new();
    for model in cx.models.list(true).await {
        if providers.iter().all(|known| known.provider != model.provider) {
            providers.push(provider_auth(&model, in_config(&model.provider)));
        }
    }
    let capability = |known: &ProviderAuth| ProviderCapability {
        provider: known.provider.clone(),
        api_key_supported: true,
        quick_api_key_setup: false,
    };
    let provider_capabilities = providers.iter().map(capability).collect();
    Ok(AuthStatusResult { ts: base::now_ms(), providers, provider_capabilities })
}

fn provider_auth(model: &ModelChoice, in_config: bool) -> ProviderAuth {
    let has_key = model.unavailable_reason.as_deref() != Some("missing-auth");
    // A server on this machine and the offline model need no key and have none.
    let keyless = matches!(model.provider.as_str(), "demo" | "ollama" | "lmstudio" | "llama.cpp");
    let source = match (in_config, has_key && !keyless) {
        (true, _) => Some("config"),
        (false, true) => Some("env"),
        (false, false) => None,
    };
    ProviderAuth {
        provider: model.provider.clone(),
        auth_provider: model.provider.clone(),
        display_name: model.provider.clone(),
        status: if has_key { "static" } else { "missing" }.into(),
        profiles: Vec::new(),
        api_key: source.map(|source| KeySource { source: source.into() }),
    }
}
