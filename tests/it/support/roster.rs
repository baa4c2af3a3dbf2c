//! A config's subscribers without the config.

use feedmill::model::{Roster, SubscriberSpec};

/// One digest whose schedule follows UTC, and those whom the config names for it.
pub(crate) fn roster(digest: &str, named: &[&str]) -> Roster {
    Roster {
        digests: vec![(digest.to_owned(), "UTC".to_owned())],
        subscribers: named
            .iter()
            .map(|address| SubscriberSpec {
                digest: digest.to_owned(),
                address: (*address).to_owned(),
                name: None,
                zone: "UTC".to_owned(),
            })
            .collect(),
    }
}
