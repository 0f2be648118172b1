//! The test harness: fake model vendors over real sockets.

pub mod vendors;
