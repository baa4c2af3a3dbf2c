//! Which corrections each subscriber is told: of stories that a mail of theirs carried, and that were edited after the
//! last mail they got. So each edit is told once, and an edit made before the first mail is none.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::super::Mailer;
use super::{MailError, light};
use crate::config::DigestConfig;
use crate::digest::{Change, Correction, Run};
use crate::model::{Amended, Mailed, StorySeq, SubscriberId};
use crate::story::{DiffKind, Matcher};

/// How long after an edition its stories are watched for edits.
const WATCHED: Duration = Duration::from_secs(35 * 86_400);

/// A correction by its parts: the story among the amended ones, and the state to compare with.
pub(super) type Told = (usize, usize);

/// What was amended, and who was mailed what.
#[derive(Default)]
pub(super) struct Corrections {
    amended: Vec<Amended>,
    mailed: BTreeMap<SubscriberId, Vec<Mailed>>,
}

impl Mailer {
    /// What there is to correct in `digest` at `now`; nothing where the operator does not want it.
    pub(super) async fn corrections(
        &self,
        digest: &DigestConfig,
        now: Timestamp,
    ) -> Result<Corrections, MailError> {
        let since = now.checked_sub(WATCHED).unwrap_or(Timestamp::MIN);
        let mut corrections = Corrections::default();
        if !digest.corrections {
            return Ok(corrections);
        }
        corrections.amended = self.store.amended_stories(&digest.name, since).await?;
        if corrections.amended.is_empty() {
            return Ok(corrections);
        }
        let publish = self.publish(digest)?;
        corrections
            .amended
            .retain(|amended| self.kept(&publish.filters, &amended.story));
        for mailed in self.store.mailed(&digest.name, since).await? {
            let theirs = corrections.mailed.entry(mailed.subscriber).or_default();
            theirs.push(mailed);
        }
        Ok(corrections)
    }
}

impl Corrections {
    /// What `subscriber` is told whose new stories begin after `after`: those are in the edition as they are now.
    pub(super) fn of(&self, subscriber: SubscriberId, after: StorySeq) -> Vec<Told> {
        let mails = self.mailed.get(&subscriber).map_or(&[][..], Vec::as_slice);
        let Some(last_at) = mails.iter().map(|mail| mail.frozen_at).max() else {
            return Vec::new();
        };
        // By the window of the mail, which may be longer than its edition's.
        let got = |amended: &Amended| {
            let seq = amended.story.seq;
            mails
                .iter()
                .any(|mail| mail.after < seq && seq <= mail.until)
        };
        let known = self.amended.iter().enumerate();
        known
            .filter(|(_, amended)| amended.story.seq <= after && got(amended))
            .filter_map(|(at, amended)| {
                let mut states = amended.former.iter();
                let seen = states.position(|state| state.replaced_at > last_at)?;
                amended.differs_from(seen).then_some((at, seen))
            })
            .collect()
    }

    /// The corrections themselves, for those that somebody is told.
    pub(super) fn written(&self, told: &BTreeSet<Told>) -> BTreeMap<Told, Correction> {
        let one = |told: &Told| {
            let amended = self.amended.get(told.0)?;
            let before = amended.former.get(told.1)?;
            let entry = &amended.story.lead.entry;
            let correction = Correction {
                title: runs(&before.title, &entry.title),
                text: runs(&before.text, &entry.text),
                story: light(amended.story.clone()),
            };
            Some((*told, correction))
        };
        told.iter().filter_map(one).collect()
    }
}

fn runs(before: &str, now: &str) -> Vec<Run> {
    let diff = Matcher::default().word_diff(before, now);
    let run = |(kind, words)| Run {
        change: match kind {
            DiffKind::Same => Change::Same,
            DiffKind::Removed => Change::Removed,
            DiffKind::Added => Change::Added,
            DiffKind::Gap => Change::Gap,
        },
        words,
    };
    diff.into_iter().map(run).collect()
}
