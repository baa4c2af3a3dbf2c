//! What the server's answers depend on beside the stories: config, theme, pages. Built whole at each reload.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::config::Config;
use crate::model::{Pushes, SearchScope};
use crate::publish::{self, OnRequest, Theme};

/// Asks the flow of mail, which this one does not know, until when it rests, and why.
pub type MailPause = Arc<dyn Fn() -> Option<(Timestamp, String)> + Send + Sync>;

/// One generation of it.
pub struct Front {
    /// The config.
    pub config: Arc<Config>,
    /// Templates, style, languages.
    pub theme: Arc<Theme>,
    /// Facts that all pages share.
    pub site: publish::Site,
    /// Stories, days and archives, made when they are asked for.
    pub on_request: Arc<dyn OnRequest>,
    /// Answers hubs.
    pub pushes: Arc<dyn Pushes>,
    /// Until when mail rests, and why.
    pub mail_pause: MailPause,
}

impl Front {
    /// What readers may search: the groups and feeds that some merged feed draws from.
    pub(super) fn searchable(&self) -> SearchScope {
        let outputs = self.config.publish.values();
        let groups: BTreeSet<&String> = outputs.clone().flat_map(|output| &output.groups).collect();
        let feeds: BTreeSet<&String> = outputs.flat_map(|output| &output.feeds).collect();
        SearchScope::Shown {
            groups: groups.into_iter().cloned().collect(),
            feeds: feeds.into_iter().cloned().collect(),
        }
    }

    /// Where a renamed merged feed's document is now.
    pub(super) fn moved(&self, path: &str) -> Option<String> {
        let rest = path.strip_prefix('/')?;
        let name = rest.split(['/', '.']).next()?;
        let output = self
            .config
            .publish
            .values()
            .find(|output| output.former_names.iter().any(|old| old == name))?;
        Some(self.absolute(&format!("/{}{}", output.name, &rest[name.len()..])))
    }

    /// An absolute address from a path that begins with `/`.
    pub(super) fn absolute(&self, path: &str) -> String {
        format!(
            "{}{}",
            self.config.http.public_url,
            path.trim_start_matches('/')
        )
    }
}
