//! Feeds that reach people only in a digest, and when that digest comes (R4.4): they are polled shortly before it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::{Config, FeedConfig, PublishConfig};
use crate::schedule::cron::CronSchedule;

/// The schedules of all digests, in the config's order.
#[derive(Debug)]
pub(super) struct DigestTimes(Vec<(CronSchedule, TimeZone)>);

impl DigestTimes {
    /// Compiled again; a schedule that does not compile was refused when the config was checked.
    pub(super) fn of(config: &Config) -> Self {
        let compiled = config.digests.values().filter_map(|digest| {
            Some((
                CronSchedule::compile(&digest.cron.value).ok()?,
                digest.timezone.zone.clone(),
            ))
        });
        Self(compiled.collect())
    }

    /// Indices of the digests that `feed` goes to, when no page, document or hub shows it to anyone.
    pub(super) fn only_readers(&self, config: &Config, feed: &FeedConfig) -> Vec<usize> {
        let draws = |publish: &PublishConfig| publish.draws(&feed.key, &feed.groups);
        let shown = |publish: &PublishConfig| !publish.formats.is_empty();
        if self.0.len() != config.digests.len()
            || config
                .publish
                .values()
                .any(|publish| draws(publish) && shown(publish))
        {
            return Vec::new();
        }
        let readers = config.digests.values().enumerate();
        let mine =
            readers.filter(|(_, digest)| config.publish.get(&digest.publish).is_some_and(draws));
        mine.map(|(index, _)| index).collect()
    }

    /// The next instant of any of `digests` after `now`.
    pub(super) fn next(&self, digests: &[usize], now: Timestamp) -> Option<Timestamp> {
        let schedules = digests.iter().filter_map(|index| self.0.get(*index));
        schedules
            .filter_map(|(schedule, zone)| schedule.next_after(now, zone))
            .min()
    }
}
