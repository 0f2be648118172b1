//! The names others see (DISC-2).

/// The instance: the display name, saying what it is unless it already does.
pub(super) fn instance(display_name: &str) -> String {
    let name = display_name.trim();
    let name = if name.is_empty() { "Gateway" } else { name };
    let whole = if name.to_lowercase().contains("openclaw") { name.to_owned() } else { format!("{name} (OpenClaw)") };
    clipped(&whole, 63)
}

/// The host's label: the override, else the first label of its name when that is a DNS label, else `openclaw`.
pub(super) fn host(hostname: &str, overridden: Option<&str>) -> String {
    let candidates = [overridden, hostname.split('.').next()];
    let label = candidates.into_iter().flatten().map(str::trim).find(|label| is_label(label));
    label.map_or_else(|| "openclaw".to_owned(), str::to_ascii_lowercase)
}

/// Whether `text` is one DNS label (RFC 1123).
pub(super) fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=63).contains(&text.len()) && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// At most `bytes` of `text`, cut between characters.
fn clipped(text: &str, bytes: usize) -> String {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text[..end].trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DISC-2
    #[test]
    fn the_names_say_what_it_is_and_fit_dns() {
        assert_eq!(instance("Studio"), "Studio (OpenClaw)");
        assert_eq!(instance("My openclaw box"), "My openclaw box");
        assert_eq!(instance(" "), "Gateway (OpenClaw)");
        assert!(instance(&"ü".repeat(60)).len() <= 63);
        assert_eq!(host("studio.lan", None), "studio");
        assert_eq!(host("under_score", None), "openclaw");
        assert_eq!(host("studio", Some("Den")), "den");
        assert_eq!(host("studio", Some("not a label")), "studio");
    }
}
