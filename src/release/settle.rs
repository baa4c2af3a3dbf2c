//! Drafts to documents: the same bytes keep tag and instant, new bytes are checked, coded and recorded, and what is
//! refused leaves the last good version in its place.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::publish::{Document, Draft, check_document, finish};
use crate::store::RenderedRecord;

use super::{Documents, ReleaseError, Releaser, Report, State};

impl Releaser {
    /// Drafts to documents: what is on the shelf already stays, the rest is checked, coded and recorded.
    pub(super) async fn settle(
        &self,
        state: &mut State,
        drafts: Vec<Draft>,
        now: Timestamp,
        report: &mut Report,
    ) -> Result<(Documents, Vec<RenderedRecord>), ReleaseError> {
        if state.rendered.is_none() {
            let records = self.tools.store.rendered().await?;
            state.rendered = Some(
                records
                    .into_iter()
                    .map(|record| (record.path.clone(), record))
                    .collect(),
            );
        }
        let rendered = state.rendered.get_or_insert_default();
        let shelf = self.tools.shelf.all();
        let known = rendered.clone();
        let wrote = tokio::task::spawn_blocking(move || {
            drafts
                .into_iter()
                .map(|draft| document(draft, &shelf, &known, now))
                .collect::<Vec<_>>()
        });
        let mut documents = HashMap::new();
        let mut records = Vec::new();
        for made in wrote.await? {
            match made {
                Made::Same(document) => {
                    report.unchanged += 1;
                    documents.insert(document.path.clone(), document);
                }
                Made::New(document, record) => {
                    report.changed.push(document.path.clone());
                    self.tools.metrics.rendered();
                    records.extend(record);
                    documents.insert(document.path.clone(), document);
                }
                Made::Refused(path, reason) => report.withheld.push((path, reason)),
            }
        }
        self.keep_withheld(state, &mut documents, report);
        Ok((documents, records))
    }

    /// Instants of new bytes, durable before readers see them.
    pub(super) async fn record(
        &self,
        state: &mut State,
        records: Vec<RenderedRecord>,
    ) -> Result<(), ReleaseError> {
        if records.is_empty() {
            return Ok(());
        }
        self.tools.store.record_rendered(records.clone()).await?;
        let rendered = state.rendered.get_or_insert_default();
        rendered.extend(
            records
                .into_iter()
                .map(|record| (record.path.clone(), record)),
        );
        Ok(())
    }

    /// The last good version of what was withheld stays. The operator is told when something is withheld and when it is
    /// well again, not at every rendering in between.
    fn keep_withheld(&self, state: &mut State, documents: &mut Documents, report: &Report) {
        let withheld: BTreeMap<String, String> = report.withheld.iter().cloned().collect();
        for (path, reason) in &withheld {
            if let Some(last) = self.tools.shelf.get(path) {
                documents.entry(path.clone()).or_insert(last);
            }
            if state.withheld.get(path) != Some(reason) {
                self.tools.metrics.withheld();
                tracing::error!(document.path = ?path, error = ?reason, "a document failed its check and was not published");
            }
        }
        let known = state.withheld.keys();
        for path in known.filter(|path| !withheld.contains_key(*path)) {
            tracing::info!(document.path = ?path, "a document passes its check again");
        }
        state.withheld = withheld;
    }
}

enum Made {
    Same(Arc<Document>),
    New(Arc<Document>, Option<RenderedRecord>),
    Refused(String, String),
}

fn document(
    draft: Draft,
    shelf: &HashMap<String, Arc<Document>>,
    known: &HashMap<String, RenderedRecord>,
    now: Timestamp,
) -> Made {
    if let Some(last) = shelf.get(&draft.path)
        && last.identity == draft.bytes
        && last.links == draft.links
    {
        return Made::Same(Arc::clone(last));
    }
    if let Err(reason) = check_document(draft.content_type, &draft.bytes) {
        return Made::Refused(draft.path, reason);
    }
    let hash = *blake3::hash(&draft.bytes).as_bytes();
    let last = known.get(&draft.path);
    let kept = last.filter(|record| record.hash == hash);
    let changed_at = kept.map_or_else(|| later(now, last), |record| record.changed_at);
    let record = kept.is_none().then(|| RenderedRecord {
        path: draft.path.clone(),
        hash,
        changed_at,
    });
    let mut made = finish(draft.path, draft.content_type, draft.bytes, changed_at);
    made.links = draft.links;
    Made::New(Arc::new(made), record)
}

/// Whole seconds, as `Last-Modified` says no more, and always later than the last change (R7.3), even when the clock
/// was set back.
fn later(now: Timestamp, last: Option<&RenderedRecord>) -> Timestamp {
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    match last {
        Some(record) if record.changed_at >= now => record.changed_at + Duration::from_secs(1),
        _ => now,
    }
}
