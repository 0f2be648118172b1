//! Whether the Gateway is advertised at all (DISC-4).

use config::MdnsMode;

/// What the answer depends on.
pub(super) struct Asked {
    /// Whether the config names a mode; the default alone advertises on macOS only.
    pub(super) written: bool,
    pub(super) mode: MdnsMode,
    /// `OPENCLAW_DISABLE_BONJOUR`, when it is set.
    pub(super) disabled: Option<bool>,
    pub(super) in_container: bool,
    pub(super) is_macos: bool,
}

/// The mode to advertise in; none when not.
pub(super) fn mode(asked: &Asked) -> Option<MdnsMode> {
    let wanted = asked.written || asked.is_macos;
    let kept = match asked.disabled {
        Some(disabled) => !disabled,
        None => !asked.in_container,
    };
    (wanted && kept && asked.mode != MdnsMode::Off).then_some(asked.mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DISC-4, row by row.
    #[test]
    fn advertising_is_on_where_it_was_asked_for() {
        use MdnsMode::{Full, Minimal, Off};
        let row = |written, mode, disabled, in_container, is_macos| {
            super::mode(&Asked { written, mode, disabled, in_container, is_macos })
        };
        assert_eq!(row(false, Minimal, None, false, true), Some(Minimal), "macOS by default");
        assert_eq!(row(false, Minimal, None, false, false), None, "elsewhere only when asked");
        assert_eq!(row(true, Full, None, false, false), Some(Full));
        assert_eq!(row(true, Off, None, false, true), None);
        assert_eq!(row(true, Minimal, None, true, false), None, "not in a container");
        assert_eq!(row(true, Minimal, Some(false), true, false), Some(Minimal), "unless the variable says so");
        assert_eq!(row(true, Full, Some(true), false, true), None);
    }
}
