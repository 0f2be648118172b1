//! Whether a user's services go on after logout (SVC-2).

/// What `loginctl` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Linger {
    /// Services of this kind do not end with a login.
    NotNeeded,
    On,
    /// They stop when this user logs out.
    Off(String),
}
