//! The offline model in a whole turn: the store, the tools, the loop, and nothing else.

use std::sync::Arc;

use base::Env;
use config::Config;
use openclaw_agent::models::Catalog;
use openclaw_agent::run::{Control, RunEvent, RunOutcome, Turn, TurnDeps, drive};
use openclaw_agent::tools::{ExecSettings, Processes, ToolDeps, Toolbox};
use serde_json::json;
use store::{NewInput, NewSession, Store};
use tokio::sync::mpsc;
use wire::message::{UserContent, UserMessage};
use wire::{AgentId, SessionKey};

///
#[tokio::test]
async fn a_newcomer_sees_the_whole_machine_move() {
    let home = tempfile::tempdir().unwrap();
    let workspace = home.path().join("workspace");
    let path = std::env::var("PATH").unwrap();
    let env = Env::of([("PATH", path.as_str()), ("HOME", home.path().to_str().unwrap())]);
    let catalog = Arc::new(Catalog::with_locals(&Config::default(), &env, Arc::default(), Vec::new()));
    let store = Store::open_in(&home.path().join("openclaw.db")).unwrap();
    let tools = ToolDeps {
        exec: ExecSettings::default(),
        processes: Processes::new(),
        store: store.clone(),
        models: catalog.clone(),
        ports: openclaw_agent::ports::Ports::none(),
        version: "1.2.3".into(),
    };
    let deps = TurnDeps { store: store.clone(), toolbox: Toolbox::new(&tools), env };
    for (wish, tool, answer) in [
        ("list the workspace", "exec", "AGENTS.md"),
        ("what time is it?", "exec", "On this machine it is now"),
        ("read AGENTS.md", "read", "`AGENTS.md` says"),
    ] {
        let message = UserMessage { content: UserContent::Text(wish.into()), timestamp: 1, idempotency_key: None };
        let input = NewInput {
            run_id: wish.into(),
            session: SessionKey::main(&AgentId::main(), "main"),
            session_id: None,
            answer: None,
            inbox: Vec::new(),
            message,
            options: json!({}),
            source: "chat.send".into(),
            new_session: NewSession::default(),
        };
        store.accept_input(input).await.unwrap();
        let model = catalog.choose(None, None).await.unwrap();
        let (events, mut heard) = mpsc::channel(1_000);
        let turn = Turn::new(wish, Ok(model.into()), workspace.clone());
        let outcome = drive(turn, &deps, events, Control::new()).await;
        let RunOutcome::Completed { text, provider, model, .. } = outcome else { panic!("{wish}: {outcome:?}") };
        assert!(text.contains(answer), "{wish}: {text}");
        assert_eq!((provider.as_str(), model.as_str()), ("demo", "offline"));
        let mut used = Vec::new();
        while let Some(event) = heard.recv().await {
            if let RunEvent::ToolEnded { name, output, .. } = event {
                used.push((name, output.is_error));
            }
        }
        assert_eq!(used, [(tool.to_owned(), false)], "{wish}");
    }
}
