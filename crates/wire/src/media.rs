//! Pictures and films as nodes answer with them (N-10.8, N-10.9, N-10.11, N-10.12).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Longest ending a file of a node's may get.
const ENDING_MAX: usize = 5;

/// A picture or a film.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Such as `jpg` or `mp4`.
    pub format: String,
    /// Standard base64 of the whole file.
    pub base64: String,
    /// Its size, how long it is, and whatever else the node says.
    #[serde(flatten)]
    pub about: Map<String, Value>,
}

impl Media {
    /// The file itself.
    ///
    /// # Errors
    /// When the text is no base64.
    pub fn bytes(&self) -> Result<Vec<u8>, base64::DecodeError> {
        STANDARD.decode(self.base64.trim_ascii())
    }

    /// What the file's name may end in: the format when it is a plain short word, else `bin`. A node does not choose where
    /// a file goes.
    pub fn ending(&self) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric();
        let plain = !self.format.is_empty() && self.format.len() <= ENDING_MAX && self.format.chars().all(is_plain);
        if plain { self.format.to_ascii_lowercase() } else { "bin".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// N-10.8
    #[test]
    fn a_picture_has_bytes_and_an_ending_that_names_no_other_place() {
        let read = |value: Value| serde_json::from_value::<Media>(value).unwrap();
        let picture = read(json!({"format": "JPG", "base64": "aGVsbG8=\n", "width": 3}));
        assert_eq!((picture.bytes().unwrap(), picture.ending().as_str()), (b"hello".to_vec(), "jpg"));
        assert_eq!(picture.about["width"], 3);
        for odd in ["", "../x", "jpeg2000", "a b", "é"] {
            assert_eq!(read(json!({"format": odd, "base64": ""})).ending(), "bin", "{odd}");
        }
        assert!(read(json!({"format": "png", "base64": "%"})).bytes().is_err());
    }
}
