//! Redirects, followed by hand: takes an answered hop, gives the next URL or the end of the chain. Refuses loops, more
//! than the allowed hops, other schemes, https → http, and targets that the guard refuses.

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};
use url::Url;

use super::guard::Guard;
use super::trouble::shown;
use super::{Hop, Slot};
use crate::model::{PollTrouble, TroubleClass};

/// A chain of hops under way.
pub(super) struct Chain {
    /// Asked now.
    pub(super) url: Url,
    /// Answered so far.
    pub(super) hops: Vec<Hop>,
    /// Leave of the hosts that redirects led to.
    pub(super) slots: Vec<Slot>,
    limit: usize,
}

impl Chain {
    /// A chain that begins at `url` and follows at most `limit` redirects. User-info and fragment are never sent.
    pub(super) fn new(url: &Url, limit: usize) -> Self {
        Self {
            url: bare(url.clone()),
            hops: Vec::new(),
            slots: Vec::new(),
            limit,
        }
    }

    /// Records the answer to the present hop; steps to its target when it is a redirect that `follows`.
    pub(super) fn step(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
        follows: &[u16],
        guard: &Guard,
    ) -> Result<bool, PollTrouble> {
        self.hops.push(Hop {
            url: self.url.as_str().to_owned(),
            status: status.as_u16(),
        });
        if !follows.contains(&status.as_u16()) {
            return Ok(false);
        }
        let next = self.target(headers, guard).map_err(|text| PollTrouble {
            class: TroubleClass::Redirect,
            status: Some(status.as_u16()),
            text,
        })?;
        self.url = next;
        Ok(true)
    }

    fn target(&self, headers: &HeaderMap, guard: &Guard) -> Result<Url, String> {
        let location = headers
            .get(LOCATION)
            .ok_or("answered a redirect without a target")?;
        // Raw UTF-8 is common in Location although it must be ASCII; the URL parser escapes it.
        let location = String::from_utf8_lossy(location.as_bytes());
        let next = self
            .url
            .join(location.trim())
            .map_err(|_| "redirects to something that is no URL")?;
        let next = bare(next);
        if self.hops.iter().any(|hop| hop.url == next.as_str()) {
            return Err(format!("redirects in a circle by way of {}", shown(&next)));
        }
        if self.hops.len() > self.limit {
            return Err(format!("redirects more than {} times", self.limit));
        }
        guard
            .check_url(&next)
            .map_err(|refusal| format!("redirects to a forbidden target: {refusal}"))?;
        if self.url.scheme() == "https" && next.scheme() == "http" {
            return Err(format!("redirects from https to http: {}", shown(&next)));
        }
        Ok(next)
    }
}

fn bare(mut url: Url) -> Url {
    url.set_fragment(None);
    // Both fail only for URLs without a host, which the guard refuses.
    url.set_username("")
        .and_then(|()| url.set_password(None))
        .ok();
    url
}
