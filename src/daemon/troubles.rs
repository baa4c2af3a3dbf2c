//! What is not as it should be while the daemon goes on: one line a part, at the head of the line that `systemctl
//! status` shows, until it is mended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// See the module's first line. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Troubles(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Troubles {
    /// `part` is in trouble: what the operator should read. True where that is news.
    pub(super) fn note(&self, part: &'static str, what: &str) -> bool {
        // A line end would begin another assignment in the notification.
        let line = what.split_whitespace().collect::<Vec<_>>().join(" ");
        let before = self.lock().insert(part, line.clone());
        before != Some(line)
    }

    /// `part` is well again. True where it was not.
    pub(super) fn mended(&self, part: &'static str) -> bool {
        self.lock().remove(part).is_some()
    }

    /// `line`, if any, with what is amiss before it.
    pub(super) fn before(&self, line: &str) -> String {
        let noted = self.lock();
        let own = (!line.is_empty()).then_some(line);
        let all: Vec<&str> = noted.values().map(String::as_str).chain(own).collect();
        all.join("; ")
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
