//! JSON5 text with places: every value knows the bytes it was written in.
//!
//! The general readers give values without places, and the round-trip trees give text without lines. A config needs
//! both from one reading: the line for a problem, and the span for an edit that leaves every other byte alone. So there
//! is one scanner, and tests hold it against the `json5` crate.

mod render;
mod scan;

use std::ops::Range;
use std::path::PathBuf;

use serde_json::{Map, Value};

pub(crate) use render::{Style, key_text, value_text};
pub(crate) use scan::{SyntaxError, scan, skip_blank};

/// Which of the files of one load a node was written in; an index into [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SourceId(pub(crate) usize);

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// Bytes of the value in its file.
    pub(crate) span: Range<usize>,
    pub(crate) source: SourceId,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    String(String),
    Array(Vec<Node>),
    Object(Vec<Member>),
}

/// One `key: value` of an object, in the order of the text.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) key: String,
    pub(crate) key_span: Range<usize>,
    pub(crate) value: Node,
}

impl Node {
    /// The members, when this is an object.
    pub(crate) fn members(&self) -> Option<&[Member]> {
        match &self.kind {
            Kind::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The member called `key`; the last one counts when a key is written twice, as in JavaScript.
    pub(crate) fn member(&self, key: &str) -> Option<&Member> {
        self.members()?.iter().rev().find(|member| member.key == key)
    }

    /// The value of the member called `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.member(key).map(|member| &member.value)
    }

    /// The element at `index`, when this is an array that has one.
    pub(crate) fn at(&self, index: usize) -> Option<&Self> {
        match &self.kind {
            Kind::Array(items) => items.get(index),
            _ => None,
        }
    }

    /// The value without its places.
    pub(crate) fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(flag) => Value::Bool(*flag),
            Kind::Number(number) => Value::Number(number.clone()),
            Kind::String(text) => Value::String(text.clone()),
            Kind::Array(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Kind::Object(members) => Value::Object(
                members.iter().map(|member| (member.key.clone(), member.value.to_value())).collect::<Map<_, _>>(),
            ),
        }
    }
}

/// The files of one load, for turning a node's place into a path and a line.
#[derive(Debug, Default)]
pub(crate) struct Sources(Vec<(PathBuf, String)>);

impl Sources {
    /// Remembers a file and its text.
    pub(crate) fn add(&mut self, path: PathBuf, text: String) -> SourceId {
        self.0.push((path, text));
        SourceId(self.0.len() - 1)
    }

    /// The file a node was written in.
    pub(crate) fn path(&self, source: SourceId) -> Option<&PathBuf> {
        self.0.get(source.0).map(|(path, _)| path)
    }

    /// The text of a file.
    pub(crate) fn text(&self, source: SourceId) -> &str {
        self.0.get(source.0).map_or("", |(_, text)| text.as_str())
    }

    /// Every file after the first, in the order they were read.
    pub(crate) fn included(&self) -> Vec<PathBuf> {
        self.0.iter().skip(1).map(|(path, _)| path.clone()).collect()
    }

    /// The line (from 1) of a byte in a file.
    pub(crate) fn line(&self, source: SourceId, offset: usize) -> Option<u32> {
        self.0.get(source.0).map(|(_, text)| line_of(text, offset))
    }
}

/// The line, counted from 1, that `offset` is on.
pub(crate) fn line_of(text: &str, offset: usize) -> u32 {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let breaks = before.iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(breaks).unwrap_or(u32::MAX).saturating_add(1)
}
