//! `openclaw up` and `down`: the real binary, real Gateways in folders of the test's own.

mod here;
