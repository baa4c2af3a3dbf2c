//! What systemd is told (`sd_notify(3)`) and what it hands over (sockets, the watchdog's interval).
//!
//! Outside systemd every function here does nothing and says so by its result: no `NOTIFY_SOCKET`, no message.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use sd_notify::NotifyState;

/// A listening socket that systemd opened for us.
#[derive(Debug)]
pub enum Handed {
    /// `ListenStream=` with a port.
    Tcp(TcpListener),
    /// `ListenStream=` with a path.
    Unix(UnixListener),
}

/// What the service manager is told.
#[derive(Clone, Copy, Debug)]
pub enum Notice<'a> {
    /// Start or reload is complete.
    Ready,
    /// A reload began. Sent with the monotonic instant in the same datagram, as `Type=notify-reload` demands.
    Reloading,
    /// The line that `systemctl status` shows.
    Status(&'a str),
    /// The stop began.
    Stopping,
    /// The supervised parts made progress.
    Watchdog,
}

/// Tells the service manager; a failure to do so is logged and otherwise without effect.
pub fn notify(notice: Notice<'_>) {
    let sent = match notice {
        Notice::Ready => sd_notify::notify(&[NotifyState::Ready]),
        Notice::Reloading => NotifyState::monotonic_usec_now()
            .and_then(|instant| sd_notify::notify(&[NotifyState::Reloading, instant])),
        Notice::Status(line) => sd_notify::notify(&[NotifyState::Status(line)]),
        Notice::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
        Notice::Watchdog => sd_notify::notify(&[NotifyState::Watchdog]),
    };
    if let Err(error) = sent {
        tracing::warn!(error = ?error.to_string(), "the service manager could not be told");
    }
}

/// The interval within which the watchdog wants to hear of us, when `WatchdogSec=` is set for this process.
#[must_use]
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

/// Sockets handed over by socket activation, in the order of the socket unit.
///
/// # Errors
/// When a handed descriptor is no stream listener.
pub fn handed_sockets() -> std::io::Result<Vec<Handed>> {
    let mut passed = listenfd::ListenFd::from_env();
    let mut sockets = Vec::with_capacity(passed.len());
    for index in 0..passed.len() {
        if let Ok(Some(listener)) = passed.take_tcp_listener(index) {
            sockets.push(Handed::Tcp(listener));
        } else if let Some(listener) = passed.take_unix_listener(index)? {
            sockets.push(Handed::Unix(listener));
        }
    }
    Ok(sockets)
}
