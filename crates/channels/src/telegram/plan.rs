//! Which calls it takes to say something (C-8.2, C-10.1, C-10.2). Pure.

use crate::{Attached, Button, Part, ReplyTo, Say, Style, Words};

use super::chunk::{self, CAPTION_LIMIT, chunk};
use super::file_kind::FileKind;
use super::render::{Tables, render, settled};

/// Most pictures and films of one group.
const GROUP_MAX: usize = 10;
/// Longest meaning of a button, in bytes (C-10.3).
const BUTTON_DATA: usize = 64;
/// The text over buttons that came without one.
const CHOOSE: &str = "Please choose:";

/// How an account wants things said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    pub(super) text_limit: usize,
    pub(super) at_blank_lines: bool,
    pub(super) reply_to: ReplyTo,
    pub(super) tables: Tables,
}

impl Manner {
    /// As the account has it.
    pub(super) fn of(style: &Style, tables: Option<config::telegram::Tables>) -> Self {
        Self {
            text_limit: style.text_limit,
            at_blank_lines: style.cut_at_blank_lines,
            reply_to: style.reply_to,
            tables: tables.map(Tables::from).unwrap_or_default(),
        }
    }
}

/// The calls, in order.
pub(super) fn plan(say: &Say, manner: Manner) -> Vec<Part> {
    let buttons = buttons(&say.buttons);
    let text = if say.text.trim().is_empty() && !buttons.is_empty() { CHOOSE } else { &say.text };
    let spans = render(text, manner.tables);
    let mut caption = Words::default();
    let mut texts = chunk(&spans, manner.text_limit, manner.at_blank_lines);
    if !say.media.is_empty() && texts.len() == 1 && buttons.is_empty() {
        let mut short = chunk(&spans, CAPTION_LIMIT, false);
        if short.len() == 1 {
            caption = short.remove(0);
            texts.clear();
        }
    }
    let mut parts = Vec::new();
    for files in groups(&say.media, say.as_voice) {
        let caption = std::mem::take(&mut caption);
        let (as_voice, silent) = (say.as_voice, say.silent);
        parts.push(Part::Media { files, caption, as_voice, reply_to: None, silent });
    }
    let last = texts.len();
    for (number, words) in (1..).zip(texts) {
        let buttons = if number == last { buttons.clone() } else { Vec::new() };
        parts.push(Part::Text { words, reply_to: None, buttons, silent: say.silent });
    }
    let replies = if manner.reply_to == ReplyTo::All { parts.len() } else { 1 };
    for part in parts.iter_mut().take(replies) {
        if let Part::Text { reply_to, .. } | Part::Media { reply_to, .. } = part {
            reply_to.clone_from(&say.reply_to);
        }
    }
    parts
}

/// What shows a text that is still being written: its first message, as far as that is settled (C-9.1).
pub(super) fn draft(text: &str, manner: Manner) -> Option<Words> {
    chunk::first(&render(settled(text), manner.tables), manner.text_limit)
}

/// Pictures and films that follow each other are shown together; everything else is a message of its own.
fn groups(media: &[Attached], as_voice: bool) -> Vec<Vec<Attached>> {
    let mut groups: Vec<Vec<Attached>> = Vec::new();
    let mut open = false;
    for file in media {
        let together = matches!(FileKind::of(file, as_voice), FileKind::Photo | FileKind::Video);
        match groups.last_mut() {
            Some(group) if open && together && group.len() < GROUP_MAX => group.push(file.clone()),
            _ => groups.push(vec![file.clone()]),
        }
        open = together;
    }
    groups
}

/// Those Telegram can carry.
fn buttons(rows: &[Vec<Button>]) -> Vec<Vec<Button>> {
    let fits = |button: &&Button| {
        let fits = !button.label.is_empty() && (1..=BUTTON_DATA).contains(&button.data.len());
        if !fits {
            tracing::warn!(label = %button.label, "a button that Telegram cannot carry was left out");
        }
        fits
    };
    let rows = rows.iter().map(|row| row.iter().filter(fits).cloned().collect::<Vec<_>>());
    rows.filter(|row| !row.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AttachedFrom;

    const MANNER: Manner =
        Manner { text_limit: 4000, at_blank_lines: false, reply_to: ReplyTo::First, tables: Tables::Code };

    fn file(name: &str) -> Attached {
        Attached { from: AttachedFrom::Path(format!("/w/{name}").into()), mime_type: None, name: None }
    }

    fn shape(parts: &[Part]) -> Vec<String> {
        let shape = |part: &Part| match part {
            Part::Text { words, reply_to, buttons, .. } => {
                format!("text {} {} {}", words.text.len(), reply_to.as_deref().unwrap_or("-"), buttons.len())
            }
            Part::Media { files, caption, reply_to, .. } => {
                format!("media {} {} {}", files.len(), caption.text, reply_to.as_deref().unwrap_or("-"))
            }
            other => panic!("{other:?}"),
        };
        parts.iter().map(shape).collect()
    }

    /// C-10.1, C-10.2
    #[test]
    fn pictures_go_together_and_a_short_text_is_their_caption() {
        let media = vec![file("a.png"), file("b.jpg"), file("c.pdf"), file("d.gif"), file("e.mp4")];
        let say = Say { text: "**look**".into(), media, reply_to: Some("7".into()), ..Say::default() };
        assert_eq!(shape(&plan(&say, MANNER)), ["media 2 <b>look</b> 7", "media 1  -", "media 1  -", "media 1  -"]);
        let long = Say { text: "x ".repeat(700), media: vec![file("a.png")], ..Say::default() };
        assert_eq!(shape(&plan(&long, MANNER)), ["media 1  -", "text 1399 - 0"]);
    }

    /// C-8.2, C-8.7, C-10.3
    #[test]
    fn long_text_is_several_messages_with_the_buttons_under_the_last() {
        let good = Button { label: "ok".into(), data: "d".repeat(64) };
        let bad = Button { label: "no".into(), data: "d".repeat(65) };
        let say = Say {
            text: "word ".repeat(1000),
            reply_to: Some("7".into()),
            buttons: vec![vec![good.clone(), bad.clone()], vec![bad]],
            ..Say::default()
        };
        assert_eq!(shape(&plan(&say, MANNER)), ["text 3999 7 0", "text 999 - 1"]);
        let all = Manner { reply_to: ReplyTo::All, ..MANNER };
        assert_eq!(shape(&plan(&say, all)), ["text 3999 7 0", "text 999 7 1"]);
        let alone = Say { buttons: vec![vec![good]], ..Say::default() };
        assert_eq!(shape(&plan(&alone, MANNER)), [format!("text {} - 1", CHOOSE.len())]);
    }
}
