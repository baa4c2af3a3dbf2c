//! What `plan` tells of one output: how many stories before and after, and which come and go, each with the reason.

use serde::Serialize;

/// One merged feed or digest under both configs.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// `publish` or `digest`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Stories with the present config.
    pub before: usize,
    /// Stories with the changed one.
    pub after: usize,
    /// What would come, newest first.
    pub added: Vec<Change>,
    /// What would go, newest first.
    pub removed: Vec<Change>,
}

/// A story that comes or goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Title of its lead.
    pub title: String,
    /// Its lead's page.
    pub link: Option<String>,
    /// Its lead's feed.
    pub feed: String,
    /// Why it was not there, or would not be.
    pub reason: String,
}
