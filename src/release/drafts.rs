//! Selected stories to drafts: the documents of every merged feed, the front page, what depends on the list of feeds, and
//! the pages once more as files.

use jiff::Timestamp;

use crate::config::PublishConfig;
use crate::publish::{
    Draft, HTML, MergedFeed, changes_draft, feed_drafts, front_draft, page_draft, site_drafts,
};

use super::select::Selected;
use super::{ReleaseError, Releaser, Report, State, history};

/// How long the list of feeds may be old on the about page and in the OPML, and so much longer for each feed in it:
/// reading ten thousand feeds each minute would cost more than the stories.
const FEEDS_REST_S: i64 = 60;
const FEEDS_PER_S: usize = 16;

/// Stories of each merged feed on the front page.
const FRONT_STORIES: usize = 5;

/// Drafts that depend on the list of feeds alone, made once per list; a refused template is told each time.
#[derive(Clone)]
pub(super) struct SiteDrafts {
    rest_s: i64,
    made: Vec<Draft>,
    /// Those that are pages, as files.
    pages: Vec<Draft>,
    /// Pages that a template refused, with the reason.
    refused: Vec<(String, String)>,
}

impl Releaser {
    /// Drafts of the list of feeds, as they were made or anew; what happened to feeds is stored if `keeps`. The list itself is not kept: it is the largest thing
    /// that is ever read.
    pub(super) async fn site_drafts(
        &self,
        state: &mut State,
        now: Timestamp,
        keeps: bool,
    ) -> Result<SiteDrafts, ReleaseError> {
        if let Some((made_at, site)) = &state.site {
            let age = now.as_second() - made_at.as_second();
            if (0..site.rest_s).contains(&age) {
                state.site_lags_s = Some(site.rest_s);
                return Ok(site.clone());
            }
        }
        let feeds = self.tools.store.feeds(false).await?;
        let more = i64::try_from(feeds.len() / FEEDS_PER_S).unwrap_or(0);
        let history = history::looked(&self.tools.store, &feeds, now, keeps).await?;
        let (theme, zone) = (&self.theme, &self.config.timezone);
        let told = (history.events.as_slice(), feeds.as_slice());
        let (mut made, outcome) = site_drafts(theme, &self.site, &feeds);
        let changes = changes_draft(theme, &self.site, zone, told).map(|page| made.push(page));
        let mut pages = Vec::new();
        if self.wants_files() {
            let (still, _) = site_drafts(theme, &self.still, &feeds);
            pages.extend(still.into_iter().filter(|draft| draft.content_type == HTML));
            pages.extend(changes_draft(theme, &self.still, zone, told));
        }
        let site = SiteDrafts {
            rest_s: FEEDS_REST_S + more,
            made,
            pages,
            refused: [("/about/", outcome), ("/changes/", changes)]
                .into_iter()
                .filter_map(|(path, outcome)| Some((path.to_owned(), outcome.err()?)))
                .collect(),
        };
        state.site_lags_s = None;
        state.site = Some((now, site.clone()));
        Ok(site)
    }

    pub(super) fn drafts(
        &self,
        site: SiteDrafts,
        chosen: &[(PublishConfig, Selected)],
        report: &mut Report,
    ) -> Vec<Draft> {
        let mut drafts = Vec::new();
        for (output, selected) in chosen {
            let feed = merged(output, selected, usize::MAX);
            let (made, outcome) = feed_drafts(&self.theme, &self.site, &feed);
            drafts.extend(made);
            if let Err(reason) = outcome {
                report.withheld.push((format!("/{}/", output.name), reason));
            }
        }
        match front_draft(&self.theme, &self.site, &fronts(chosen)) {
            Ok(draft) => drafts.push(draft),
            Err(reason) => report.withheld.push((String::from("/"), reason)),
        }
        drafts.extend(site.made);
        report.withheld.extend(site.refused);
        drafts
    }

    fn wants_files(&self) -> bool {
        let mut outputs = self.config.publish.values();
        outputs.any(|output| output.files.is_some())
    }

    /// The pages as files. What a template refuses is refused, and told, with the page of the same path on the shelf.
    pub(super) fn pages(
        &self,
        site: &SiteDrafts,
        chosen: &[(PublishConfig, Selected)],
    ) -> Vec<Draft> {
        if !self.wants_files() {
            return Vec::new();
        }
        let lists = chosen.iter().map(|(output, selected)| {
            page_draft(
                &self.theme,
                &self.still,
                &merged(output, selected, usize::MAX),
            )
        });
        let front = front_draft(&self.theme, &self.still, &fronts(chosen));
        lists
            .chain([front])
            .flatten()
            .chain(site.pages.iter().cloned())
            .collect()
    }
}

/// The newest stories of a merged feed, `most` of them.
fn merged<'a>(output: &'a PublishConfig, selected: &'a Selected, most: usize) -> MergedFeed<'a> {
    MergedFeed {
        output,
        stories: &selected.stories[..selected.stories.len().min(most)],
        capped: &selected.capped,
        tombstones: &selected.tombstones,
        archive: selected.archive,
    }
}

/// What the front page shows: everything of the only merged feed, else the newest of each.
fn fronts(chosen: &[(PublishConfig, Selected)]) -> Vec<MergedFeed<'_>> {
    let most = if chosen.len() == 1 {
        usize::MAX
    } else {
        FRONT_STORIES
    };
    chosen
        .iter()
        .map(|(output, selected)| merged(output, selected, most))
        .collect()
}
