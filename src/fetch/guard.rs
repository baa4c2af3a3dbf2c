//! The address guard: takes a URL or an address, says whether we may connect. Refuses everything inside the network
//! unless the operator approved it; never looks a name up itself (that is `resolve`, which asks this guard).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use url::{Host, Url};

/// Why a URL may not be asked. Shown to the operator; holds host and port, never path or query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not http or https.
    #[error("scheme {0:?} is not spoken here; use http or https")]
    Scheme(String),
    /// A URL without a host.
    #[error("the address names no host")]
    NoHost,
    /// A port of another protocol (the browsers' list).
    #[error("port {0} belongs to another protocol and is never asked")]
    Port(u16),
    /// A name that means this machine or the local network.
    #[error("{0} is a name inside the network; approve it with allow_networks if you mean it")]
    Name(String),
    /// An address that is not public.
    #[error("{0} is an address inside the network; approve it with allow_networks if you mean it")]
    Address(IpAddr),
}

/// Endings of names that never leave a local network (RFC 6761, RFC 6762, RFC 8375, ICANN's `.internal`).
const LOCAL_ENDINGS: [&str; 8] = [
    "localhost",
    "local",
    "internal",
    "home.arpa",
    "localdomain",
    "lan",
    "intranet",
    "corp",
];

/// The browsers' list (WHATWG Fetch, "port blocking"): a GET there may be read as a command by another protocol.
const BAD_PORTS: [u16; 81] = [
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102,
    103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465,
    512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993,
    995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668,
    6669, 6697, 10080,
];

/// One policy: public addresses, and what the operator approved beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Guard {
    allow: Vec<IpNet>,
}

impl Guard {
    /// Public addresses and `allow`.
    #[must_use]
    pub fn new(allow: impl IntoIterator<Item = IpNet>) -> Self {
        let mut allow: Vec<IpNet> = allow.into_iter().collect();
        allow.sort_unstable();
        allow.dedup();
        Self { allow }
    }

    /// Checks all that can be known of `url` before a look-up: scheme, port, literal address, name.
    pub fn check_url(&self, url: &Url) -> Result<(), Refusal> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::Scheme(url.scheme().to_owned()));
        }
        if let Some(port) = url.port().filter(|port| BAD_PORTS.contains(port)) {
            return Err(Refusal::Port(port));
        }
        match url.host().ok_or(Refusal::NoHost)? {
            Host::Ipv4(ip) => self.check_address(ip.into()),
            Host::Ipv6(ip) => self.check_address(ip.into()),
            Host::Domain(name) => self.check_name(name),
        }
    }

    /// Checks an address that a look-up gave or a socket is connected to.
    pub fn check_address(&self, ip: IpAddr) -> Result<(), Refusal> {
        if is_public(ip) || self.approves(ip) {
            Ok(())
        } else {
            Err(Refusal::Address(ip))
        }
    }

    /// True for a URL whose literal address (or `localhost`) the operator approved: a server of their own.
    #[must_use]
    pub fn is_own(&self, url: &Url) -> bool {
        match url.host() {
            Some(Host::Ipv4(ip)) => self.approves(ip.into()),
            Some(Host::Ipv6(ip)) => self.approves(ip.into()),
            Some(Host::Domain(name)) => is_loopback_name(name) && self.approves_loopback(),
            None => false,
        }
    }

    fn check_name(&self, name: &str) -> Result<(), Refusal> {
        let bare = name.strip_suffix('.').unwrap_or(name);
        let permitted = if is_loopback_name(bare) {
            self.approves_loopback()
        } else {
            // What the name means is decided by its addresses, each of which must be approved.
            !is_local_name(bare) || !self.allow.is_empty()
        };
        if permitted {
            Ok(())
        } else {
            Err(Refusal::Name(bare.to_owned()))
        }
    }

    fn approves(&self, ip: IpAddr) -> bool {
        let bare = unwrapped(ip);
        self.allow
            .iter()
            .any(|net| net.contains(&bare) || net.contains(&ip))
    }

    fn approves_loopback(&self) -> bool {
        self.approves(Ipv4Addr::LOCALHOST.into()) || self.approves(Ipv6Addr::LOCALHOST.into())
    }
}

fn is_loopback_name(name: &str) -> bool {
    let bare = name.strip_suffix('.').unwrap_or(name);
    bare == "localhost" || bare.ends_with(".localhost")
}

fn is_local_name(name: &str) -> bool {
    !name.contains('.')
        || LOCAL_ENDINGS.iter().any(|ending| {
            name.strip_suffix(ending)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}

/// True when `ip` is an address of the public internet, whatever form it is written in.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match unwrapped(ip) {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// The IPv4 address inside a mapped (RFC 4291) or NAT64 (RFC 6052) one, else the address itself.
fn unwrapped(ip: IpAddr) -> IpAddr {
    if let IpAddr::V6(v6) = ip {
        let s = v6.segments();
        if s[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
            let [.., a, b, c, d] = v6.octets();
            return Ipv4Addr::new(a, b, c, d).into();
        }
    }
    ip.to_canonical()
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

/// Only 2000::/3 is handed out, and these parts of it lead elsewhere: 2001::/23 (Teredo and kin), 2001:db8::/32,
/// 2002::/16 (6to4, which holds any IPv4 address), 3fff::/20.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    let handed_out = a & 0xe000 == 0x2000;
    let elsewhere =
        (a == 0x2001 && (b < 0x200 || b == 0xdb8)) || a == 0x2002 || (a == 0x3fff && b < 0x1000);
    handed_out && !elsewhere
}
