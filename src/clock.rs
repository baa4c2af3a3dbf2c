//! The only reader of wall time. Everything that decides by time takes an instant or this clock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// A source of the current instant: the machine's, or one that a test moves by hand.
#[derive(Clone, Debug)]
pub struct Clock(Hands);

#[derive(Clone, Debug)]
enum Hands {
    System,
    Manual(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// The machine's wall clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Hands::System)
    }

    /// A clock that stands at `start` until [`Clock::advance`] or [`Clock::set`] moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Hands::Manual(Arc::new(Mutex::new(start))))
    }

    /// The current instant, cut to whole milliseconds, the resolution that the store keeps.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one reader of wall time")]
    pub fn now(&self) -> Timestamp {
        let now = match &self.0 {
            Hands::System => Timestamp::now(),
            Hands::Manual(hands) => *hands.lock().unwrap_or_else(PoisonError::into_inner),
        };
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// Time since some fixed instant by a clock that nobody sets. It goes on while the machine is suspended, where the
    /// system has such a clock: sleep is time that passed, not a jump of the wall clock.
    #[must_use]
    pub fn steady() -> Duration {
        #[cfg(target_os = "linux")]
        let id = rustix::time::ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        let id = rustix::time::ClockId::Monotonic;
        Duration::try_from(rustix::time::clock_gettime(id)).unwrap_or_default()
    }

    /// Moves a manual clock forward by `step`; the system clock is left alone.
    pub fn advance(&self, step: Duration) {
        self.set(self.now() + step);
    }

    /// Sets a manual clock, forward or back; the system clock is left alone.
    pub fn set(&self, instant: Timestamp) {
        if let Hands::Manual(hands) = &self.0 {
            *hands.lock().unwrap_or_else(PoisonError::into_inner) = instant;
        }
    }
}
