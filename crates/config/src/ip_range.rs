//! An address or a network, as `trustedProxies` and the pairing lists name them.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// An IP address or a CIDR network. IPv4-mapped IPv6 forms equal their IPv4 form (CFG-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpRange {
    base: IpAddr,
    prefix: u8,
}

impl IpRange {
    /// Whether `address` is in the range.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                same_prefix(u128::from(base.to_bits()) << 96, u128::from(address.to_bits()) << 96, self.prefix)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => same_prefix(base.to_bits(), address.to_bits(), self.prefix),
            _ => false,
        }
    }
}

fn same_prefix(a: u128, b: u128, prefix: u8) -> bool {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
    a & mask == b & mask
}

/// A text that is neither an address nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an IP address or a CIDR network such as `10.0.0.0/8`")]
pub struct BadIpRange;

impl FromStr for IpRange {
    type Err = BadIpRange;

    fn from_str(text: &str) -> Result<Self, BadIpRange> {
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| BadIpRange)?)),
            None => (text.trim(), None),
        };
        let address: IpAddr = address.parse().map_err(|_| BadIpRange)?;
        let mapped = matches!(address, IpAddr::V6(v6) if is_mapped(v6));
        let base = address.to_canonical();
        let full: u8 = if base.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => full,
            Some(prefix) if mapped => prefix.checked_sub(96).ok_or(BadIpRange)?,
            Some(prefix) => prefix,
        };
        if prefix > full {
            return Err(BadIpRange);
        }
        Ok(Self { base, prefix })
    }
}

fn is_mapped(address: Ipv6Addr) -> bool {
    address.to_ipv4_mapped().is_some()
}

impl std::fmt::Display for IpRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let full = if self.base.is_ipv4() { 32 } else { 128 };
        if self.prefix == full { write!(f, "{}", self.base) } else { write!(f, "{}/{}", self.base, self.prefix) }
    }
}

impl<'de> Deserialize<'de> for IpRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CFG-3
    #[test]
    fn ranges_hold_their_addresses_and_no_others() {
        let holds = |range: &str, address: &str| range.parse::<IpRange>().unwrap().contains(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.200.3.4"));
        assert!(!holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("192.168.1.7", "192.168.1.7"));
        assert!(!holds("192.168.1.7", "192.168.1.8"));
        assert!(holds("0.0.0.0/0", "8.8.8.8"));
        assert!(holds("fd7a:115c:a1e0::/48", "fd7a:115c:a1e0::1"));
        assert!(!holds("0.0.0.0/0", "::1"));
    }

    /// CFG-3
    #[test]
    fn mapped_forms_equal_their_ipv4_form() {
        let range: IpRange = "::ffff:10.0.0.0/104".parse().unwrap();
        assert_eq!(range, "10.0.0.0/8".parse().unwrap());
        assert!(range.contains("::ffff:10.1.1.1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for bad in ["", "10.0.0.0/33", "localhost", "10.0.0", "::1/129", "10.0.0.0/x"] {
            assert!(bad.parse::<IpRange>().is_err(), "{bad}");
        }
    }
}
