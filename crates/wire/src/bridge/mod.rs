//! The Bridge of the oldest apps (N-14): one JSON object a line over TCP. What a node says ([`FromNode`]), what it is
//! told ([`ToNode`]), which methods it may call, and how a Gateway's own frames read on such a line ([`line_of`]).

mod methods;
mod to_node;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::connect::Credential;
use crate::methods::node::NodeError;

pub use methods::{Grade, grade};
pub use to_node::{ToNode, line_of, refused};

/// `client.id` and `client.mode` of a node on the Bridge; no WebSocket client may say either.
pub const CLIENT: &str = "bridge";
/// What stands for the key of a device that has none. No key reads so, so neither can pass for the other.
pub const NO_KEY: &str = "bridge:token";
/// Largest line before a node has proven anything, and afterwards.
pub const LINE_MAX_BYTES: [usize; 2] = [crate::limits::PRE_AUTH_MAX_BYTES, crate::limits::MAX_PAYLOAD_BYTES];
/// Longest id of a node, and longest other word it says about itself, in bytes.
const ID_MAX_BYTES: usize = 128;
const WORD_MAX_BYTES: usize = 256;
/// How much of a mistake is repeated to whoever made it.
const REASON_MAX_CHARS: usize = 160;

/// A line of a node.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum FromNode {
    /// Who it is, with its token.
    Hello(Hello),
    /// Who it is, to be let in by a person.
    PairRequest(Hello),
    /// A method call.
    Req(Call),
    /// Something happened on it.
    Event(Happened),
    /// What came of what it was asked.
    InvokeRes(Answer),
    /// Whether we are there.
    Ping(Echo),
    /// That it is there.
    Pong(Value),
}

/// Who a node is and what it offers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Hello {
    /// Its id, which it chose.
    pub node_id: Option<String>,
    /// What it was given when it was let in.
    pub token: Option<Credential>,
    /// A name for people.
    pub display_name: Option<String>,
    /// `iOS 18.0`, `android`, `macos`, …
    pub platform: Option<String>,
    /// Of the app.
    pub version: Option<String>,
    /// Of its core, where there are two.
    pub core_version: Option<String>,
    /// Of its surface.
    pub ui_version: Option<String>,
    /// `iPhone`, `Mac`, …
    pub device_family: Option<String>,
    /// The maker's model name.
    pub model_identifier: Option<String>,
    /// Families it offers.
    pub caps: Option<Vec<String>>,
    /// Commands it offers.
    pub commands: Option<Vec<String>>,
    /// What its operating system lets it do.
    pub permissions: Option<Map<String, Value>>,
}

/// A method call.
#[derive(Debug, Clone, Deserialize)]
pub struct Call {
    /// Repeated in the answer.
    pub id: String,
    /// Which.
    pub method: String,
    /// Its params as JSON text.
    #[serde(rename = "paramsJSON", default)]
    pub params_json: Option<String>,
}

/// Something that happened on a node.
#[derive(Debug, Clone, Deserialize)]
pub struct Happened {
    /// What.
    pub event: String,
    /// Its details as JSON text.
    #[serde(rename = "payloadJSON", default)]
    pub payload_json: Option<String>,
}

/// What came of a call of a node.
#[derive(Debug, Clone, Deserialize)]
pub struct Answer {
    /// The call.
    pub id: String,
    /// Whether it was done.
    pub ok: bool,
    /// What came of it as JSON text.
    #[serde(rename = "payloadJSON", default)]
    pub payload_json: Option<String>,
    /// Why not.
    #[serde(default)]
    pub error: Option<NodeError>,
}

/// A ping.
#[derive(Debug, Clone, Deserialize)]
pub struct Echo {
    /// Repeated in the pong.
    pub id: String,
}

/// Reads a line.
///
/// # Errors
/// What is wrong with it, in a few words.
pub fn read(line: &str) -> Result<FromNode, String> {
    let said: FromNode = serde_json::from_str(line).map_err(|error| {
        let text = error.to_string();
        let text = text.split(" at line ").next().unwrap_or_default();
        format!("invalid frame: {}", text.chars().take(REASON_MAX_CHARS).collect::<String>())
    })?;
    match &said {
        FromNode::Req(Call { id, .. }) | FromNode::InvokeRes(Answer { id, .. }) if id.is_empty() => {
            Err("invalid frame: `id` must not be empty".into())
        }
        _ => Ok(said),
    }
}

impl Hello {
    /// Its id. A word that could be a device's, which proves itself with a key, is none.
    ///
    /// # Errors
    /// What is wrong with it, in a few words.
    pub fn id(&self) -> Result<&str, &'static str> {
        let id = self.node_id.as_deref().map(str::trim).filter(|id| !id.is_empty()).ok_or("nodeId required")?;
        let is_key_id = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_plain = |c: char| !c.is_control() && !c.is_whitespace();
        match () {
            () if id.len() > ID_MAX_BYTES => Err("nodeId is too long"),
            () if !id.chars().all(is_plain) => Err("nodeId holds blanks or control characters"),
            () if is_key_id => Err("nodeId has the form of a device id, which is a key's"),
            () => Ok(id),
        }
    }

    /// One of its words, for people to read: trimmed, without control characters, not too long; `None` when blank.
    pub fn word(text: Option<&str>) -> Option<String> {
        let plain: String = text?.trim().chars().filter(|c| !c.is_control()).collect();
        let end = (0..=WORD_MAX_BYTES.min(plain.len())).rev().find(|end| plain.is_char_boundary(*end))?;
        (end > 0).then(|| plain[..end].to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N-14.3, N-14.9
    #[test]
    fn lines_of_the_january_apps_are_read_and_others_are_refused_in_few_words() {
        let hello = r#"{"type":"hello","nodeId":" ios-1 ","token":"t","displayName":"Phone","caps":["canvas"],"permissions":{"camera":true},"new":1}"#;
        let Ok(FromNode::Hello(hello)) = read(hello) else { panic!("a hello") };
        assert_eq!((hello.id(), hello.caps.as_deref()), (Ok("ios-1"), Some(&["canvas".to_owned()][..])));
        assert!(!format!("{hello:?}").contains("\"t\""), "the token is not shown");
        let call = r#"{"type":"req","id":"1","method":"chat.send","paramsJSON":"{}"}"#;
        assert!(matches!(read(call), Ok(FromNode::Req(call)) if call.params_json.as_deref() == Some("{}")));
        let answer = r#"{"type":"invoke-res","id":"1","ok":false,"error":{"code":"X","message":"y"}}"#;
        assert!(matches!(read(answer), Ok(FromNode::InvokeRes(answer)) if answer.error.is_some()));
        assert!(matches!(read(r#"{"type":"pong"}"#), Ok(FromNode::Pong(_))));
        let odd = [
            "",
            "[]",
            "null",
            "{",
            r#"{"type":"invoke","id":"1","command":"x"}"#,
            r#"{"type":"res","id":"1","ok":true}"#,
            r#"{"type":"req","method":"health"}"#,
            r#"{"type":"req","id":"","method":"health"}"#,
            r#"{"type":"hello","nodeId":1}"#,
        ];
        for line in odd {
            assert!(read(line).unwrap_err().starts_with("invalid frame"), "{line}");
        }
        let long = format!(r#"{{"type":"{}"}}"#, "x".repeat(1_000_000));
        assert!(read(&long).unwrap_err().len() < 300);
    }

    /// N-14.5
    #[test]
    fn a_node_has_an_id_that_is_no_devices() {
        let id = |id: &str| Hello { node_id: Some(id.into()), ..Hello::default() }.id().map(str::to_owned);
        assert_eq!(id("node-1").unwrap(), "node-1");
        assert!(Hello::default().id().is_err());
        for bad in ["", "  ", "a b", "a\u{7}", &"x".repeat(129), &"0f".repeat(32)] {
            assert!(id(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Hello::word(Some(" A\u{1b}[2J \n")), Some("A[2J".into()));
        assert_eq!((Hello::word(Some("\u{1}")), Hello::word(None)), (None, None));
        assert!(Hello::word(Some(&"ü".repeat(400))).unwrap().len() <= WORD_MAX_BYTES);
    }
}
