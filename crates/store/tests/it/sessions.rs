//! Sessions: labels, changes, lists.

use std::collections::BTreeMap;
use std::time::Duration;

use openclaw_store::{
    Archived, Change, ModelSource, NewSession, RunStatus, SessionFilter, SessionPatch, SortBy, StoreError, Upkeep,
};
use proptest::prelude::*;
use serde_json::json;
use wire::{AgentId, SessionKey};

use crate::harness::{Fresh, answer, asked, done, fresh, key};

async fn labelled(at: &Fresh, rest: &str, label: &str) -> Result<(), StoreError> {
    at.store.ensure_session(&key(rest), NewSession::default()).await?;
    let patch = SessionPatch { label: Change::Set(label.into()), ..SessionPatch::default() };
    at.store.patch_session(&key(rest), patch, None).await.map(drop)
}

async fn keys(at: &Fresh, filter: &SessionFilter) -> Vec<String> {
    let page = at.store.sessions(filter).await.unwrap();
    assert_eq!(page.total, at.store.session_count(filter).await.unwrap());
    page.rows.iter().map(|session| session.key.rest().to_owned()).collect()
}

///
#[tokio::test]
async fn a_label_is_unique_and_has_at_most_64_characters() {
    let at = fresh();
    labelled(&at, "a", "daily").await.unwrap();
    labelled(&at, "a", "daily").await.unwrap();
    let taken = labelled(&at, "b", "daily").await.unwrap_err();
    assert!(matches!(&taken, StoreError::LabelTaken { holder, .. } if *holder == key("a")), "{taken}");
    labelled(&at, "b", &"я".repeat(64)).await.unwrap();
    for bad in ["", &"x".repeat(65)] {
        assert!(matches!(labelled(&at, "b", bad).await, Err(StoreError::LabelLength { .. })));
    }
    let session = at.store.session(&key("b")).await.unwrap().unwrap();
    assert_eq!(session.label, Some("я".repeat(64)), "a refused change leaves no trace");
    at.store.delete_session(&key("a")).await.unwrap();
    labelled(&at, "b", "daily").await.unwrap();
}

///
#[tokio::test]
async fn a_change_meant_for_a_session_before_its_reset_is_refused() {
    let at = fresh();
    let old = at.store.ensure_session(&key("main"), NewSession::default()).await.unwrap();
    let patch = SessionPatch { thinking_level: Change::Set("high".into()), ..SessionPatch::default() };
    at.store.patch_session(&key("main"), patch.clone(), Some(&old.session_id)).await.unwrap();
    let new = at.store.reset_session(&key("main"), "reset").await.unwrap();
    assert_eq!(new.thinking_level.as_deref(), Some("high"), "what a person chose survives a reset");
    let refused = at.store.patch_session(&key("main"), patch.clone(), Some(&old.session_id)).await;
    assert!(matches!(refused, Err(StoreError::SessionChanged { .. })), "{refused:?}");
    let missing = at.store.patch_session(&key("nobody"), patch, None).await;
    assert!(matches!(missing, Err(StoreError::NoSession(_))), "{missing:?}");
}

///
#[tokio::test]
async fn changes_made_at_once_are_all_kept() {
    let at = fresh();
    at.store.ensure_session(&key("main"), NewSession::default()).await.unwrap();
    let changes: Vec<_> = (0..50)
        .map(|number| {
            let store = at.store.clone();
            tokio::spawn(async move {
                let extra = json!({ format!("field{number}"): number }).as_object().unwrap().clone();
                store.patch_session(&key("main"), SessionPatch { extra, ..SessionPatch::default() }, None).await
            })
        })
        .collect();
    for change in changes {
        change.await.unwrap().unwrap();
    }
    assert_eq!(at.store.session(&key("main")).await.unwrap().unwrap().extra.len(), 50);
}

///
#[tokio::test]
async fn every_field_survives_a_restart() {
    let at = fresh();
    let new = NewSession {
        display_name: Some("Name".into()),
        spawned_by: Some(key("main")),
        model_override: Some("m".into()),
        provider_override: Some("p".into()),
        model_override_source: Some(ModelSource::User),
        ..NewSession::default()
    };
    at.store.ensure_session(&key("child"), new).await.unwrap();
    at.store.accept_input(asked("r1", "child", "hello")).await.unwrap();
    at.store.start_input("r1").await.unwrap();
    at.store.finish_input("r1", done("hi")).await.unwrap();
    let extra = json!({"sendPolicy": "deny", "gone": null}).as_object().unwrap().clone();
    let patch = SessionPatch { extra, pinned_at: Change::Set(5), ..SessionPatch::default() };
    let before = at.store.patch_session(&key("child"), patch, None).await.unwrap();
    assert_eq!((before.status, before.last_run_id.as_deref()), (RunStatus::Done, Some("r1")));
    let at = at.reopened().await;
    assert_eq!(at.store.session(&key("child")).await.unwrap().unwrap(), before);
    assert_eq!(at.store.session_by_id(&before.session_id).await.unwrap().unwrap(), before);
}

///
#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let at = fresh();
    let ops = AgentId::fold("ops");
    for rest in ["main", "global", "unknown", "Привет"] {
        at.store.ensure_session(&key(rest), NewSession::default()).await.unwrap();
    }
    let child = NewSession { spawned_by: Some(key("main")), ..NewSession::default() };
    at.store.ensure_session(&SessionKey::main(&ops, "child"), child).await.unwrap();
    labelled(&at, "main", "Tag").await.unwrap();
    let put_away = SessionPatch { archived_at: Change::Set(1), ..SessionPatch::default() };
    at.store.patch_session(&key("unknown"), put_away, None).await.unwrap();
    at.store.accept_input(asked("r1", "main", "Wie spät ist es?")).await.unwrap();
    let (session, _) = at.store.start_input("r1").await.unwrap();
    at.store.append(&session.session_id, Some("r1"), answer("Zeit")).await.unwrap();

    let by_key = SessionFilter { sort_by: SortBy::Key, ..SessionFilter::default() };
    let f = |change: fn(&mut SessionFilter)| {
        let mut filter = by_key.clone();
        change(&mut filter);
        filter
    };
    at.store.ensure_session(&key("my:global"), NewSession::default()).await.unwrap();
    let ops_or_none = f(|filter| filter.agents = vec![AgentId::fold("ops"), AgentId::fold("none")]);
    let cases = [
        (by_key.clone(), vec!["global", "main", "my:global", "привет", "child"]),
        (f(|filter| filter.agent = Some(AgentId::fold("ops"))), vec!["child"]),
        (f(|filter| filter.label = Some("Tag".into())), vec!["main"]),
        (f(|filter| filter.label = Some("tag".into())), vec![]),
        (f(|filter| filter.spawned_by = Some(key("main"))), vec!["child"]),
        (f(|filter| filter.search = Some("ПРИВ".into())), vec!["привет"]),
        (f(|filter| filter.search = Some("SPÄT".into())), vec!["main"]),
        (f(|filter| filter.search = Some("%".into())), vec![]),
        (f(|filter| filter.archived = Archived::Only), vec!["unknown"]),
        (
            f(|filter| filter.archived = Archived::Any),
            vec!["global", "main", "my:global", "unknown", "привет", "child"],
        ),
        (ops_or_none, vec!["child"]),
        (f(|filter| filter.without_global = true), vec!["main", "my:global", "привет", "child"]),
        (
            f(|filter| (filter.archived, filter.without_unknown) = (Archived::Any, true)),
            vec!["global", "main", "my:global", "привет", "child"],
        ),
        (f(|filter| filter.running = true), vec!["main"]),
        (f(|filter| filter.active_since = Some(i64::MAX)), vec![]),
        (f(|filter| filter.sort_by = SortBy::Label), vec!["main", "global", "my:global", "привет", "child"]),
    ];
    for (filter, expected) in cases {
        assert_eq!(keys(&at, &filter).await, expected, "{filter:?}");
    }
    let page = at.store.sessions(&SessionFilter { limit: Some(2), offset: 1, ..by_key }).await.unwrap();
    assert_eq!((page.rows.len(), page.total), (2, 5));
    let main = &page.rows[0];
    assert_eq!(main.derived_title.as_deref(), Some("Wie spät ist es?"));
    assert_eq!((main.last_message.as_deref(), main.last_message_role.as_deref()), (Some("Zeit"), Some("assistant")));
}

#[tokio::test]
async fn looking_at_a_session_does_not_move_it_in_the_list() {
    let at = fresh();
    let before = at.store.ensure_session(&key("main"), NewSession::default()).await.unwrap();
    let looked = SessionPatch { last_read_at: Change::Set(9), ..SessionPatch::default() };
    let after = at.store.patch_session(&key("main"), looked, None).await.unwrap();
    assert_eq!((after.updated_at, after.last_read_at), (before.updated_at, Some(9)));
}

///
#[tokio::test]
async fn a_deleted_session_takes_its_transcripts_and_ends_what_waits() {
    let at = fresh();
    at.store.accept_input(asked("r1", "gone", "hello")).await.unwrap();
    let (session, entry) = at.store.start_input("r1").await.unwrap();
    at.store.accept_input(asked("r2", "gone", "more")).await.unwrap();
    assert!(at.store.delete_session(&key("gone")).await.unwrap());
    assert!(!at.store.delete_session(&key("gone")).await.unwrap());
    assert_eq!(at.store.session(&key("gone")).await.unwrap(), None);
    assert_eq!(at.store.messages(&session.session_id).await.unwrap(), []);
    assert_eq!(at.store.message(&key("gone"), &entry.id).await.unwrap(), None);
    assert_eq!(at.store.unfinished_inputs().await.unwrap(), []);
    let late = at.store.append(&session.session_id, Some("r1"), answer("late")).await;
    assert!(matches!(late, Err(StoreError::RunEnded(_))), "{late:?}");
    let again = at.store.accept_input(asked("r1", "gone", "hello")).await.unwrap().into_input();
    assert_eq!(again.outcome.unwrap()["summary"], "session deleted", "its run id stays known");
}

///
#[tokio::test]
async fn upkeep_archives_the_quiet_and_spares_what_is_pinned_bound_or_busy() {
    let at = fresh();
    for rest in ["main", "quiet", "pinned", "busy"] {
        at.store.ensure_session(&key(rest), NewSession::default()).await.unwrap();
    }
    let bound = NewSession { channel: Some("telegram".into()), ..NewSession::default() };
    at.store.ensure_session(&key("bound"), bound).await.unwrap();
    let pin = SessionPatch { pinned_at: Change::Set(1), ..SessionPatch::default() };
    at.store.patch_session(&key("pinned"), pin, None).await.unwrap();
    at.store.accept_input(asked("r1", "busy", "hello")).await.unwrap();

    let upkeep = Upkeep { max_entries: 0, protected: vec![key("main")], dry_run: true, ..Upkeep::default() };
    assert_eq!(at.store.archive_quiet_sessions(upkeep.clone()).await.unwrap(), [key("quiet")]);
    assert_eq!(at.store.session_count(&SessionFilter::default()).await.unwrap(), 5, "only said which");
    at.store.archive_quiet_sessions(Upkeep { dry_run: false, ..upkeep.clone() }).await.unwrap();
    assert!(at.store.session(&key("quiet")).await.unwrap().unwrap().archived_at.is_some());
    let young = Upkeep { max_entries: 5000, quiet_for: Duration::from_secs(60), ..upkeep };
    assert_eq!(at.store.archive_quiet_sessions(young).await.unwrap(), []);
}

/// What a person may do to a handful of sessions.
#[derive(Debug, Clone)]
enum Act {
    Ensure(usize),
    Label(usize, Option<usize>),
    Archive(usize, bool),
    Name(usize, Option<usize>),
    Reset(usize),
    Delete(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let (session, word) = (0..5usize, proptest::option::of(0..3usize));
    prop_oneof![
        session.clone().prop_map(Act::Ensure),
        (session.clone(), word.clone()).prop_map(|(at, word)| Act::Label(at, word)),
        (session.clone(), any::<bool>()).prop_map(|(at, on)| Act::Archive(at, on)),
        (session.clone(), word).prop_map(|(at, word)| Act::Name(at, word)),
        session.clone().prop_map(Act::Reset),
        session.prop_map(Act::Delete),
    ]
}

/// The same, in the simplest words.
#[derive(Debug, Clone, Default, PartialEq)]
struct Simple {
    label: Option<String>,
    name: Option<String>,
    archived: bool,
    resets: usize,
}

type Model = BTreeMap<String, Simple>;

const WORDS: [&str; 3] = ["Alpha", "beta", "Γάμμα"];

fn word(at: Option<usize>) -> Option<String> {
    at.map(|at| WORDS[at].to_owned())
}

async fn apply(at: &Fresh, model: &mut Model, act: &Act) {
    let rest = |session: &usize| format!("s{session}");
    let patched = async |session: &usize, patch: SessionPatch| {
        at.store.patch_session(&key(&rest(session)), patch, None).await.is_ok()
    };
    match act {
        Act::Ensure(session) => {
            at.store.ensure_session(&key(&rest(session)), NewSession::default()).await.unwrap();
            model.entry(rest(session)).or_default();
        }
        Act::Label(session, label) => {
            let label = word(*label);
            let is_free =
                label.is_none() || model.iter().all(|(other, simple)| *other == rest(session) || simple.label != label);
            let done = patched(session, SessionPatch { label: label.clone().into(), ..SessionPatch::default() }).await;
            assert_eq!(done, is_free && model.contains_key(&rest(session)));
            if done {
                model.get_mut(&rest(session)).unwrap().label = label;
            }
        }
        Act::Archive(session, archived) => {
            let archived_at = archived.then_some(1).into();
            if patched(session, SessionPatch { archived_at, ..SessionPatch::default() }).await {
                model.get_mut(&rest(session)).unwrap().archived = *archived;
            }
        }
        Act::Name(session, name) => {
            let display_name = word(*name).into();
            if patched(session, SessionPatch { display_name, ..SessionPatch::default() }).await {
                model.get_mut(&rest(session)).unwrap().name = word(*name);
            }
        }
        Act::Reset(session) => {
            if at.store.reset_session(&key(&rest(session)), "reset").await.is_ok() {
                model.get_mut(&rest(session)).unwrap().resets += 1;
            }
        }
        Act::Delete(session) => {
            let gone = at.store.delete_session(&key(&rest(session))).await.unwrap();
            assert_eq!(gone, model.remove(&rest(session)).is_some());
        }
    }
}

async fn compare(at: &Fresh, model: &Model) {
    let all = SessionFilter { archived: Archived::Any, sort_by: SortBy::Key, ..SessionFilter::default() };
    let mut stored = Model::new();
    for session in at.store.sessions(&all).await.unwrap().rows {
        let simple = Simple {
            label: session.label,
            name: session.display_name,
            archived: session.archived_at.is_some(),
            resets: at.store.transcripts(&session.key).await.unwrap().len() - 1,
        };
        stored.insert(session.key.rest().to_owned(), simple);
    }
    assert_eq!(stored, *model);
    for search in WORDS {
        let filter = SessionFilter { search: Some(search.to_uppercase()), sort_by: SortBy::Key, ..all.clone() };
        let has = |field: &Option<String>| field.as_deref() == Some(search);
        let expected =
            model.iter().filter(|(_, simple)| has(&simple.label) || has(&simple.name)).map(|(key, _)| key.clone());
        assert_eq!(keys(at, &filter).await, expected.collect::<Vec<_>>());
    }
    let in_order = at.store.sessions(&SessionFilter::default()).await.unwrap().rows;
    assert!(in_order.is_sorted_by(|a, b| a.updated_at >= b.updated_at));
    assert_eq!(in_order.len(), model.values().filter(|simple| !simple.archived).count());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    ///
    #[test]
    fn sessions_behave_like_a_map_of_simple_records(acts in proptest::collection::vec(act(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let at = fresh();
            let mut model = Model::new();
            for act in &acts {
                apply(&at, &mut model, act).await;
            }
            compare(&at, &model).await;
            let at = at.reopened().await;
            compare(&at, &model).await;
        });
    }
}
