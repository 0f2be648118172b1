//! `/pair`: an owner's word on who may talk in chats (C-5.3), from wherever the owner is.

use wire::ErrorShape;

use super::Asker;
use crate::chats::pairing;
use crate::fault;

const USAGE: &str = "Type `/pair approve CODE` or `/pair deny CODE`.";

/// Shows who waits, or decides.
///
/// # Errors
/// When the store fails; a mistake of the person is an answer.
pub(super) async fn pair(cx: &Asker<'_>, argument: &str) -> Result<String, ErrorShape> {
    let waiting = pairing::list(cx, None).await.map_err(fault::store)?;
    let mut words = argument.split_whitespace();
    let (word, code) = match (words.next(), words.next(), words.next()) {
        (None, ..) => return Ok(shown(&waiting)),
        (Some(word), Some(code), None) => (word.to_lowercase(), code),
        _ => return Ok(USAGE.into()),
    };
    let Some(meant) = waiting.iter().find(|pairing| pairing.code.eq_ignore_ascii_case(code)) else {
        return Ok(format!("Nobody waits under `{code}`.\n{}", shown(&waiting)));
    };
    let (channel, account) = (meant.channel.as_str(), Some(meant.account.as_str()));
    let gone = || format!("`{code}` was decided in this moment.");
    match word.as_str() {
        "approve" | "allow" => {
            let approved = pairing::approve(cx, channel, account, code).await.map_err(fault::store)?;
            Ok(approved.map_or_else(gone, |approved| {
                let owner = if approved.is_owner { ", and owns this assistant" } else { "" };
                format!("{channel}:{} may talk now{owner}.", approved.pairing.peer)
            }))
        }
        "deny" | "reject" | "dismiss" => {
            let dismissed = pairing::dismiss(cx, channel, account, code).await.map_err(fault::store)?;
            Ok(dismissed.map_or_else(gone, |pairing| format!("{channel}:{} was not let in.", pairing.peer)))
        }
        other => Ok(format!("`{other}` is no decision. {USAGE}")),
    }
}

fn shown(waiting: &[store::ChatPairing]) -> String {
    if waiting.is_empty() {
        return "Nobody asks to talk.".into();
    }
    let lines = waiting.iter().map(|one| format!("{} {}:{}", one.code, one.channel, one.peer));
    format!("Who asks to talk:\n{}\n{USAGE}", lines.collect::<Vec<_>>().join("\n"))
}
