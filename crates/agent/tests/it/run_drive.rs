//! Whole turns against a real store in a folder of their own, with a model that follows a script.

mod bench;
mod broken;
mod plain;
mod resumed;
mod stopped;
