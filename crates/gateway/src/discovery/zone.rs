//! The wide-area zone file (DISC-8): the same record for a name server of the tailnet, rewritten only when it changed.

use std::fmt::Write as _;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use config::MdnsMode;
use jiff::Zoned;
use sha2::{Digest as _, Sha256};
use wire::discovery::{BRIDGE_SERVICE_TYPE, SERVICE_TYPE};

use super::{Record, names};

/// Seconds a resolver may keep an answer.
const TTL: u32 = 60;

/// What came of publishing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Published {
    /// A new file.
    Written(PathBuf),
    /// What is there says the same.
    Unchanged,
    /// There is no tailnet IPv4 address to name.
    NoTailnet,
}

/// Writes `<folder>/<domain>.db` when its content would change.
///
/// # Errors
/// For a domain that is no DNS name, or a file that cannot be read or written.
pub(super) fn publish(folder: &Path, domain: &str, record: &Record, addresses: &[IpAddr]) -> io::Result<Published> {
    let domain = domain.trim().trim_end_matches('.').to_ascii_lowercase();
    // Labels hold no separator, so the file stays inside the folder.
    if domain.is_empty() || !domain.split('.').all(names::is_label) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{domain}` is not a DNS name")));
    }
    if !addresses.iter().any(IpAddr::is_ipv4) {
        return Ok(Published::NoTailnet);
    }
    let body = records(record, addresses);
    let mark = format!("; content {}", hex(&Sha256::digest(body.as_bytes())));
    let file = folder.join(format!("{domain}.db"));
    let before = match std::fs::read_to_string(&file) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if before.as_deref().is_some_and(|text| text.lines().any(|line| line == mark)) {
        return Ok(Published::Unchanged);
    }
    let serial = next_serial(before.as_deref().and_then(serial_of), &Zoned::now());
    let text = format!(
        "{mark}\n$ORIGIN {domain}.\n$TTL {TTL}\n@ IN SOA ns1 hostmaster {serial} 7200 3600 1209600 {TTL}\n@ IN NS ns1\n{body}"
    );
    base::ensure_private_dir(folder)?;
    base::write_atomic(&file, text.as_bytes())?;
    Ok(Published::Written(file))
}

fn records(record: &Record, addresses: &[IpAddr]) -> String {
    let mut body = String::new();
    for name in ["ns1", &record.host] {
        for address in addresses {
            let kind = if address.is_ipv4() { "A" } else { "AAAA" };
            // Writing to a string cannot fail.
            let _infallible = writeln!(body, "{name} IN {kind} {address}");
        }
    }
    let mut services = vec![(SERVICE_TYPE, record.port, record.txt(MdnsMode::Full, false))];
    if let Some(bridge) = &record.bridge {
        services.push((BRIDGE_SERVICE_TYPE, bridge.port, record.bridge_txt(bridge, MdnsMode::Full, false)));
    }
    for (kind, port, pairs) in services {
        let instance = format!("{}.{kind}", escaped_label(&record.instance));
        let txt: Vec<String> = pairs.iter().map(|(key, value)| quoted(&format!("{key}={value}"))).collect();
        let _infallible = write!(
            body,
            "{kind} IN PTR {instance}\n{instance} IN SRV 0 0 {port} {}\n{instance} IN TXT {}\n",
            record.host,
            txt.join(" ")
        );
    }
    body
}

/// A label of any text in a master file (RFC 1035, 5.1): what is special is escaped, what is no ASCII by its bytes.
fn escaped_label(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' => char::from(byte).to_string(),
        other => format!("\\{other:03}"),
    };
    text.bytes().map(escape).collect()
}

/// A character string of a TXT record.
fn quoted(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        0x20..=0x7e => char::from(byte).to_string(),
        other => format!("\\{other:03}"),
    };
    format!("\"{}\"", text.bytes().take(255).map(escape).collect::<String>())
}

fn serial_of(text: &str) -> Option<u32> {
    let line = text.lines().find(|line| line.contains(" SOA "))?;
    line.split_whitespace().nth(5)?.parse().ok()
}

/// `YYYYMMDDnn`, and always ahead of `before` in serial arithmetic (RFC 1982).
fn next_serial(before: Option<u32>, now: &Zoned) -> u32 {
    let digits = |number: i16, width: u32| u32::try_from(number).unwrap_or(0) * 10u32.pow(width);
    let today = digits(now.year(), 6) + digits(now.month().into(), 4) + digits(now.day().into(), 2);
    match before {
        Some(before) if before.wrapping_sub(today) < 1 << 31 => before.wrapping_add(1),
        _ => today,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tailnet() -> Vec<IpAddr> {
        vec!["100.64.1.2".parse().unwrap(), "fd7a:115c:a1e0::1".parse().unwrap()]
    }

    /// DISC-8
    #[test]
    fn the_zone_is_written_once_and_again_only_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let dns = folder.path().join("dns");
        let record = Record::example();
        let file = dns.join("claw.example.db");
        assert_eq!(publish(&dns, "Claw.Example.", &record, &tailnet()).unwrap(), Published::Written(file.clone()));
        let first = std::fs::read_to_string(&file).unwrap();
        assert_eq!(publish(&dns, "claw.example", &record, &tailnet()).unwrap(), Published::Unchanged);
        for line in [
            "$ORIGIN claw.example.",
            "ns1 IN A 100.64.1.2",
            "studio IN AAAA fd7a:115c:a1e0::1",
            "_openclaw-gw._tcp IN PTR Studio\\032\\040OpenClaw\\041._openclaw-gw._tcp",
            "Studio\\032\\040OpenClaw\\041._openclaw-gw._tcp IN SRV 0 0 18789 studio",
        ] {
            assert!(first.lines().any(|have| have == line), "{line} is not in\n{first}");
        }
        assert!(!first.contains("lanHost"), "that name means nothing here");
        let moved = Record { port: 4000, ..record };
        assert_eq!(publish(&dns, "claw.example", &moved, &tailnet()).unwrap(), Published::Written(file.clone()));
        let second = std::fs::read_to_string(&file).unwrap();
        assert_eq!(serial_of(&second).unwrap(), serial_of(&first).unwrap() + 1);
    }

    /// DISC-8
    #[test]
    fn without_a_tailnet_or_a_name_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let record = Record::example();
        let none = publish(folder.path(), "claw.example", &record, &["fd7a:115c:a1e0::1".parse().unwrap()]);
        assert_eq!(none.unwrap(), Published::NoTailnet);
        for bad in ["", "../../etc/passwd", "a b.example", "-x.example", "a/b"] {
            assert!(publish(folder.path(), bad, &record, &tailnet()).is_err(), "{bad}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    /// DISC-8, RFC 1982
    #[test]
    fn serials_follow_the_day_and_never_go_back() {
        let now: Zoned = "2026-11-21T10:00:00[UTC]".parse().unwrap();
        assert_eq!(next_serial(None, &now), 2_026_112_100);
        assert_eq!(next_serial(Some(2_026_112_000), &now), 2_026_112_100);
        assert_eq!(next_serial(Some(2_026_112_107), &now), 2_026_112_108);
        assert_eq!(next_serial(Some(2_026_112_199), &now), 2_026_112_200, "a hundred changes a day go on counting");
    }
}
