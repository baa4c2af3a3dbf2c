//! What had to be repaired, counted by kind: so that an operator can tell a publisher.

use crate::model::Repair;

/// Counts repairs by their stable names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repairs(Vec<(&'static str, u32)>);

impl Repairs {
    /// One more of `kind`.
    pub(crate) fn note(&mut self, kind: &'static str) {
        match self.0.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.0.push((kind, 1)),
        }
    }

    /// Adds what another count has found.
    pub(crate) fn merge(&mut self, other: Self) {
        for (kind, count) in other.0 {
            match self.0.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, own)) => *own = own.saturating_add(count),
                None => self.0.push((kind, count)),
            }
        }
    }

    /// As values, by name.
    pub(crate) fn into_values(mut self) -> Vec<Repair> {
        self.0.sort_unstable();
        self.0
            .into_iter()
            .map(|(kind, count)| Repair {
                kind: kind.to_owned(),
                count,
            })
            .collect()
    }
}
