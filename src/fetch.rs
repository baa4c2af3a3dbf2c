//! One conditional GET, as every publisher likes it: the door to reqwest. Object storage, too, is reached from here.

mod bucket;
mod client;
mod coding;
mod exchange;
mod file;
mod freshness;
mod guard;
mod headers;
mod host;
mod link;
mod plain;
mod poll;
mod redirect;
mod resolve;
mod trouble;

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use url::Url;

use crate::config::{Auth, Secret};
use crate::model::{PollTrouble, Validators};

pub use bucket::{Bucket, BucketFault, Object};
pub use coding::{CodingFault, Decoder};
pub use freshness::freshness;
pub use guard::{Guard, Refusal, is_public};
pub use host::{
    Feedback, Finished, HostGaps, HostWait, Hosts, Signal, Slot, Start, host_key, wait_for_hosts,
};
pub use link::links;
pub use plain::{Answer, Delivery};
pub use poll::Fetcher;
pub use trouble::shown;

/// One exchange to make.
#[derive(Clone, Debug)]
pub struct FetchRequest {
    /// Where the chain starts.
    pub url: Url,
    /// Sent on the hop whose URL equals `validators.url`.
    pub validators: Validators,
    /// Leave If-None-Match out (R2.3).
    pub without_etag: bool,
    /// Extra headers, for the first origin only.
    pub headers: Vec<(String, Secret)>,
    /// Credentials, for the first origin only.
    pub auth: Option<Auth>,
    /// Whose client to use: proxy, certificates, allowed networks. Key of the feed.
    pub feed: String,
    /// Who reads the feed here, where publishers are to be told (R2.26).
    pub readers: Option<Readers>,
    /// Hosts that a redirect leads to are asked within; the caller holds leave for the first host. None: unasked.
    pub politeness: Option<Politeness>,
}

/// Real readers of a feed, for its publisher to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readers {
    /// People.
    pub subscribers: u32,
    /// Our number for the feed: publishers who see several of ours add them up by it.
    pub feed_id: i64,
}

/// Whom to ask for leave before another host is asked.
#[derive(Clone, Debug)]
pub struct Politeness {
    /// All hosts.
    pub hosts: Hosts,
    /// Jitter, in [0, 1).
    pub draw: f64,
}

/// One answered hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Asked.
    pub url: String,
    /// Answered.
    pub status: u16,
}

/// What the server said on when to come back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// max-age or Expires (R2.4).
    pub lifetime: Option<Duration>,
    /// How much of it was over when the answer came (R2.5).
    pub age: Duration,
    /// Retry-After (R2.14, R2.15).
    pub retry_after: Option<Duration>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// 200 with a body, decoded.
    Fresh {
        /// The body.
        body: Bytes,
        /// `Content-Type` as sent.
        content_type: Option<String>,
    },
    /// 304.
    NotModified,
    /// 410.
    Gone,
    /// A redirect led to a host that is not to be asked before then: nobody's failure.
    Held(PollTrouble, Timestamp),
    /// Anything else.
    Failed(PollTrouble),
}

/// One exchange as made.
#[derive(Clone, Debug)]
pub struct FetchReport {
    /// What came of it.
    pub outcome: Outcome,
    /// Hops in order, redirects included.
    pub hops: Vec<Hop>,
    /// Validators to keep, merged by R1.3 and R1.4.
    pub validators: Validators,
    /// Were validators sent?
    pub conditional: bool,
    /// When to come back.
    pub freshness: Freshness,
    /// `Link` headers that came with a document, as (rel, absolute URL).
    pub links: Vec<(String, String)>,
    /// Bytes received on the wire, bodies only.
    pub received_bytes: u64,
    /// When the answer was complete.
    pub received_at: Timestamp,
    /// Asked last, answered or not: the target of the chain.
    pub last_url: String,
    /// HTTP/2 broke; the host gets HTTP/1.1 for a while (R2.24).
    pub http2_broken: bool,
}

impl FetchReport {
    /// What the host of the first URL is to learn; see [`Hosts::finish`].
    #[must_use]
    pub fn feedback(&self) -> Feedback {
        let signal = if self.ended_elsewhere() {
            Signal::Answered
        } else {
            self.signal()
        };
        Feedback {
            signal,
            not_modified: matches!(self.outcome, Outcome::NotModified),
            received_bytes: self.received_bytes,
        }
    }

    /// Did a redirect lead to another host? Then that one bears the outcome.
    fn ended_elsewhere(&self) -> bool {
        let key = |url: &str| Url::parse(url).ok().and_then(|url| host_key(&url));
        self.hops
            .first()
            .is_some_and(|first| key(&first.url) != key(&self.last_url))
    }

    fn signal(&self) -> Signal {
        if self.http2_broken {
            return Signal::Http2Broken;
        }
        let Outcome::Failed(trouble) = &self.outcome else {
            return Signal::Answered;
        };
        match (trouble.status, trouble.class) {
            (Some(429), _) => Signal::Throttled(self.freshness.retry_after),
            (Some(503), _) => Signal::Unavailable(self.freshness.retry_after),
            (Some(403), _) => Signal::Forbidden,
            (_, class) if class.is_unreachable() => Signal::Unreachable,
            _ => Signal::Answered,
        }
    }
}
