//! What a person does over there before a channel can be set up here.

/// The steps, for a channel that has any.
pub(super) fn of(channel: &str) -> &'static str {
    match channel {
        "telegram" => TELEGRAM,
        "webhook" => WEBHOOK,
        _ => "docs/channels says what to do",
    }
}

const TELEGRAM: &str = "\
A bot of your own, in Telegram:
  1. Open a chat with @BotFather (the one with the blue tick) and send /newbot.
  2. Give it a name, then a user name that ends in `bot`.
  3. BotFather answers with a token such as 123456789:AAE…; whoever has it is the bot.
For groups: /setprivacy, then Disable, lets the bot see messages that do not mention it.";

const WEBHOOK: &str = "\
A program of your own signs what it posts with a secret you share, and is posted the answers:
  POST /channels/webhook/<account> on the Gateway's port takes what people say.
  The account's `url` is posted what is answered. docs/channels/webhook.md has both.";
