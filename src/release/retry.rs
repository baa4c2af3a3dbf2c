//! When what failed is tried again: soon, and then more and more rarely; and what the operator was told of it, so that one
//! trouble is one line in the log and its end another.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::ReleaseError;
use crate::telemetry::chain;

/// The first wait after a failure, doubled after each further one.
const FIRST: Duration = Duration::from_secs(2);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(600);

/// The wait after this many failures in a row.
fn wait(failures: u32) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1));
    doubled
        .map_or(LONGEST, |times| FIRST.saturating_mul(times))
        .min(LONGEST)
}

/// A trouble that lasts.
struct Trouble {
    failures: u32,
    failed_at: Timestamp,
    /// What the operator was told.
    told: String,
}

impl Trouble {
    /// How long it is left alone. A clock that was set back ends the wait.
    fn rest(&self, now: Timestamp) -> Option<Duration> {
        let since = Duration::try_from(now.duration_since(self.failed_at)).ok()?;
        wait(self.failures)
            .checked_sub(since)
            .filter(|rest| !rest.is_zero())
    }
}

/// Troubles of the rendering as a whole, which have no path, and of single folders and buckets.
#[derive(Default)]
pub(super) struct Troubles(HashMap<PathBuf, Trouble>);

impl Troubles {
    /// Is `root` left alone for now?
    pub(super) fn rests(&self, root: &Path, now: Timestamp) -> bool {
        self.0
            .get(root)
            .is_some_and(|trouble| trouble.rest(now).is_some())
    }

    /// How long it is until something is tried again; none when nothing is in trouble.
    pub(super) fn next(&self, now: Timestamp) -> Option<Duration> {
        let rests = self
            .0
            .values()
            .map(|trouble| trouble.rest(now).unwrap_or_default());
        rests.min()
    }

    /// `root` failed; the operator is told when it is another trouble than the last one there.
    pub(super) fn failed(&mut self, root: &Path, error: &ReleaseError, now: Timestamp) {
        let text = chain(error);
        let last = self.0.remove(root);
        if last.as_ref().is_none_or(|last| last.told != text) {
            tracing::error!(
                error = text,
                "publishing failed; it is tried again soon, then more and more rarely"
            );
        }
        let trouble = Trouble {
            failures: last.map_or(0, |last| last.failures) + 1,
            failed_at: now,
            told: text,
        };
        self.0.insert(root.to_owned(), trouble);
    }

    /// `root` is well.
    pub(super) fn over(&mut self, root: &Path) {
        if let Some(trouble) = self.0.remove(root) {
            tracing::info!(failures = trouble.failures, notice = ?trouble.told, "publishing works again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_ten_minutes() {
        let seconds: Vec<u64> = (1..=11).map(|failures| wait(failures).as_secs()).collect();
        assert_eq!(seconds, [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        assert_eq!(wait(u32::MAX), LONGEST);
    }
}
