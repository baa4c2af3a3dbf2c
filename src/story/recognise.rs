//! Identity inside one feed: whether an entry under a new key is a known one. Takes the entry and stored entries of its
//! feed; gives the known one with the reason. Refuses an entry that the document still carries under its own key.

use crate::model::{Candidate, IncomingEntry, ParsedEntry, Recognition};

use super::evidence::{Evidence, Headline};
use super::link;

/// Kinds of proof, the best last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Proof {
    Text,
    TitleAndDate,
    MovedLink,
    CanonicalLink,
    PublisherId,
}

impl Proof {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::TitleAndDate => "title-and-date",
            Self::MovedLink => "moved-link",
            Self::CanonicalLink => "canonical-link",
            Self::PublisherId => "publisher-id",
        }
    }
}

/// The known entry that `incoming` is, if any: best proof, then most shared text, then the oldest row.
pub(super) fn recognise(incoming: &IncomingEntry, candidates: &[Candidate]) -> Option<Recognition> {
    let headline = Headline::of(&incoming.entry.title);
    candidates
        .iter()
        .filter(|candidate| !candidate.present)
        .filter_map(|candidate| {
            let evidence = Evidence::of(incoming, &headline, candidate);
            let shared = evidence.text.map_or(0.0, |text| text.shared);
            proof(incoming, candidate, &evidence).map(|proof| (proof, shared, candidate.entry))
        })
        .max_by(|left, right| {
            left.0
                .cmp(&right.0)
                .then(left.1.total_cmp(&right.1))
                .then(right.2.cmp(&left.2))
        })
        .map(|(proof, _, entry)| Recognition {
            entry,
            reason: proof.name().to_owned(),
        })
}

fn proof(incoming: &IncomingEntry, known: &Candidate, evidence: &Evidence) -> Option<Proof> {
    let keys = &incoming.keys;
    let alike = evidence.title_equal || evidence.same_text() || evidence.title_shared >= 0.6;
    let same_id = keys.global_id.is_some() && keys.global_id == known.keys.global_id;
    if same_id && alike {
        return Some(Proof::PublisherId);
    }
    let same_link =
        keys.canonical_link.is_some() && keys.canonical_link == known.keys.canonical_link;
    if same_link && same_page(incoming, evidence, alike) {
        return Some(Proof::CanonicalLink);
    }
    if evidence.title_equal
        && evidence.text.is_none_or(|text| text.contained >= 0.5)
        && tails_equal(incoming, known)
    {
        return Some(Proof::MovedLink);
    }
    // To the minute: feeds that are generated anew lose the seconds or the zone, not the minute.
    let same_minute = incoming.entry.published_at.is_some()
        && known.published_at.is_some()
        && evidence.apart_s.is_some_and(|apart_s| apart_s < 60);
    if evidence.title_equal && keys.title_key.is_some() && same_minute {
        return Some(Proof::TitleAndDate);
    }
    let copied = evidence
        .text
        .is_some_and(|text| text.shared >= 0.9 && text.numbers.replaced() == 0);
    (copied && evidence.title_equal && evidence.words >= 30 && evidence.near())
        .then_some(Proof::Text)
}

/// A shared link proves one entry only where it is an article's page; a feed that links every entry to `/changelog`
/// must also agree in what the entry says, and in when.
fn same_page(incoming: &IncomingEntry, evidence: &Evidence, alike: bool) -> bool {
    let article = incoming
        .keys
        .canonical_link
        .as_deref()
        .is_some_and(link::names_article);
    if article {
        alike
    } else {
        (evidence.title_equal || evidence.same_text()) && evidence.near()
    }
}

/// The last part of both links is the same name: the site moved, the page did not.
fn tails_equal(incoming: &IncomingEntry, known: &Candidate) -> bool {
    let tail = |form: &Option<String>| -> Option<String> {
        let form = form.as_deref()?;
        let path = form.split_once('?').map_or(form, |(path, _)| path);
        let tail = path.split_once('/')?.1.rsplit('/').next()?;
        // `post.html`, `/2024/post/` and `/post` are one name under three permalink schemes.
        let stem = tail.split_once('.').map_or(tail, |(stem, _)| stem);
        (stem.len() >= 4).then(|| stem.to_lowercase())
    };
    let left = tail(&incoming.keys.canonical_link);
    left.is_some() && left == tail(&known.keys.canonical_link)
}

/// Whether `new`, which came under the key of `old`, is clearly another entry: the publisher uses the key again.
pub(super) fn reuses_key(
    old: (&ParsedEntry, &crate::model::MatchKeys),
    new: (&ParsedEntry, &crate::model::MatchKeys),
) -> bool {
    let evidence = Evidence::between((&old.0.title, old.1), (&new.0.title, new.1));
    let other_link = match (&old.1.canonical_link, &new.1.canonical_link) {
        (Some(old), Some(new)) => old != new,
        // Entries without a page of their own have nothing but words to tell them apart.
        (None, None) => !old.0.title.is_empty() && !new.0.title.is_empty(),
        _ => false,
    };
    let newer = match (old.0.published_at, new.0.published_at) {
        (Some(old), Some(new)) => new > old,
        _ => false,
    };
    let unlike_text = evidence.text.is_some_and(|text| text.contained < 0.15)
        || (old.0.text.is_empty() && new.0.text.is_empty());
    other_link && newer && unlike_text && evidence.unlike()
}
