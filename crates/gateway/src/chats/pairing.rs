//! Strangers who ask to talk (C-5.1 to C-5.3): they get one message with a code, an owner lets them in by it.

use channels::{Body, Event, Say};
use serde_json::json;
use store::{ChatPairing, NewOutgoing, StoreError};

use super::{DEFAULT_ACCOUNT, Live, owners};
use crate::services::Services;

/// How long a code is good for, in milliseconds (C-5.2).
pub(crate) const LIVES_MS: i64 = 3_600_000;
/// Who may wait at once, for each account; beyond that there is silence.
pub(crate) const WAITING_MAX: usize = 3;
/// Letters and digits nobody takes for another; 32 of them, so that each is as likely.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const CODE_CHARS: usize = 8;

/// Somebody who was let in.
pub(crate) struct Approved {
    /// Who.
    pub(crate) pairing: ChatPairing,
    /// Whether they became the owner by it.
    pub(crate) is_owner: bool,
}

/// Who waits, oldest first; of one channel when it is named.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn list(services: &Services, channel: Option<&str>) -> Result<Vec<ChatPairing>, StoreError> {
    let mut waiting = services.store.chat_pairings(base::now_ms() - LIVES_MS).await?;
    waiting.retain(|pairing| channel.is_none_or(|channel| pairing.channel == channel));
    Ok(waiting)
}

/// Lets in who waits under `code`; `None` when nobody does. The first one becomes the owner when there is none.
///
/// # Errors
/// When it could not be made durable.
pub(crate) async fn approve(
    services: &Services,
    channel: &str,
    account: Option<&str>,
    code: &str,
) -> Result<Option<Approved>, StoreError> {
    let since = base::now_ms() - LIVES_MS;
    let Some(pairing) = services.store.decide_chat(channel, account, code.trim(), since, true).await? else {
        return Ok(None);
    };
    tracing::info!(channel, account = %pairing.account, peer = %pairing.peer, "somebody may talk from now on");
    let is_owner = owners::become_first(services, channel, &pairing.peer).await;
    Ok(Some(Approved { pairing, is_owner }))
}

/// Ends a request without letting anybody in.
///
/// # Errors
/// When it could not be made durable.
pub(crate) async fn dismiss(
    services: &Services,
    channel: &str,
    account: Option<&str>,
    code: &str,
) -> Result<Option<ChatPairing>, StoreError> {
    services.store.decide_chat(channel, account, code.trim(), base::now_ms() - LIVES_MS, false).await
}

/// Whether an owner let `peer` in by a code.
pub(super) async fn is_paired(services: &Services, live: &Live, peer: &str) -> Result<bool, StoreError> {
    let peers = services.store.chat_peers().await?;
    let (channel, account) = (live.channel.id(), live.account.id.as_str());
    Ok(peers.iter().any(|known| known.channel == channel && known.account == account && known.peer == peer))
}

/// A stranger wrote: they are answered once, and with silence until somebody decides. What they wrote goes no further.
pub(super) async fn ask(services: &Services, live: &Live, event: &Event, inbox: Vec<i64>) -> Result<(), StoreError> {
    let Some(sender) = &event.sender else { return services.store.arrivals_done(inbox).await };
    let (channel, account, now) = (live.channel.id(), live.account.id.clone(), base::now_ms());
    let (first, last) = sender.name.split_once(' ').unwrap_or((&sender.name, ""));
    let new = ChatPairing {
        channel: channel.into(),
        account: account.clone(),
        peer: sender.id.clone(),
        code: code(),
        meta: json!({"username": sender.username, "firstName": first, "lastName": last, "accountId": account}),
        created_at: now,
        last_seen_at: now,
    };
    let Some((pairing, is_new)) = services.store.ask_to_chat(new, LIVES_MS, WAITING_MAX).await? else {
        tracing::info!(channel, %account, peer = %sender.id, "too many wait to be let in; one more was not answered");
        return services.store.arrivals_done(inbox).await;
    };
    if is_new {
        tracing::info!(channel, %account, peer = %sender.id, "somebody asks to talk; run: openclaw pairing list");
    }
    let body = Body::Say(Say { text: question(channel, &pairing), ..Say::default() });
    // The id has the code in it: said once for each request, whatever happens between here and there.
    let id = format!("pairing:{channel}:{account}:{}:{}", pairing.peer, pairing.code);
    let (route, body) = (live.route(event), serde_json::to_value(body).unwrap_or_default());
    services.store.put_outgoing(NewOutgoing { id, route, body, inbox }).await.map(drop)
}

fn question(channel: &str, pairing: &ChatPairing) -> String {
    let ChatPairing { peer, code, account, .. } = pairing;
    let account = if account == DEFAULT_ACCOUNT { String::new() } else { format!(" --account {account}") };
    format!(
        "This assistant does not know you yet.\n\nYour {channel} user id:\n```\n{peer}\n```\nPairing code:\n\
         ```\n{code}\n```\nIts owner lets you in with:\n```\nopenclaw pairing approve {channel} {code}{account}\n```"
    )
}

fn code() -> String {
    let mut chance = [0_u8; CODE_CHARS];
    // Without a source of chance the process could not have made its keys either.
    getrandom::fill(&mut chance).expect("the system gives random bytes");
    chance.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C-5.2
    #[test]
    fn a_code_has_eight_signs_that_nobody_mistakes() {
        for _ in 0..200 {
            let code = code();
            assert_eq!(code.len(), 8);
            assert!(code.bytes().all(|sign| ALPHABET.contains(&sign)), "{code}");
            assert!(!code.contains(['I', 'O', '0', '1']), "{code}");
        }
        assert_ne!(code(), code());
    }

    /// C-5.1
    #[test]
    fn the_question_says_what_to_type() {
        let mut pairing = ChatPairing {
            channel: "telegram".into(),
            account: "default".into(),
            peer: "5".into(),
            code: "ABCD2345".into(),
            meta: json!({}),
            created_at: 0,
            last_seen_at: 0,
        };
        let text = question("telegram", &pairing);
        for block in ["```\n5\n```", "```\nABCD2345\n```", "```\nopenclaw pairing approve telegram ABCD2345\n```"] {
            assert!(text.contains(block), "{text}");
        }
        pairing.account = "work".into();
        assert!(question("telegram", &pairing).contains("ABCD2345 --account work\n"));
    }
}
