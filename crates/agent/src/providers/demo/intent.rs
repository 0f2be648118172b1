//! What a message asks for, as far as words alone tell, in a dozen languages.
//!
//! Deliberately simple: a list of words per wish ([`super::vocabulary`]). Languages that put spaces between words are matched by whole words,
//! the others by what they contain.

use super::vocabulary::{HELLO, LIST, NODES, READ, RUN, THANKS, TIME};

/// A wish the offline model knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Intent {
    /// What time or day it is.
    Time,
    /// What is in the workspace.
    ListWorkspace,
    /// What a file says.
    Read(String),
    /// A command to run, as written.
    Run(String),
    /// Which devices are there.
    Nodes,
    /// A periodic prompt of the Gateway itself that wants a token back when there is nothing to do.
    Heartbeat,
    /// Thanks.
    Thanks,
    /// A greeting, or a question about itself.
    Hello,
    /// Anything else.
    Unknown,
}

/// Only this much of a message is looked at; a wish stands near its start.
const LOOKED_AT_CHARS: usize = 2_000;

/// The wish in `text`.
pub(super) fn of(text: &str) -> Intent {
    let text: String = text.chars().take(LOOKED_AT_CHARS).collect();
    let text = text.trim();
    if text.contains("HEARTBEAT_OK") {
        return Intent::Heartbeat;
    }
    let words = Words::of(text);
    if let Some(command) = command(text, &words) {
        return Intent::Run(command);
    }
    let path = path(text);
    if let Some(path) = path
        && words.any(READ)
    {
        return Intent::Read(path);
    }
    let known = [
        (LIST, Intent::ListWorkspace),
        (TIME, Intent::Time),
        (NODES, Intent::Nodes),
        (THANKS, Intent::Thanks),
        (HELLO, Intent::Hello),
    ];
    // A long message that happens to hold one of these words asks for something else.
    let short = text.chars().count() <= SHORT_CHARS;
    known.into_iter().find(|(list, _)| short && words.any(list)).map_or(Intent::Unknown, |(_, intent)| intent)
}

const SHORT_CHARS: usize = 160;

/// A text's words in lower case, each between single spaces.
struct Words(String);

impl Words {
    fn of(text: &str) -> Self {
        let lower = text.to_lowercase();
        let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        Self(words.fold(String::from(" "), |joined, word| joined + word + " "))
    }

    fn any(&self, vocabulary: &str) -> bool {
        vocabulary
            .split(", ")
            .any(|word| if has_spaces(word) { self.0.contains(&format!(" {word} ")) } else { self.0.contains(word) })
    }

    fn first(&self) -> &str {
        self.0.split_whitespace().next().unwrap_or_default()
    }
}

/// Whether the script of `word` puts spaces between words; Chinese, Japanese and Korean do not, or glue endings on.
fn has_spaces(word: &str) -> bool {
    !word.chars().any(|c| matches!(c, '\u{1100}'..='\u{11ff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'))
}

/// A command to run: after `$` or `!`, in backticks beside a word for running, or after that word at the start.
fn command(text: &str, words: &Words) -> Option<String> {
    let line = |rest: &str| Some(rest.lines().next()?.trim().to_owned()).filter(|line| !line.is_empty());
    if let Some(rest) = text.strip_prefix("$ ").or_else(|| text.strip_prefix('!')) {
        return line(rest);
    }
    if !words.any(RUN) {
        return None;
    }
    if let Some(quoted) = quoted(text) {
        return line(quoted);
    }
    let (verb, rest) = text.split_once(char::is_whitespace)?;
    let rest = line(rest.trim().trim_end_matches(['.', '!', '?']))?;
    let article = rest.split_whitespace().next().is_some_and(|word| {
        [
            "the", "a", "an", "my", "it", "this", "that", "some", "all", "away", "den", "die", "das", "le", "la",
            "les", "el", "un", "une", "ein", "eine",
        ]
        .contains(&word.to_lowercase().as_str())
    });
    let begins = RUN.split(", ").any(|word| word == verb.to_lowercase().trim_matches(':'))
        && words.first() == verb.to_lowercase().trim_matches(':');
    (begins && !article).then_some(rest)
}

/// What stands between the first two backticks.
fn quoted(text: &str) -> Option<&str> {
    let (_, after) = text.split_once('`')?;
    let inner = after.trim_start_matches('`').split('`').next()?.trim();
    (!inner.is_empty()).then_some(inner)
}

/// The first thing that looks like a file's name.
fn path(text: &str) -> Option<String> {
    if let Some(quoted) = quoted(text)
        && !quoted.contains(char::is_whitespace)
    {
        return Some(quoted.to_owned());
    }
    text.split_whitespace().map(bare).find(|word| looks_like_path(word)).map(str::to_owned)
}

fn bare(word: &str) -> &str {
    let edge = |c: char| {
        matches!(
            c,
            '"' | '\''
                | '('
                | ')'
                | '['
                | ']'
                | '<'
                | '>'
                | ','
                | ';'
                | ':'
                | '?'
                | '!'
                | '“'
                | '”'
                | '„'
                | '«'
                | '»'
                | '。'
                | '、'
                | '？'
        )
    };
    word.trim_matches(edge).trim_end_matches('.')
}

fn looks_like_path(word: &str) -> bool {
    if word.contains("://") || word.len() > 255 {
        return false;
    }
    let extension = word.rsplit_once('.').is_some_and(|(stem, extension)| {
        !stem.is_empty()
            && (1..=8).contains(&extension.len())
            && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && !extension.bytes().all(|byte| byte.is_ascii_digit())
    });
    let names = ["README", "LICENSE", "Makefile", "Dockerfile"];
    extension
        || names.contains(&word)
        || (word.contains('/') && word.len() > 1 && word.chars().any(char::is_alphanumeric))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_requests_are_understood_in_many_languages() {
        let read = |path: &str| Intent::Read(path.into());
        let run = |command: &str| Intent::Run(command.into());
        let cases = [
            ("What time is it?", Intent::Time),
            ("wie spät ist es", Intent::Time),
            ("quelle heure est-il ?", Intent::Time),
            ("¿Qué hora es?", Intent::Time),
            ("Который час?", Intent::Time),
            ("今何時ですか", Intent::Time),
            ("现在几点了？", Intent::Time),
            ("كم الساعة الآن", Intent::Time),
            ("[Sat 2026-11-21 09:00 UTC] what's the date today", Intent::Time),
            ("list the workspace", Intent::ListWorkspace),
            ("ls", Intent::ListWorkspace),
            ("Welche Dateien gibt es?", Intent::ListWorkspace),
            ("ファイルを一覧", Intent::ListWorkspace),
            ("read AGENTS.md", read("AGENTS.md")),
            ("Could you show me \"notes/today.md\", please?", read("notes/today.md")),
            ("zeig mir `SOUL.md`", read("SOUL.md")),
            ("打开 README", read("README")),
            ("read memory/2026-11-21.md.", read("memory/2026-11-21.md")),
            ("run uname -a", run("uname -a")),
            ("please run `df -h`", run("df -h")),
            ("$ pwd", run("pwd")),
            ("!ls -la", run("ls -la")),
            ("exécute `pwd`", run("pwd")),
            ("which nodes are connected?", Intent::Nodes),
            ("thanks!", Intent::Thanks),
            ("hello", Intent::Hello),
            ("who are you?", Intent::Hello),
            ("run the numbers for me", Intent::Unknown),
            ("sometimes I wonder", Intent::Unknown),
            ("write a poem about autumn", Intent::Unknown),
            ("read https://example.com", Intent::Unknown),
            ("", Intent::Unknown),
            ("🦀", Intent::Unknown),
            ("If nothing needs attention, reply HEARTBEAT_OK.", Intent::Heartbeat),
        ];
        for (text, intent) in cases {
            assert_eq!(of(text), intent, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_message_is_too_strange(text in "\\PC{0,300}") {
            of(&text);
        }

        #[test]
        fn no_near_miss_is_too_strange(text in "(run|read|`|\\$|!| |\\.|/|é|日|\n){0,30}") {
            of(&text);
        }
    }
}
