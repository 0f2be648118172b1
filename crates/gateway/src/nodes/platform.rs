//! What kind of device a node is, from what it says (N-4.2). A claim that does not fit together is `unknown`, which may
//! do least.

use wire::connect::ClientInfo;

/// A kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Platform {
    Ios,
    Watchos,
    Android,
    Macos,
    Windows,
    Linux,
    Unknown,
}

impl Platform {
    /// The kind of `client`'s device.
    pub(crate) fn of(client: &ClientInfo) -> Self {
        let platform = client.platform.trim().to_ascii_lowercase();
        let family = client.device_family.as_deref().unwrap_or("").trim().to_ascii_lowercase();
        if platform.is_empty() {
            return Self::of_family(&family);
        }
        let named = Self::named(&platform);
        if named.agrees_with(&family) { named } else { Self::Unknown }
    }

    /// Whether it is a computer somebody could sit at: those may be approved for host commands (N-4.4).
    pub(crate) const fn is_desktop(self) -> bool {
        matches!(self, Self::Macos | Self::Windows | Self::Linux)
    }

    /// An id, or the system's own label with its version: `iOS 18.4`, `Android 15 (SDK 35)`.
    fn named(platform: &str) -> Self {
        let (name, version) = platform.split_once(' ').unwrap_or((platform, ""));
        let is_version = version.is_empty() || version.starts_with(|c: char| c.is_ascii_digit());
        match name {
            "ios" | "ipados" if is_version => Self::Ios,
            "watchos" if is_version => Self::Watchos,
            "android" if is_version => Self::Android,
            // The names Node gives the two systems, which released node hosts send.
            "macos" | "darwin" if is_version => Self::Macos,
            "windows" | "win32" if is_version => Self::Windows,
            "linux" if is_version => Self::Linux,
            _ => Self::Unknown,
        }
    }

    fn agrees_with(self, family: &str) -> bool {
        match self {
            Self::Ios => matches!(family, "" | "iphone" | "ipad" | "ios"),
            Self::Android => matches!(family, "" | "android"),
            Self::Watchos => matches!(family, "apple watch" | "watchos"),
            Self::Macos => family == "mac",
            Self::Windows => family == "windows",
            Self::Linux => family == "linux",
            Self::Unknown => true,
        }
    }

    fn of_family(family: &str) -> Self {
        match family {
            "iphone" | "ipad" | "ios" => Self::Ios,
            "apple watch" | "watchos" => Self::Watchos,
            "android" => Self::Android,
            "mac" => Self::Macos,
            "windows" => Self::Windows,
            "linux" => Self::Linux,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(platform: &str, family: &str) -> Platform {
        let family = (!family.is_empty()).then(|| family.to_owned());
        Platform::of(&ClientInfo { platform: platform.into(), device_family: family, ..ClientInfo::default() })
    }

    /// N-4.2
    #[test]
    fn a_platform_counts_only_when_the_family_agrees() {
        for (platform, family, kind) in [
            ("ios", "", Platform::Ios),
            ("iOS 18.4", "iPhone", Platform::Ios),
            ("ios 18", "Android", Platform::Unknown),
            ("Android 15 (SDK 35)", "", Platform::Android),
            ("watchos", "", Platform::Unknown),
            ("watchos", "Apple Watch", Platform::Watchos),
            ("macOS 26.1", "Mac", Platform::Macos),
            ("darwin", "Mac", Platform::Macos),
            ("macos", "", Platform::Unknown),
            ("linux", "Linux", Platform::Linux),
            ("linux", "Mac", Platform::Unknown),
            ("win32", "Windows", Platform::Windows),
            ("linux; rm -rf", "Linux", Platform::Unknown),
            ("plan9", "Linux", Platform::Unknown),
            ("", "Linux", Platform::Linux),
            ("", "", Platform::Unknown),
        ] {
            assert_eq!(of(platform, family), kind, "{platform:?} {family:?}");
        }
    }
}
