//! Voice Wake (N-13): the words that wake a listening device and the places their sentences go to, one list for all
//! devices, kept by the Gateway.

use serde::Serialize;
use serde_json::json;
use wire::events::EventRow;
use wire::methods::voicewake::{
    Route, Routed, Routing, RoutingWish, Target, Triggers, WORD_MAX_UNITS, WORDS_MAX, cut, folded,
};
use wire::{ErrorShape, Role, SessionKey, events};

use crate::rpc::{ConnId, unavailable};
use crate::services::Services;

const WORDS: &str = "voicewake";
const ROUTING: &str = "voicewake-routing";
/// What released devices listen for until a person says otherwise.
const FIRST: [&str; 3] = ["openclaw", "claude", "computer"];
/// Longest key of a session.
const KEY_MAX: usize = 512;

/// The words in force.
///
/// # Errors
/// When the state cannot be read.
pub(crate) async fn words(services: &Services) -> Result<Triggers, ErrorShape> {
    let kept = services.store.meta_get(WORDS).await.map_err(unavailable)?;
    Ok(kept.and_then(|kept| serde_json::from_value(kept).ok()).unwrap_or_else(first))
}

/// New words; none at all means the first ones again (N-13.1).
///
/// # Errors
/// When they could not be made durable.
pub(crate) async fn set_words(services: &Services, wish: &Triggers) -> Result<Triggers, ErrorShape> {
    let words = wish.triggers.iter().map(|word| cut(word.trim())).filter(|word| !word.is_empty());
    let words: Vec<String> = words.take(WORDS_MAX).collect();
    let triggers = if words.is_empty() { first() } else { Triggers { triggers: words } };
    services.store.meta_set(WORDS, &json!(triggers)).await.map_err(unavailable)?;
    tell(services, &events::VOICEWAKE_CHANGED, &triggers);
    Ok(triggers)
}

/// The routing in force.
///
/// # Errors
/// When the state cannot be read.
pub(crate) async fn routing(services: &Services) -> Result<Routed, ErrorShape> {
    let kept = services.store.meta_get(ROUTING).await.map_err(unavailable)?;
    let config = kept.and_then(|kept| serde_json::from_value(kept).ok()).unwrap_or_default();
    Ok(Routed { config })
}

/// A new routing (N-13.2).
///
/// # Errors
/// `INVALID_REQUEST` for a word that is empty, too long or there twice, or a target that does not exist; then the old
/// one stays.
pub(crate) async fn set_routing(services: &Services, wish: RoutingWish) -> Result<Routed, ErrorShape> {
    let default_target = wish.default_target.unwrap_or_else(|| Routing::default().default_target);
    let default_target = checked(services, default_target, "/config/defaultTarget")?;
    if wish.routes.len() > WORDS_MAX {
        return Err(refused("/config/routes", &format!("at most {WORDS_MAX}")));
    }
    let mut routes: Vec<Route> = Vec::with_capacity(wish.routes.len());
    for (at, Route { trigger, target }) in wish.routes.into_iter().enumerate() {
        let (place, trigger) = (format!("/config/routes/{at}"), trigger.trim().to_owned());
        let word = folded(&trigger);
        if word.is_empty() || trigger.encode_utf16().count() > WORD_MAX_UNITS {
            return Err(refused(&format!("{place}/trigger"), "1 to 64 characters, not only punctuation"));
        }
        if routes.iter().any(|route| folded(&route.trigger) == word) {
            return Err(refused(&format!("{place}/trigger"), "this word has a route already"));
        }
        routes.push(Route { trigger, target: checked(services, target, &format!("{place}/target"))? });
    }
    let routed = Routed { config: Routing { version: 1, default_target, routes, updated_at_ms: base::now_ms() } };
    services.store.meta_set(ROUTING, &json!(routed.config)).await.map_err(unavailable)?;
    tell(services, &events::VOICEWAKE_ROUTING_CHANGED, &routed);
    Ok(routed)
}

/// A node that just connected is told what to listen for (N-2.8).
pub(crate) async fn greet(services: &Services, node: ConnId) {
    match (words(services).await, routing(services).await) {
        (Ok(words), Ok(routing)) => {
            services.hub.to(node, &events::VOICEWAKE_CHANGED, &words);
            services.hub.to(node, &events::VOICEWAKE_ROUTING_CHANGED, &routing);
        }
        (Err(error), _) | (_, Err(error)) => {
            tracing::warn!(error = error.message, "a node was not told what to listen for");
        }
    }
}

/// Where goes what was said after `trigger`; without a word that has a route, the default (N-13.4).
pub(crate) async fn place(services: &Services, trigger: Option<&str>) -> Result<SessionKey, ErrorShape> {
    let Routed { config } = routing(services).await?;
    let word = trigger.map(folded).filter(|word| !word.is_empty());
    let route = word.and_then(|word| config.routes.iter().find(|route| folded(&route.trigger) == word));
    let main = || services.agents.main_session(&services.agents.default_id());
    let found = match route.map_or(&config.default_target, |route| &route.target) {
        Target::Current(_) => Ok(main()),
        Target::Agent(to) => services.agents.find(Some(&to.agent_id)).map(|agent| services.agents.main_session(&agent)),
        Target::Session(to) => services.agents.key(&to.session_key, None),
    };
    // An agent may have left the config since; what was said still goes somewhere.
    Ok(found.unwrap_or_else(|_| main()))
}

fn checked(services: &Services, target: Target, place: &str) -> Result<Target, ErrorShape> {
    match &target {
        Target::Current(_) => {}
        Target::Agent(to) if to.agent_id.trim().is_empty() => return Err(refused(place, "agentId must not be empty")),
        Target::Agent(to) => {
            services.agents.find(Some(&to.agent_id))?;
        }
        Target::Session(to) if to.session_key.trim().is_empty() || to.session_key.len() > KEY_MAX => {
            return Err(refused(place, "sessionKey must have 1 to 512 bytes"));
        }
        Target::Session(to) => {
            services.agents.key(&to.session_key, None)?;
        }
    }
    Ok(target)
}

/// To operators that may read, and to every node (N-13.3).
fn tell(services: &Services, event: &'static EventRow, payload: &impl Serialize) {
    services.hub.broadcast(event, payload);
    for node in services.hub.callers().iter().filter(|who| who.role == Role::Node) {
        services.hub.to(node.conn_id, event, payload);
    }
}

fn first() -> Triggers {
    Triggers { triggers: FIRST.map(str::to_owned).to_vec() }
}

fn refused(place: &str, why: &str) -> ErrorShape {
    ErrorShape::invalid(format!("invalid voicewake.routing.set params: at {place}: {why}"))
}
