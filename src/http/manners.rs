//! How often one client may take a whole feed without asking whether it has changed (R7.10): once a minute, and a few
//! times at once, as people do when they try things. Who asks conditionally is never counted, nor is this machine: a
//! proxy in front of us comes from here, and is everyone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use hashlink::LruCache;
use jiff::Timestamp;

use super::Door;

/// One in this time, on the whole.
const EACH_S: i64 = 60;
/// So many at once.
const AT_ONCE: i64 = 10;
/// Of sign-ups, one in this time on the whole, and so many at once, from one network.
const SIGN_UP_EACH_S: i64 = 600;
const SIGN_UPS_AT_ONCE: i64 = 5;
/// Clients and documents remembered; who was forgotten begins anew.
const MOST: usize = 16_384;

/// Whether clients on this machine are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Near {
    Spared,
    Counted,
}

/// See the module's first lines.
pub struct Manners {
    near: Near,
    /// For a client and a document, the second at which all that it took would have been due.
    due: Mutex<LruCache<(IpAddr, [u8; 8]), i64>>,
}

impl Default for Manners {
    fn default() -> Self {
        Self::new(Near::Spared)
    }
}

impl Manners {
    fn new(near: Near) -> Self {
        Self {
            near,
            due: Mutex::new(LruCache::new(MOST)),
        }
    }

    /// Counts clients on this machine too: nobody stands before us.
    #[must_use]
    pub fn for_everyone() -> Self {
        Self::new(Near::Counted)
    }

    /// Counts one whole answer at `path`; the seconds to wait when it is one too many.
    pub fn exceeded(&self, door: Door, path: &str, now: Timestamp) -> Option<i64> {
        let client = client(self.counted(door)?);
        self.count((client, path), (EACH_S, AT_ONCE), now)
    }

    /// Counts one sign-up against the network that it comes from, in which an address is cheap; the seconds to wait when
    /// it is one too many.
    pub fn signs_up_too_often(&self, door: Door, now: Timestamp) -> Option<i64> {
        let network = match client(self.counted(door)?) {
            IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from(u32::from(address) & !0xFF)),
            network => network,
        };
        let pace = (SIGN_UP_EACH_S, SIGN_UPS_AT_ONCE);
        self.count((network, "sign-up"), pace, now)
    }

    /// The client at `door`, if it is one that is counted.
    fn counted(&self, door: Door) -> Option<IpAddr> {
        let Door::Tcp(address) = door else {
            return None;
        };
        (self.near == Near::Counted || !address.is_loopback()).then_some(address)
    }

    fn count(
        &self,
        (client, what): (IpAddr, &str),
        (each_s, at_once): (i64, i64),
        now: Timestamp,
    ) -> Option<i64> {
        let mut name = [0; 8];
        name.copy_from_slice(&blake3::hash(what.as_bytes()).as_bytes()[..8]);
        let (key, now) = ((client, name), now.as_second());
        let mut all = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not lock anyone out.
        let latest = now + each_s * at_once;
        let due = all.get(&key).map_or(now, |due| (*due).clamp(now, latest));
        let wait = due - now - each_s * (at_once - 1);
        if wait > 0 {
            return Some(wait);
        }
        all.insert(key, due + each_s);
        None
    }
}

/// A household: an address, or the network that one gets with version 6.
fn client(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => {
            let prefix = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
        address => address,
    }
}
