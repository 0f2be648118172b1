//! The calls it takes to say something; for an answer, by what of it is shown already (C-9).

use channels::{Body, Part, Say, Transport};
use store::{Outgoing, StoreError};

use crate::chats::follow::{Preview, Shows, emoji};
use crate::chats::{Live, reply};
use crate::services::Services;

/// The calls for `row`; none when there is nothing to say.
pub(super) async fn plan(
    services: &Services,
    live: &Live,
    transport: &dyn Transport,
    row: &Outgoing,
) -> Result<Vec<Part>, StoreError> {
    let (say, question) = match serde_json::from_value::<Body>(row.body.clone()) {
        Ok(Body::Calls { parts }) => return Ok(parts),
        Ok(Body::Say(say)) => return Ok(calls(transport, row, &say)),
        Ok(Body::Answer { reply_to, context, outcome }) => {
            let question = reply::Question { message_id: reply_to, context };
            (reply::compose(services, live, row, &question, &outcome).await, question)
        }
        Err(error) => {
            tracing::error!(%error, id = %row.id, "a message cannot be read");
            return Ok(Vec::new());
        }
    };
    let preview = shown(services, row).await?;
    let is_said = services.chats.is_said(row).await?;
    let parts = say.say.as_ref().filter(|_| !is_said).map(|say| calls(transport, row, say)).unwrap_or_default();
    let mut parts = match preview {
        Some(preview) => over(parts, &preview, say.stays && !is_said),
        None => parts,
    };
    parts.extend(no_more_seen(services, live, &question, say.is_group));
    Ok(parts)
}

/// Takes back the reaction that said the question was seen, where the owner wants that (C-10.4).
fn no_more_seen(services: &Services, live: &Live, question: &reply::Question, is_group: bool) -> Option<Part> {
    let config = services.config.current();
    let wanted = config.messages.remove_ack_after_reply == Some(true);
    let own = live.account.style.ack_reaction.as_deref();
    let seen = wanted && emoji(&config.messages, own, &question.context, is_group).is_some();
    let message_id = question.message_id.clone().filter(|_| seen)?;
    Some(Part::React { message_id, emoji: None })
}

fn calls(transport: &dyn Transport, row: &Outgoing, say: &Say) -> Vec<Part> {
    let has_something = !say.text.trim().is_empty() || !say.media.is_empty() || !say.buttons.is_empty();
    if has_something { transport.plan(&row.route, say) } else { Vec::new() }
}

/// The message that shows the answer already, once nobody changes it any more.
async fn shown(services: &Services, row: &Outgoing) -> Result<Option<Preview>, StoreError> {
    if let Some(preview) = services.chats.previews().settle(&row.id).await {
        return Ok(preview);
    }
    // Noted by whoever followed the run, perhaps after this row was read.
    let row = services.store.outgoing(&row.id).await?;
    Ok(row.and_then(|row| row.preview).and_then(|preview| serde_json::from_value(preview).ok()))
}

/// The calls for an answer of which `preview` shows a part. Text takes its place in one edit, so that nobody is told twice
/// (C-9.1b); what an edit cannot hold is sent, and the preview goes (C-9.3). `stays` leaves what people saw.
fn over(mut parts: Vec<Part>, preview: &Preview, stays: bool) -> Vec<Part> {
    if stays && preview.shows == Shows::Text {
        return parts;
    }
    let message_id = preview.message_id.clone();
    let plain = parts.iter().all(|part| matches!(part, Part::Text { buttons, .. } if buttons.is_empty()));
    if let Some(Part::Text { words, reply_to, .. }) = parts.first()
        && plain
        && preview.shows == Shows::Text
        && (reply_to.is_none() || *reply_to == preview.reply_to)
    {
        parts[0] = Part::Edit { message_id, words: words.clone(), buttons: Vec::new() };
    } else {
        parts.push(Part::Delete { message_id });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use channels::{Attached, AttachedFrom, Words};

    fn text(said: &str, reply_to: Option<&str>) -> Part {
        let words = Words { text: said.into(), plain: None };
        Part::Text { words, reply_to: reply_to.map(Into::into), buttons: Vec::new(), silent: false }
    }

    fn shape(parts: &[Part]) -> Vec<&'static str> {
        let shape = |part: &Part| match part {
            Part::Text { .. } => "send",
            Part::Edit { .. } => "edit",
            Part::Delete { .. } => "delete",
            Part::Media { .. } => "media",
            other => panic!("{other:?}"),
        };
        parts.iter().map(shape).collect()
    }

    /// C-9.1b, C-9.3
    #[test]
    fn an_answer_takes_the_place_of_its_preview_or_removes_it() {
        let preview = Preview { message_id: "7".into(), shows: Shows::Text, reply_to: Some("1".into()) };
        let over = |parts, stays| over(parts, &preview, stays);
        assert_eq!(shape(&over(vec![text("a", None), text("b", None)], false)), ["edit", "send"]);
        assert_eq!(shape(&over(vec![text("a", Some("1"))], false)), ["edit"]);
        assert_eq!(shape(&over(vec![text("a", Some("2"))], false)), ["send", "delete"]);
        let from = AttachedFrom::Url("https://e.com/a.png".into());
        let files = vec![Attached { from, mime_type: None, name: None }];
        let media = Part::Media { files, caption: Words::default(), as_voice: false, reply_to: None, silent: false };
        assert_eq!(shape(&over(vec![media], false)), ["media", "delete"]);
        assert_eq!(shape(&over(Vec::new(), false)), ["delete"]);
        assert_eq!(shape(&over(Vec::new(), true)), [""; 0]);
        assert_eq!(shape(&over(vec![text("⚠️", None)], true)), ["send"]);
    }

    /// C-9.1
    #[test]
    fn a_line_about_what_is_done_goes_when_the_answer_is_there() {
        let preview = Preview { message_id: "7".into(), shows: Shows::Work, reply_to: None };
        assert_eq!(shape(&over(vec![text("a", None)], &preview, false)), ["send", "delete"]);
        assert_eq!(shape(&over(Vec::new(), &preview, true)), ["delete"]);
    }
}
