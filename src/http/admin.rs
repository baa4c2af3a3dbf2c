//! Who may see the operator's pages: everyone at the operator's listener; else clients of this machine that come
//! straight, not through a proxy, for then "loopback" would be the whole world (CVE-2023-27591 of another reader).

use axum::http::HeaderMap;

use super::{Door, Role};

/// May this client see `/status` and `/metrics`?
pub(super) fn admits(role: Role, door: Door, headers: &HeaderMap) -> bool {
    let forwarded = ["x-forwarded-for", "forwarded", "x-real-ip", "via"];
    match (role, door) {
        (Role::Admin, _) => true,
        (Role::ReadersOnly, _) | (Role::Readers, Door::Unix) => false,
        (Role::Readers, Door::Tcp(address)) => {
            address.is_loopback() && !forwarded.iter().any(|name| headers.contains_key(*name))
        }
    }
}
