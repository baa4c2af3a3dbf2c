//! WebSub, the side that answers: a hub's questions, and what it brings. A delivery is read, judged and committed as a
//! poll's document is, and is durable before the hub hears that it was taken; it touches neither validators nor schedule
//! (R6.9). Refuses callbacks that nobody asked for, and bodies that the hub has not signed.

use std::sync::Arc;

use jiff::Timestamp;

use super::super::document::{self, Reading};
use super::super::findings::{self, Findings};
use super::super::{Shared, full_text, told};
use super::signature;
use crate::model::{
    FeedId, FeedStanding, FeedState, PollReport, PushAnswer, PushDelivery, PushFuture,
    PushQuestion, PushReceipt, Pushes, SideCommit, SideWay,
};
use crate::schedule;
use crate::store::Result;

impl Pushes for Shared {
    fn asked<'a>(&'a self, token: &'a str, question: PushQuestion) -> PushFuture<'a, PushAnswer> {
        Box::pin(async move {
            match self.answer(token, question).await {
                Ok(answer) => answer,
                Err(error) => {
                    tracing::error!(error = ?error.to_string(), "a hub's question could not be answered");
                    PushAnswer::Unknown
                }
            }
        })
    }

    fn brought<'a>(
        &'a self,
        token: &'a str,
        delivery: PushDelivery,
    ) -> PushFuture<'a, PushReceipt> {
        Box::pin(async move {
            match self.take(token, delivery).await {
                Ok(receipt) => receipt,
                Err(error) => {
                    tracing::error!(error = ?error.to_string(), "a delivery could not be stored");
                    PushReceipt::Failed
                }
            }
        })
    }
}

impl Shared {
    /// The feed whose callback `token` is or was.
    async fn called(&self, token: &str) -> Result<Option<FeedState>> {
        let id = token
            .split_once('-')
            .and_then(|(id, _)| i64::from_str_radix(id, 16).ok());
        match id {
            Some(id) => self.parts.store.feed_by_id(FeedId(id)).await,
            None => Ok(None),
        }
    }

    async fn answer(&self, token: &str, question: PushQuestion) -> Result<PushAnswer> {
        let (now, draw) = (self.parts.clock.now(), (self.parts.draw)());
        let Some(feed) = self.called(token).await? else {
            return Ok(PushAnswer::Unknown);
        };
        let policy = self.parts.settings.policy(&feed.key, now);
        let (told, heard) = tokio::sync::oneshot::channel();
        let (name, asked) = (token.to_owned(), question.clone());
        // Decided on the row itself: two questions at once must not both find the subscription pending.
        let change = move |state: &mut FeedState| {
            let push = state.memory.push.as_mut();
            let known =
                push.is_some_and(|push| schedule::push_asked(push, &name, &asked, (now, draw)));
            if known && asked.mode == "denied" {
                schedule::unstretched(state, &policy, now);
            }
            // Where the hub has hung up, the change is kept all the same.
            told.send(known).ok();
        };
        self.parts
            .store
            .update_feed(feed.id, Box::new(change))
            .await?;
        let known = heard.await.unwrap_or(false);
        tracing::info!(feed.id = ?feed.key, "a hub asked back: {}", if known { "confirmed" } else { "refused" });
        Ok(match (known, question.challenge) {
            (false, _) => PushAnswer::Unknown,
            (true, _) if question.mode == "denied" => PushAnswer::Heard,
            (true, Some(challenge)) => PushAnswer::Confirm(challenge),
            (true, None) => PushAnswer::Heard,
        })
    }

    async fn take(&self, token: &str, delivery: PushDelivery) -> Result<PushReceipt> {
        let now = self.parts.clock.now();
        let Some(feed) = self.called(token).await? else {
            return Ok(PushReceipt::Gone);
        };
        let stands = !matches!(
            feed.standing,
            FeedStanding::Gone | FeedStanding::Disabled | FeedStanding::Removed
        );
        let push = feed.memory.push.as_ref();
        let Some(push) =
            push.filter(|push| stands && push.callback_token == token && push.holds(now))
        else {
            return Ok(PushReceipt::Gone);
        };
        let signed = push.secret.as_ref().is_none_or(|secret| {
            let least = self.parts.settings.min_hub_hash();
            signature::fits(secret, delivery.signature.as_deref(), &delivery.body, least)
        });
        if !signed {
            tracing::warn!(feed.id = ?feed.key, "a delivery without a valid signature was refused");
            return Ok(PushReceipt::Refused);
        }
        self.read(&feed, delivery, now).await?;
        Ok(PushReceipt::Taken)
    }

    /// The same path as a poll's document; the base of relative addresses is where polls find it.
    async fn read(&self, feed: &FeedState, delivery: PushDelivery, now: Timestamp) -> Result<()> {
        let base = match feed.validators.url.as_str() {
            "" => feed.url.clone(),
            polled => polled.to_owned(),
        };
        let origin = (delivery.content_type, base);
        let mut read = match document::read(self, feed, delivery.body, origin, now).await {
            Reading::Feed(read) => *read,
            Reading::Same => return Ok(()),
            Reading::Nothing(trouble) => {
                tracing::warn!(feed.id = ?feed.key, error = ?trouble.text, "a delivery could not be read");
                return Ok(());
            }
        };
        let (findings, report) = self.commit_pushed(feed, &mut read, now).await?;
        let offered = read.document.entries.len();
        findings
            .tell(&self.parts, (feed.id, &feed.key), offered, &report)
            .await?;
        told::brought(&feed.key, &report);
        self.parts.metrics.entries(report.new, report.changed);
        if report.touched {
            self.parts.touched.notify_one();
        }
        Ok(())
    }
    /// Judged as a poll's entries are: keys used again, a feed taken over, a flood, pages behind the entries.
    async fn commit_pushed(
        &self,
        feed: &FeedState,
        read: &mut document::Read,
        now: Timestamp,
    ) -> Result<(Arc<Findings>, PollReport)> {
        let mut meta = Some(std::mem::take(&mut read.meta));
        let page = findings::Page {
            entries: &mut read.entries,
            meta: &mut meta,
            document: Some(&mut read.document),
            received_at: now,
        };
        let findings = findings::of(&self.parts, feed, page).await?;
        let pages = full_text::read(self, (&feed.key, &[]), &mut read.entries, &findings).await;
        let findings = Arc::new(findings);
        let noting = Arc::clone(&findings);
        let note = move |state: &mut FeedState| {
            // The operator's word is for the next document that says what the feed calls itself, which is a poll's.
            let approved = state.memory.approved;
            noting.note(state);
            state.memory.approved = approved;
            pages.leave(&mut state.memory.pages_due);
        };
        let marks = read.document.entries.iter().map(|entry| entry.mark);
        let commit = SideCommit {
            feed: feed.id,
            seen_at: now,
            way: SideWay::Push {
                marks: marks.collect(),
                max_new: self.parts.settings.feed(&feed.key).max_new,
                note: Box::new(note),
            },
            entries: std::mem::take(&mut read.entries),
        };
        let judge = Arc::clone(&self.judge);
        let report = self.parts.store.commit_side(commit, judge).await?;
        Ok((findings, report))
    }
}
