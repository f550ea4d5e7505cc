//! Addresses and the ranges that they lie in, read as Windows and as rules spell them.

use std::net::IpAddr;

/// A range of addresses; a single address has the full prefix length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Reads `10.0.0.0/8`, `::1`, `fe80::/10`. `None` when it is neither address nor network.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address = parse_address(address)?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Some(bits), |prefix| prefix.parse::<u8>().ok())?;
        (prefix <= bits).then_some(Self { address, prefix })
    }

    /// Whether the address lies inside.
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.prefix);
                shift == 32 || u32::from(own) >> shift == u32::from(other) >> shift
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.prefix);
                shift == 128 || u128::from(own) >> shift == u128::from(other) >> shift
            }
            _ => false,
        }
    }
}

/// Reads an address as Windows spells it (uncompressed, perhaps with a zone); IPv4-mapped IPv6 reads as IPv4.
pub fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.split('%').next().unwrap_or(text).trim();
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let rows = [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("::1", "0:0:0:0:0:0:0:1", true),
            ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("fe80::/10", "fe80:0:0:0:3b31:a8fa:5adc:7b9e%4", true),
            ("0.0.0.0/0", "::1", false),
        ];
        for (network, address, expected) in rows {
            let found = Network::parse(network).unwrap().contains(parse_address(address).unwrap());
            assert_eq!(found, expected, "{network} {address}");
        }
        for broken in ["10.0.0.0/33", "10.0.0", "", "/8", "::/129"] {
            assert_eq!(Network::parse(broken), None, "{broken}");
        }
    }
}
