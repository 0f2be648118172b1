//! A button that was pressed turns for its person until Telegram hears of it: as soon as the press is on disk (C-10.3).

use std::time::Duration;

use frankenstein::methods::AnswerCallbackQueryParams;
use futures_util::future::join_all;

use super::{Bot, parse};
use crate::Event;

/// How long that may take. A press that is not answered looks slow, and is no reason to hold anything up.
const PATIENCE: Duration = Duration::from_secs(5);

/// The queries of the buttons among these.
pub(super) fn pressed(events: &[Event]) -> Vec<String> {
    events.iter().filter_map(parse::query_of).map(str::to_owned).collect()
}

/// Tells Telegram that they arrived.
pub(super) async fn answer(bot: &Bot, pressed: Vec<String>) {
    let answers = pressed.into_iter().map(|query| async move {
        let params = AnswerCallbackQueryParams::builder().callback_query_id(query).build();
        let answered = bot.api.call_within::<bool>("answerCallbackQuery", &params, PATIENCE).await;
        if let Err(error) = answered {
            tracing::debug!(%error, "a button was not answered");
        }
    });
    join_all(answers).await;
}
