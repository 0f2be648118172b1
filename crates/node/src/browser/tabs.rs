//! The tabs of a browser as they come and go. Events in, commands out; no IO.
//!
//! A new page stands still until it has been greeted, so that its first question is heard: a page that asks while it is
//! still loading would otherwise wait for an answer nobody knows to give.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::cdp::{Command, Event};
use super::connection::Listener;
use super::known::Known;

/// The tabs there are, by their ids.
#[derive(Debug, Default)]
pub(super) struct Tabs {
    known: Mutex<HashMap<String, Arc<Known>>>,
    changed: watch::Sender<()>,
}

/// `Target.attachedToTarget`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attached {
    session_id: String,
    target_info: Target,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    target_id: String,
    r#type: String,
}

impl Tabs {
    /// What makes a browser tell of its tabs.
    pub(super) fn watched() -> Value {
        json!({"autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true, "filter": [{"type": "page"}]})
    }

    /// A tab, as soon as it is known. Never returns for one that is not there.
    pub(super) async fn get(&self, id: &str) -> Arc<Known> {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(known) = lock(&self.known).get(id) {
                return known.clone();
            }
            changed.changed().await.expect("its sender is a part of us");
        }
    }

    fn attached(&self, attached: Attached) -> Vec<Command> {
        let Target { target_id, r#type } = attached.target_info;
        let known = Arc::new(Known::new(target_id, attached.session_id.into()));
        let go_on = known.command("Runtime.runIfWaitingForDebugger", json!({}));
        if r#type != "page" {
            let leave = json!({"sessionId": known.session});
            return vec![go_on, Command { session_id: None, method: "Target.detachFromTarget", params: leave }];
        }
        let [pages, says] = ["Page.enable", "Runtime.enable"].map(|method| known.command(method, json!({})));
        lock(&self.known).insert(known.id.clone(), known);
        self.changed.send_replace(());
        vec![pages, says, go_on]
    }
}

impl Listener for Arc<Tabs> {
    fn hear(&self, event: &Event<'_>) -> Vec<Command> {
        match (event.method.as_str(), event.session.as_deref()) {
            ("Target.attachedToTarget", _) => event.read().map(|attached| self.attached(attached)).unwrap_or_default(),
            ("Target.detachedFromTarget", _) => {
                if let Some(session) = event.parted() {
                    lock(&self.known).retain(|_, known| *known.session != *session);
                }
                Vec::new()
            }
            (_, Some(session)) => {
                let known = lock(&self.known).values().find(|known| *known.session == *session).cloned();
                known.and_then(|known| known.hear(event)).into_iter().collect()
            }
            (_, None) => Vec::new(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::super::cdp::Incoming;
    use super::super::known::Answer;
    use super::*;

    fn hear(tabs: &Arc<Tabs>, event: &Value) -> Vec<(&'static str, Option<String>, Value)> {
        let text = event.to_string();
        let Some(Incoming::Event(event)) = Incoming::read(&text) else { panic!("no event: {text}") };
        let told = tabs.hear(&event).into_iter();
        told.map(|command| (command.method, command.session_id.map(|id| id.to_string()), command.params)).collect()
    }

    fn comes(kind: &str) -> Value {
        let target = json!({"targetId": "T", "type": kind, "title": "", "url": "", "attached": true});
        json!({"method": "Target.attachedToTarget", "params": {"sessionId": "S", "targetInfo": target}})
    }

    /// N-10.20: no page asks before somebody listens.
    #[test]
    fn a_page_is_greeted_before_it_goes_on() {
        let tabs = Arc::new(Tabs::default());
        let session = || Some("S".to_owned());
        let greeting = ["Page.enable", "Runtime.enable", "Runtime.runIfWaitingForDebugger"];
        assert!(tabs.get("T").now_or_never().is_none());
        assert_eq!(hear(&tabs, &comes("page")), greeting.map(|method| (method, session(), json!({}))));
        let tab = tabs.get("T").now_or_never().unwrap();
        let asks = json!({"method": "Page.javascriptDialogOpening", "sessionId": "S",
            "params": {"type": "confirm", "message": "Sure?"}});
        let answered = |answer| vec![("Page.handleJavaScriptDialog", session(), answer)];
        assert_eq!(hear(&tabs, &asks), answered(json!({"accept": false})));
        tab.arm(Answer { accept: true, text: Some("x".into()) });
        assert_eq!(hear(&tabs, &asks), answered(json!({"accept": true, "promptText": "x"})));
        let strange = json!({"method": "Page.javascriptDialogOpening", "sessionId": "S", "params": {"message": 1}});
        assert_eq!(hear(&tabs, &strange), answered(json!({"accept": false})), "it does not stand still");
        assert_eq!(tab.console(Some("dialog")).len(), 3);
        hear(&tabs, &json!({"method": "Target.detachedFromTarget", "params": {"sessionId": "S"}}));
        assert!(tabs.get("T").now_or_never().is_none());
    }

    #[test]
    fn what_is_no_page_goes_its_way() {
        let tabs = Arc::new(Tabs::default());
        let told: Vec<_> = hear(&tabs, &comes("service_worker")).into_iter().map(|(method, ..)| method).collect();
        assert_eq!(told, ["Runtime.runIfWaitingForDebugger", "Target.detachFromTarget"]);
        assert!(tabs.get("T").now_or_never().is_none());
    }

    #[test]
    fn a_console_is_kept_as_far_as_it_is_needed() {
        let tabs = Arc::new(Tabs::default());
        hear(&tabs, &comes("page"));
        let said = |kind: &str, args: Value| {
            json!({"method": "Runtime.consoleAPICalled", "sessionId": "S",
            "params": {"type": kind, "args": args}})
        };
        hear(&tabs, &said("warn", json!([{"type": "string", "value": "a"}, {"type": "object", "value": null}])));
        hear(&tabs, &said("log", json!([{"type": "undefined"}, {"type": "number", "description": "NaN"}])));
        let thrown = json!({"method": "Runtime.exceptionThrown", "sessionId": "S",
            "params": {"exceptionDetails": {"text": "Uncaught", "exception": {"description": "Error: oh"}}}});
        hear(&tabs, &thrown);
        let tab = tabs.get("T").now_or_never().unwrap();
        let texts = |level| tab.console(level).iter().map(|row| row["text"].clone()).collect::<Vec<_>>();
        assert_eq!(texts(None), [json!("a null"), json!("undefined NaN"), json!("Error: oh")]);
        assert_eq!((texts(Some("warning")).len(), texts(Some("error")).len()), (1, 1));
        for _ in 0..300 {
            hear(&tabs, &said("log", json!([{"value": "x".repeat(5000)}])));
        }
        assert_eq!((texts(None).len(), texts(None)[199].as_str().unwrap().len()), (200, 2000));
    }
}
