//! Reload: the next generation is built whole, then takes the old one's place; on any error the old one goes on (promise
//! 10). The outcome is left as a note for the verb `reload`.

use std::sync::Arc;

use tokio::time::Instant;

use super::flows::{Flows, Prepared};
use super::troubles::Troubles;
use super::{DRAIN, Generation, Launch, RELOAD_NOTE, Workbench};
use crate::config::Config;
use crate::http::Site;
use crate::systemd::{self, Notice};

/// What a reload works on.
#[derive(Clone, Copy)]
pub(super) struct Reload<'a> {
    pub(super) launch: &'a Launch,
    pub(super) bench: &'a Workbench,
    pub(super) site: &'a Arc<Site>,
    pub(super) troubles: &'a Troubles,
}

impl Reload<'_> {
    /// Gives the flows that run from now on.
    pub(super) async fn run(self, flows: Flows) -> Flows {
        systemd::notify(Notice::Reloading);
        let (flows, complaints) = match self.next() {
            Ok(next) => self.swap(flows, next).await,
            Err(complaints) => (flows, complaints),
        };
        for line in complaints.lines() {
            tracing::error!(error = ?line, "config refused, the old one stays");
        }
        self.tell(&complaints);
        self.leave_outcome(&complaints).await;
        systemd::notify(Notice::Ready);
        flows
    }

    fn next(self) -> Result<Prepared, String> {
        let next = Generation::load(self.launch)?;
        next.tell_warnings();
        warn_of_restarts(&self.site.front.load().config, &next.config);
        Prepared::of(next, self.bench, &self.site.shelf)
    }

    /// The next generation's flows; where the database does not take its feeds, those of the old one once more.
    async fn swap(self, flows: Flows, next: Prepared) -> (Flows, String) {
        if let Some(certificates) = &self.site.certificates {
            certificates.reload();
        }
        let old = flows.stop(Instant::now() + DRAIN).await;
        match next.start(self.site, self.troubles).await {
            Ok(flows) => (flows, String::new()),
            Err(error) => {
                let complaint = format!("error: {:#}", anyhow::Error::from(error));
                (old.spawn(self.site, self.troubles), complaint)
            }
        }
    }

    fn tell(self, complaints: &str) {
        let accepted = complaints.is_empty();
        self.site.metrics.reload(accepted);
        let line = if accepted {
            self.troubles.mended("reload");
            "reloaded"
        } else {
            "reload refused: the old config stays (see the log)"
        };
        tracing::info!("{line}");
        if !accepted {
            self.troubles.note("reload", line);
        }
        systemd::notify(Notice::Status(line));
    }

    /// The outcome with its instant, so that a waiting `reload` sees that it is new.
    async fn leave_outcome(self, complaints: &str) {
        let note = serde_json::json!({ "at": self.site.clock.now(), "complaints": complaints })
            .to_string();
        let store = &self.site.store;
        let left = store.set_note(RELOAD_NOTE, Some(note.into_bytes())).await;
        if let Err(error) = left {
            let error = format!("{:#}", anyhow::Error::from(error));
            tracing::error!(error = ?error, "the outcome of the reload could not be left for the verb");
        }
    }
}

fn warn_of_restarts(old: &Config, new: &Config) {
    let changed = [
        ("store.url", old.store != new.store),
        ("http.listen", old.http.listen != new.http.listen),
        ("http.admin", old.http.admin != new.http.admin),
        ("http.tls", old.http.tls != new.http.tls),
        ("log", old.log != new.log),
    ];
    for (key, _) in changed.into_iter().filter(|(_, changed)| *changed) {
        tracing::warn!("`{key}` changed: that needs a restart, the rest is applied");
    }
}
