//! From a model's Markdown to what Telegram shows (C-8.1, C-8.1a): first to text in spans, each under its tags, so that it
//! can be cut anywhere and every piece is well-formed ([`super::chunk`]); then to HTML.
//!
//! Nothing a model wrote reaches Telegram as markup of its own: HTML in it is dropped when it is formatting, and shown as
//! text when it is not.

mod html;
mod spoiler;
mod table;
mod walk;

pub(crate) use html::html;

/// How tables are shown (`markdown.tables`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tables {
    /// As they were written.
    Off,
    /// A list for each row.
    Bullets,
    /// In columns, in a fixed font.
    #[default]
    Code,
}

impl From<config::telegram::Tables> for Tables {
    fn from(written: config::telegram::Tables) -> Self {
        use config::telegram::Tables as Written;
        match written {
            Written::Off => Self::Off,
            Written::Bullets => Self::Bullets,
            Written::Code | Written::Block => Self::Code,
        }
    }
}

/// What a piece of text is under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tag {
    Bold,
    Italic,
    Struck,
    Code,
    /// A block of code, with its language.
    Pre(Option<String>),
    Link(String),
    Quote,
    Spoiler,
}

/// Text under the same tags, outermost first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) text: String,
    pub(crate) tags: Vec<Tag>,
}

impl Span {
    /// Whether it is shown as it was written, in a fixed font.
    pub(crate) fn is_code(&self) -> bool {
        self.tags.iter().any(|tag| matches!(tag, Tag::Code | Tag::Pre(_)))
    }
}

/// Markdown in spans.
pub(crate) fn render(markdown: &str, tables: Tables) -> Vec<Span> {
    spoiler::find(walk::walk(markdown, tables))
}

/// The spans without their tags.
pub(crate) fn plain(spans: &[Span]) -> String {
    spans.iter().map(|span| span.text.as_str()).collect()
}

/// The part of a text still being written that is settled: without a link at its end that is not whole yet, whose address
/// would be shown as words (C-8.1a, C-9.5).
pub(crate) fn settled(markdown: &str) -> &str {
    let line = markdown.rfind('\n').map_or(0, |at| at + 1);
    let open = markdown[line..].match_indices('[').map(|(at, _)| line + at).find(|at| !is_whole(&markdown[at + 1..]));
    let Some(open) = open else { return markdown };
    let before = &markdown[..open];
    before.strip_suffix('!').unwrap_or(before)
}

/// Whether what follows a `[` is a whole link, or will never be one.
fn is_whole(inside: &str) -> bool {
    let Some(close) = inside.find(']') else { return false };
    match inside[close + 1..].strip_prefix('(') {
        Some(address) => address.contains(')'),
        None => inside.len() > close + 1,
    }
}

#[cfg(test)]
mod tests;
