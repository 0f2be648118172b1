//! A Bot API in the test: the exact wire, the checks of the real one, what a person would see, and faults on demand.
//!
//! ```ignore
//! let telegram = FakeTelegram::start().await;
//! // … a Gateway with {"channels": telegram.channels()} …
//! telegram.says(42, "hello");
//! telegram.sees(42, |shown| shown.iter().any(|message| message.text == "hi")).await;
//! ```
//!
//! A positive chat is the private chat of the user of that number; a negative one is a group.

mod chats;
mod fault;
mod html;
mod methods;
mod params;
mod server;
mod updates;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use self::chats::Shown;
pub use self::fault::TelegramFault;
pub use self::params::SentFile;

/// The token of the bot.
const TOKEN: &str = "777000:AAH-fake-token-of-a-test-0123456789";
/// How long a test waits for what must come.
const COMES_WITHIN: Duration = Duration::from_secs(60);

/// A running Bot API with one bot; stops when dropped.
pub struct FakeTelegram {
    shared: Arc<Shared>,
    root: String,
    task: JoinHandle<()>,
}

/// A call as it arrived.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: String,
    /// Its parameters.
    pub params: Value,
    /// The files that came along.
    pub files: Vec<SentFile>,
    /// When it arrived.
    pub at: Instant,
    /// The status it was answered with; 0 while it has none.
    pub status: u16,
}

struct Shared {
    state: Mutex<State>,
    /// Counts everything that happens, for whoever waits.
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    faults: Vec<(String, TelegramFault)>,
    updates: updates::Updates,
    chats: chats::Chats,
    files: BTreeMap<String, (String, Vec<u8>)>,
    me: serde_json::Map<String, Value>,
}

impl FakeTelegram {
    /// Listens on a free port of loopback.
    ///
    /// # Panics
    /// When there is none.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: watch::Sender::new(0) });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let root = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let task = tokio::spawn(server::run(listener, shared.clone()));
        Self { shared, root, task }
    }

    /// What goes into the config as `apiRoot`.
    pub fn root_url(&self) -> &str {
        &self.root
    }

    /// The token of the bot.
    pub fn token(&self) -> &'static str {
        TOKEN
    }

    /// A `channels` section for this bot that lets `user` talk.
    pub fn channels(&self, user: i64) -> Value {
        json!({"telegram": {"botToken": TOKEN, "apiRoot": self.root, "dmPolicy": "allowlist", "allowFrom": [user],
            "timeoutSeconds": 10}})
    }

    /// What `getMe` answers beside the usual (`{"has_topics_enabled": true}`).
    pub fn is(&self, more: &Value) -> &Self {
        self.state().me.extend(more.as_object().cloned().unwrap_or_default());
        self
    }

    /// The person of a private chat, or user 1 of a group, writes. Answers the message's id.
    pub fn says(&self, chat: i64, text: &str) -> i64 {
        self.says_as(chat, if chat > 0 { chat } else { 1 }, text)
    }

    /// A user writes in a chat. A text that begins with a slash carries the entity of a command, as the real one's does.
    pub fn says_as(&self, chat: i64, user: i64, text: &str) -> i64 {
        let mut content = json!({"text": text});
        if let Some(command) = text.split_whitespace().next().filter(|word| word.starts_with('/')) {
            let length = command.encode_utf16().count();
            content["entities"] = json!([{"type": "bot_command", "offset": 0, "length": length}]);
        }
        self.brings(chat, user, &content)
    }

    /// A user's message with this content (`{"photo": […], "caption": …}`); answers its id.
    pub fn brings(&self, chat: i64, user: i64, content: &Value) -> i64 {
        let mut state = self.state();
        let message = state.chats.written_by(chat, user, content);
        let id = message["message_id"].as_i64().unwrap_or_default();
        state.updates.push(json!({"message": message}));
        drop(state);
        self.shared.news();
        id
    }

    /// Something happens: an update as the wire has it; its `update_id` is the next one unless it says.
    pub fn push(&self, update: Value) -> i64 {
        let id = self.state().updates.push(update);
        self.shared.news();
        id
    }

    /// The person of the chat presses the button that stands for `data`; answers the query's id.
    ///
    /// # Panics
    /// When no message in the chat has such a button.
    pub fn press(&self, chat: i64, data: &str) -> String {
        let mut state = self.state();
        let user = if chat > 0 { chat } else { 1 };
        let message = state.chats.with_button(chat, data);
        let message = message.unwrap_or_else(|| panic!("chat {chat} has no button for `{data}`"));
        let id = format!("query-{}", state.updates.next_id());
        let query =
            json!({"id": id, "from": chats::user(user), "message": message, "chat_instance": "1", "data": data});
        state.updates.push(json!({"callback_query": query}));
        drop(state);
        self.shared.news();
        id
    }

    /// A file that `getFile` knows, by its id; answers nothing before that but "file not found".
    pub fn has_file(&self, file_id: &str, path: &str, bytes: &[u8]) -> &Self {
        self.state().files.insert(file_id.into(), (path.into(), bytes.to_vec()));
        self
    }

    /// The user of that chat blocks the bot, or the group throws it out.
    pub fn blocks(&self, chat: i64) -> &Self {
        self.state().chats.block(chat);
        self
    }

    /// A topic of the chat is gone.
    pub fn closes_topic(&self, chat: i64, topic: i64) -> &Self {
        self.state().chats.close_topic(chat, topic);
        self
    }

    /// From now on updates are numbered from `id`, and handed out whatever offset is asked for: what a server does that
    /// lost its counter.
    pub fn numbers_from(&self, id: i64) -> &Self {
        self.state().updates.number_from(id);
        self
    }

    /// The update of that number is handed out again, confirmed or not.
    pub fn repeats(&self, update_id: i64) -> &Self {
        self.state().updates.repeat(update_id);
        self.shared.news();
        self
    }

    /// The next call of `method` (`*` for any) goes wrong; several wait in order.
    pub fn fault(&self, method: &str, fault: TelegramFault) -> &Self {
        self.faults(method, 1, fault)
    }

    /// The next `count` calls do.
    pub fn faults(&self, method: &str, count: usize, fault: TelegramFault) -> &Self {
        self.state().faults.extend(std::iter::repeat_n((method.to_owned(), fault), count));
        self
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// Those of one method.
    pub fn calls_of(&self, method: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.method == method).collect()
    }

    /// Resolves once the calls so far are what `looks_right` wants, with all of them.
    ///
    /// # Panics
    /// When they are not in time.
    pub async fn wait_for(&self, looks_right: impl Fn(&[Call]) -> bool) -> Vec<Call> {
        self.until(Self::calls, |calls| looks_right(calls)).await
    }

    /// Resolves once so many calls of one method have arrived, with those.
    ///
    /// # Panics
    /// When they do not in time.
    pub async fn called(&self, method: &str, count: usize) -> Vec<Call> {
        self.until(|telegram| telegram.calls_of(method), |calls: &Vec<Call>| calls.len() >= count).await
    }

    /// What a person sees in a chat now, oldest first.
    pub fn messages(&self, chat: i64) -> Vec<Shown> {
        self.state().chats.shown(chat)
    }

    /// Resolves once a person sees what `looks_right` wants.
    ///
    /// # Panics
    /// When they do not in time.
    pub async fn sees(&self, chat: i64, looks_right: impl Fn(&[Shown]) -> bool) -> Vec<Shown> {
        self.until(|telegram| telegram.messages(chat), |shown: &Vec<Shown>| looks_right(shown)).await
    }

    /// Whether an update waits that nobody has confirmed.
    pub fn has_unread(&self) -> bool {
        self.state().updates.has_unread()
    }

    /// Resolves once every update was confirmed.
    ///
    /// # Panics
    /// When they are not in time.
    pub async fn all_read(&self) {
        self.until(Self::has_unread, |unread| !unread).await;
    }

    /// The address the bot asked to be called at, if it did.
    pub fn webhook(&self) -> Option<String> {
        self.state().updates.webhook_url()
    }

    async fn until<T: std::fmt::Debug>(&self, look: impl Fn(&Self) -> T, right: impl Fn(&T) -> bool) -> T {
        let mut changed = self.shared.changed.subscribe();
        let deadline = tokio::time::Instant::now() + COMES_WITHIN;
        loop {
            changed.mark_unchanged();
            let seen = look(self);
            if right(&seen) {
                return seen;
            }
            let waited = tokio::time::timeout_at(deadline, changed.changed()).await;
            assert!(waited.is_ok(), "it did not come; last seen: {seen:#?}");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl Drop for FakeTelegram {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn news(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}
