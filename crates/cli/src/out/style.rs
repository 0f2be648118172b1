//! The few colours we use, and none when nobody sees them.

use owo_colors::OwoColorize as _;

use super::Out;

impl Out {
    /// A heading.
    pub(crate) fn bold(&self, text: &str) -> String {
        if self.color { text.bold().to_string() } else { text.to_owned() }
    }

    /// Something that matters less.
    pub(crate) fn dim(&self, text: &str) -> String {
        if self.color { text.dimmed().to_string() } else { text.to_owned() }
    }

    /// Something that is well.
    pub(crate) fn good(&self, text: &str) -> String {
        if self.color { text.green().to_string() } else { text.to_owned() }
    }

    /// Something that is not.
    pub(crate) fn bad(&self, text: &str) -> String {
        if self.color { text.red().to_string() } else { text.to_owned() }
    }
}
