//! Paths into the config: `gateway.auth.mode`, `agents.list[0].name`, `channels["x.y"].token` (CFGC-1).

use std::fmt::Write as _;
use std::str::FromStr;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Into the member of an object.
    Key(String),
    /// Into the element of an array, counted from 0.
    Index(usize),
}

/// A place in the config. The empty path is the whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// The whole config.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// This path and one key more.
    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Self {
        self.with(Step::Key(key.into()))
    }

    /// This path and one index more.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    /// The steps from the top.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The value at this place of `value`.
    pub fn find<'v>(&self, value: &'v serde_json::Value) -> Option<&'v serde_json::Value> {
        self.0.iter().try_fold(value, |value, step| match step {
            Step::Key(key) => value.get(key).or_else(|| value.get(key.parse::<usize>().ok()?)),
            Step::Index(index) => value.get(index),
        })
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plain = |c: char| !matches!(c, '.' | '[' | ']' | '"' | '\'') && !c.is_whitespace() && !c.is_control();
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if !key.is_empty() && key.chars().all(plain) => {
                    if position > 0 {
                        f.write_char('.')?;
                    }
                    f.write_str(key)?;
                }
                Step::Key(key) => write!(f, "[{}]", serde_json::Value::String(key.clone()))?,
            }
        }
        Ok(())
    }
}

/// A text that is not a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a config path: {why}; write for example `gateway.auth.mode` or `agents.list[0].name`")]
pub struct BadPath {
    text: String,
    why: &'static str,
}

impl FromStr for Path {
    type Err = BadPath;

    fn from_str(text: &str) -> Result<Self, BadPath> {
        let bad = |why| BadPath { text: text.to_owned(), why };
        let mut rest = text.trim();
        let mut steps = Vec::new();
        if rest.is_empty() {
            return Err(bad("it is empty"));
        }
        while !rest.is_empty() {
            let (step, after) = if let Some(inside) = rest.strip_prefix('[') {
                bracket(inside).ok_or_else(|| bad("a bracket holds a number or a text in quotes"))?
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                (Step::Key(rest[..end].to_owned()), &rest[end..])
            };
            if step == Step::Key(String::new()) && !rest.starts_with('[') {
                return Err(bad("there is nothing between two dots"));
            }
            steps.push(step);
            rest = match after.strip_prefix('.') {
                Some("") => return Err(bad("it ends with a dot")),
                Some(next) => next,
                None if after.is_empty() || after.starts_with('[') => after,
                None => return Err(bad("after `]` comes a dot or another bracket")),
            };
        }
        Ok(Self(steps))
    }
}

/// What stands in a bracket, and what follows it.
fn bracket(inside: &str) -> Option<(Step, &str)> {
    if inside.starts_with(['"', '\'']) {
        let quote = inside.chars().next()?;
        let end = closing_quote(inside, quote)?;
        let key = crate::text::scan(&inside[..=end], crate::text::SourceId::default()).ok()?;
        let key = key.to_value().as_str()?.to_owned();
        return Some((Step::Key(key), inside[end + 1..].strip_prefix(']')?));
    }
    let (index, after) = inside.split_once(']')?;
    Some((Step::Index(index.trim().parse().ok()?), after))
}

fn closing_quote(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().skip(1).find_map(|(at, c)| {
        let closes = c == quote && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CFGC-1
    #[test]
    fn paths_take_dots_and_brackets() {
        let path: Path = r#"a.b[0]["x.y"].c['z']"#.parse().unwrap();
        let keys = [
            Step::Key("a".into()),
            Step::Key("b".into()),
            Step::Index(0),
            Step::Key("x.y".into()),
            Step::Key("c".into()),
            Step::Key("z".into()),
        ];
        assert_eq!(path.steps(), keys);
        assert_eq!(path.to_string(), r#"a.b[0]["x.y"].c.z"#);
        assert_eq!(path.to_string().parse::<Path>().unwrap(), path);
    }

    /// CFGC-1
    #[test]
    fn what_is_not_a_path_says_why() {
        for bad in ["", " ", "a..b", "a.", ".a", "a[", "a[x]", "a[0]b", "a[\"x]"] {
            assert!(bad.parse::<Path>().is_err(), "{bad:?}");
        }
    }
}
