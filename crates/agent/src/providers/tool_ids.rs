//! Tool call ids in the form each vendor demands.
//!
//! A conversation keeps the ids of whoever made them; another vendor may refuse them for a character or their length.
//! The same id always becomes the same replacement, so a call and its result stay together.

/// What a vendor takes as an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdForm {
    /// Letters, digits, `_` and `-`, at most so many.
    UpTo(usize),
    /// Exactly nine letters and digits (Mistral).
    Nine,
}

impl IdForm {
    /// `id` as this vendor takes it.
    pub(super) fn apply(self, id: &str) -> String {
        match self {
            Self::UpTo(max) if fits(id, max) => id.to_owned(),
            Self::UpTo(_) => format!("call_{:016x}", hash(id)),
            Self::Nine if id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) => id.to_owned(),
            Self::Nine => nine(hash(id)),
        }
    }
}

/// An id for a call whose server gave none.
pub(super) fn new_id() -> String {
    format!("call_{}", uuid::Uuid::new_v4().simple())
}

fn fits(id: &str, max: usize) -> bool {
    !id.is_empty()
        && id.len() <= max
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// FNV-1a: the same on every build, so that a vendor's cache outlives an update.
fn hash(id: &str) -> u64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn nine(mut number: u64) -> String {
    const DIGITS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let digit = |number: &mut u64| {
        let digit = DIGITS[(*number % 62) as usize];
        *number /= 62;
        char::from(digit)
    };
    (0..9).map(|_| digit(&mut number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    ///
    #[test]
    fn ids_are_kept_where_they_fit_and_replaced_alike_where_they_do_not() {
        let long = "x".repeat(65);
        assert_eq!(IdForm::UpTo(64).apply("toolu_01-a"), "toolu_01-a");
        for id in ["", "functions.read:0", "é", long.as_str()] {
            let replaced = IdForm::UpTo(64).apply(id);
            assert!(fits(&replaced, 40), "{replaced}");
            assert_eq!(replaced, IdForm::UpTo(64).apply(id));
        }
        assert_eq!(IdForm::Nine.apply("abcDEF123"), "abcDEF123");
        let nine = IdForm::Nine.apply("call_1");
        assert!(nine.len() == 9 && nine.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{nine}");
        assert_ne!(nine, IdForm::Nine.apply("call_2"));
    }
}
