//! WebSub, the side that answers: a hub's questions, and what it brings. A delivery is durable before the hub hears that
//! it was taken, and nothing but its signature is looked at until then: it is read by [`super::inbox`] (R6.9). Refuses
//! callbacks that nobody asked for, bodies that the hub has not signed, and what there is no room for.

use super::super::Shared;
use super::inbox::ROOM;
use super::signature;
use crate::model::{
    FeedId, FeedStanding, FeedState, PushAnswer, PushDelivery, PushFuture, PushQuestion,
    PushReceipt, PushState, Pushes,
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
            let mut pushes = state.memory.pushes.iter_mut();
            let known = pushes.any(|push| schedule::push_asked(push, &name, &asked, (now, draw)));
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
        let ours = |push: &&PushState| stands && push.callback_token == token && push.holds(now);
        let Some(push) = feed.memory.pushes.iter().find(ours) else {
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
        let callback = (feed.id, token.to_owned());
        let store = &self.parts.store;
        if !store.keep_delivery(callback, delivery, ROOM, now).await? {
            tracing::warn!(feed.id = ?feed.key, "a delivery was put off: too many wait to be read");
            return Ok(PushReceipt::Full);
        }
        self.desk.brought.notify_one();
        Ok(PushReceipt::Taken)
    }
}
