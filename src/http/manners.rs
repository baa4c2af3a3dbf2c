//! How often one client may take a whole feed without asking whether it has changed (R7.10): once a minute, and a few
//! times at once, as people do when they try things. Who asks conditionally is never counted, nor is this machine: a
//! proxy in front of us comes from here, and is everyone.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use hashlink::LruCache;
use jiff::Timestamp;

use super::Door;

/// One in this time, on the whole.
const EACH_S: i64 = 60;
/// So many at once.
const AT_ONCE: i64 = 10;
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
        let Door::Tcp(address) = door else {
            return None;
        };
        if self.near == Near::Spared && address.is_loopback() {
            return None;
        }
        let mut name = [0; 8];
        name.copy_from_slice(&blake3::hash(path.as_bytes()).as_bytes()[..8]);
        let (key, now) = ((client(address), name), now.as_second());
        let mut all = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not lock anyone out.
        let latest = now + EACH_S * AT_ONCE;
        let due = all.get(&key).map_or(now, |due| (*due).clamp(now, latest));
        let wait = due - now - EACH_S * (AT_ONCE - 1);
        if wait > 0 {
            return Some(wait);
        }
        all.insert(key, due + EACH_S);
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
