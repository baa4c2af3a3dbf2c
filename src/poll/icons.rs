//! Pictures of feeds: what a feed says its picture is, else the one that its site keeps for browsers. Looked for when a
//! feed was polled, and then once a month, one after the other with leave of their hosts; an address that several feeds
//! share is asked once. A picture that cannot be had costs nothing but its place on the page.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::Poller;
use super::full_text::signal;
use crate::fetch::{Answer, Signal};
use crate::model::{
    IconAnswer, IconCommit, IconFound, IconRef, IconWish, KnownIcon, PollTrouble, TroubleClass,
};
use crate::parse::icon_kind;
use crate::store::Result;

/// Until a picture, or that there is none, is looked at again.
const AGAIN: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The same where nobody could be asked.
const SOON: SignedDuration = SignedDuration::from_hours(24);
/// Largest picture: pages show it in the size of a letter.
const MOST_BYTES: u64 = 64 << 10;
/// Feeds in one pass.
const BATCH: usize = 16;
/// First polls go before pictures.
const QUIET: Duration = Duration::from_secs(60);
/// Between two looks when nothing was to be done.
const IDLE: Duration = Duration::from_secs(600);
/// Longest wait for leave of a host.
const PATIENCE: Duration = Duration::from_secs(20);

impl Poller {
    /// Looks for pictures until `stop`.
    ///
    /// # Errors
    /// The store's.
    pub async fn run_icons(&self, stop: CancellationToken) -> Result<()> {
        let mut nap = QUIET;
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(nap) => {}
            }
            let looked = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                looked = self.look_for_icons() => looked?,
            };
            nap = if looked == 0 { IDLE } else { Duration::ZERO };
        }
    }

    /// One pass over feeds whose picture is due; gives how many there were.
    ///
    /// # Errors
    /// The store's.
    pub async fn look_for_icons(&self) -> Result<usize> {
        let parts = &self.shared.parts;
        let due = parts.store.due_icons(parts.clock.now(), BATCH).await?;
        let mut changed = false;
        for wish in &due {
            let commit = self.picture_of(wish).await?;
            changed |= parts.store.commit_icon(commit, parts.clock.now()).await?;
        }
        if changed {
            parts.touched.notify_one();
        }
        Ok(due.len())
    }

    async fn picture_of(&self, wish: &IconWish) -> Result<IconCommit> {
        let parts = &self.shared.parts;
        let mut commit = IconCommit {
            feed: wish.feed,
            asked: Vec::new(),
            found: IconFound::Nowhere,
            look_at: parts.clock.now() + AGAIN,
        };
        for url in places(wish) {
            let known = parts.store.known_icon(url.as_str()).await?;
            let fresh = known
                .as_ref()
                .filter(|known| is_fresh(known, parts.clock.now()));
            let shown = match fresh {
                Some(known) => known.shown,
                None => {
                    let Some(answer) = self.ask_for_picture(&wish.key, &url, known.as_ref()).await
                    else {
                        commit.found = IconFound::Unknown;
                        commit.look_at = parts.clock.now() + SOON;
                        return Ok(commit);
                    };
                    let shown = answer != IconAnswer::None;
                    commit.asked.push((url.to_string(), answer));
                    shown
                }
            };
            if shown {
                commit.found = IconFound::At(url.to_string());
                return Ok(commit);
            }
        }
        Ok(commit)
    }

    /// One request with leave of its host; none when nothing was found out.
    async fn ask_for_picture(
        &self,
        feed: &str,
        url: &Url,
        known: Option<&KnownIcon>,
    ) -> Option<IconAnswer> {
        let parts = &self.shared.parts;
        let slot = parts.leave(url, PATIENCE).await?;
        let held = known
            .filter(|known| known.shown)
            .map(|known| &known.validators);
        let fetcher = parts.fetcher.by_way_of(feed);
        let answer = fetcher
            .get_picture(url, MOST_BYTES, held, parts.clock.now())
            .await;
        let signal = signal(&answer);
        parts.hosts.finish(slot, parts.clock.now(), signal);
        match signal {
            Signal::Throttled(_) | Signal::Unavailable(_) | Signal::Unreachable => None,
            _ => read(answer),
        }
    }
}

/// What it says its picture is, then what browsers ask its site for.
fn places(wish: &IconWish) -> Vec<Url> {
    let web = |url: &str| {
        let url = Url::parse(url).ok()?;
        matches!(url.scheme(), "http" | "https").then_some(url)
    };
    let said = wish.icon_url.as_deref().and_then(web);
    let site = wish.site_url.as_deref().and_then(web);
    let home = site.or_else(|| web(&wish.url));
    let usual = home.and_then(|home| home.join("/favicon.ico").ok());
    let mut places: Vec<Url> = said.into_iter().chain(usual).collect();
    places.dedup();
    places
}

fn is_fresh(known: &KnownIcon, now: Timestamp) -> bool {
    let age = now.duration_since(known.asked_at);
    (SignedDuration::ZERO..AGAIN).contains(&age)
}

fn read(answer: std::result::Result<Answer, PollTrouble>) -> Option<IconAnswer> {
    match answer {
        Ok(answer) if answer.status == 304 => Some(IconAnswer::Same),
        Ok(answer) if answer.status == 200 => Some(match icon_kind(&answer.body) {
            Some(kind) => IconAnswer::New {
                icon: IconRef {
                    tag: blake3::hash(&answer.body).to_hex().as_str()[..32].to_owned(),
                    kind,
                },
                bytes: answer.body.to_vec(),
                validators: answer.validators,
            },
            None => IconAnswer::None,
        }),
        Ok(answer) => (answer.status < 500).then_some(IconAnswer::None),
        // Too large, or an address that we do not go to: asking again soon would change nothing.
        Err(trouble) => matches!(
            trouble.class,
            TroubleClass::TooLarge | TroubleClass::Refused | TroubleClass::Redirect
        )
        .then_some(IconAnswer::None),
    }
}
