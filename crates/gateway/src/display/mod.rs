//! What people see of sessions: messages without the marks meant for machines, session rows, history pages.

pub(crate) mod cursor;
pub(crate) mod message;
pub(crate) mod rows;
pub(crate) mod text;
