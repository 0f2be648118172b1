//! Params where `null` says something: absent leaves a value alone, `null` clears it.

use serde::{Deserialize, Deserializer};

/// Reads a present field into `Some`, so that with `#[serde(default)]` absent is `None` and `null` is `Some(None)`.
///
/// # Errors
/// Whatever the field's own type refuses.
pub fn read<'de, D, T>(reader: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(reader).map(Some)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Patch {
        #[serde(default, deserialize_with = "super::read")]
        label: Option<Option<String>>,
    }

    #[test]
    fn absent_null_and_a_value_are_three_things() {
        let read = |text: &str| serde_json::from_str::<Patch>(text).unwrap().label;
        assert_eq!(read("{}"), None);
        assert_eq!(read(r#"{"label":null}"#), Some(None));
        assert_eq!(read(r#"{"label":"x"}"#), Some(Some("x".into())));
    }
}
