//! Single values from their text: durations, sizes, mail addresses, zones, addresses to listen on. Pure; an error is
//! the help to show, as the caller knows key and place.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::{Listen, Mailbox, Zone};

/// What to write for a duration.
pub(super) const DURATION_HELP: &str = "a number and a unit: 30s, 5m, 1h, 1d, 2w, 3y";

/// `30s`, `5m`, `1h30m`; a day has 24 hours, a year 365 days.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = match rest.as_bytes()[digits] {
            b's' => 1,
            b'm' => 60,
            b'h' => 3_600,
            b'd' => 86_400,
            b'w' => 7 * 86_400,
            b'y' => 365 * 86_400,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[digits + 1..];
    }
    // A century is longer than anything here means, and keeps sums with instants in bounds.
    (!text.is_empty() && seconds <= 100 * 365 * 86_400).then(|| Duration::from_secs(seconds))
}

/// `500B`, `64KiB`, `10MiB`, `1GiB`.
pub(super) fn size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match &text[digits..] {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// `Name <local@domain>` or `local@domain`; the domain in lower case.
pub(super) fn mailbox(text: &str) -> Option<Mailbox> {
    let text = text.trim();
    let (name, address) = match text.strip_suffix('>') {
        Some(inner) => inner.rsplit_once('<')?,
        None => ("", text),
    };
    let name = name.trim();
    let name = name
        .strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'))
        .unwrap_or(name);
    if name.chars().any(char::is_control) {
        return None;
    }
    let name = (!name.is_empty()).then(|| name.to_owned());
    Some(Mailbox {
        name,
        address: mail_address(address)?,
    })
}

/// A bare address; the strict form that every server takes, without quotes, comments and address literals.
#[must_use]
pub fn mail_address(text: &str) -> Option<String> {
    let (local, domain) = text.trim().rsplit_once('@')?;
    let local_fits = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let sound = !local.is_empty()
        && local.len() <= 64
        && local.chars().all(local_fits)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..");
    let domain = domain.to_lowercase();
    (sound && is_domain(&domain)).then(|| format!("{local}@{domain}"))
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// A zone by its IANA name; the error is the nearest name there is.
pub(super) fn zone(name: &str) -> Result<Zone, Option<String>> {
    if let Ok(zone) = TimeZone::get(name) {
        return Ok(Zone {
            name: zone.iana_name().unwrap_or(name).to_owned(),
            zone,
        });
    }
    let names: Vec<String> = jiff::tz::db()
        .available()
        .map(|name| name.as_str().to_owned())
        .collect();
    Err(super::schema::near(name, names.iter().map(String::as_str)).map(str::to_owned))
}

/// `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, `unix:/run/feedmill/http.sock`.
pub(super) fn listen(text: &str, base: &Path) -> Option<Listen> {
    if let Some(path) = text.strip_prefix("unix:") {
        return (!path.is_empty()).then(|| Listen::Unix(base.join(path)));
    }
    let numeric = text
        .strip_prefix("localhost:")
        .map(|port| format!("127.0.0.1:{port}"));
    numeric
        .as_deref()
        .unwrap_or(text)
        .parse::<SocketAddr>()
        .ok()
        .map(Listen::Tcp)
}
