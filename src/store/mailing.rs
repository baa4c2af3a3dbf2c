//! The deeds of digests and mail: subscribers, editions, the outbox.

use jiff::Timestamp;

use super::{
    LaneState, Result, Store, amended, editions, held, outbox, pack, roster, subscribers, wishes,
};
use crate::model::*;

impl Store {
    /// A message as an edition is frozen with it: made where it is rendered, so that the one writer does not compress.
    ///
    /// # Errors
    /// When the compressor has no memory.
    pub fn pack_message(bytes: &[u8]) -> std::io::Result<Packed> {
        pack::compress(bytes).map(Packed)
    }
    /// The message in it.
    ///
    /// # Errors
    /// When it was not made by [`Store::pack_message`].
    pub fn unpack_message(packed: &Packed) -> std::io::Result<Vec<u8>> {
        pack::decompress(&packed.0)
    }
    /// 32 random bytes made with the database: the key of tokens and Message-IDs.
    pub fn secret_key(&self) -> [u8; 32] {
        self.0.secret
    }
    /// Makes the stored subscribers of all digests those of the config; standing and cursor of known ones stay. A new
    /// subscriber's cursor is the last sequence number, unless the database has no edition and no cursor of this
    /// digest yet (a digest's first subscribers get what is there). Where a digest leaves as another comes, the address
    /// goes on under the new name with cursor and standing. Who signed up stays while their digest is there.
    pub async fn sync_subscribers(&self, roster: Roster, now: Timestamp) -> Result<()> {
        self.write("syncing the subscribers", move |conn| {
            roster::sync(conn, &roster, now)
        })
        .await
    }
    /// Subscribers of a digest, all standings but Removed.
    pub async fn subscribers(&self, digest: &str) -> Result<Vec<SubscriberRecord>> {
        let digest = digest.to_owned();
        self.read("reading the subscribers", move |conn| {
            subscribers::of_digest(conn, &digest)
        })
        .await
    }
    /// One subscriber.
    pub async fn subscriber(&self, id: SubscriberId) -> Result<Option<SubscriberRecord>> {
        self.read("reading a subscriber", move |conn| {
            subscribers::one(conn, id)
        })
        .await
    }
    /// Who went by `id` once: the row under which they go on, however often their digest got another name.
    pub async fn present_subscriber(&self, id: SubscriberId) -> Result<Option<SubscriberRecord>> {
        self.read("reading a subscriber", move |conn| {
            subscribers::present(conn, id)
        })
        .await
    }
    /// Unsubscribes who went by `id` once and withdraws what is queued for them; twice is once. Gives their present
    /// row.
    pub async fn unsubscribe(
        &self,
        id: SubscriberId,
        reason: &'static str,
        now: Timestamp,
    ) -> Result<Option<SubscriberRecord>> {
        self.write("unsubscribing", move |conn| {
            subscribers::unsubscribe(conn, id, reason, now)
        })
        .await
    }
    /// Changes a standing; withdraws queued messages when it is not Active any more.
    pub async fn set_standing(
        &self,
        id: SubscriberId,
        standing: SubscriberStanding,
        reason: Option<String>,
        now: Timestamp,
    ) -> Result<()> {
        self.write("changing a subscriber", move |conn| {
            subscribers::set_standing(conn, id, (standing, reason), now)
        })
        .await
    }
    /// Keeps what a subscriber wishes for themselves; `zone` is the one whose clock counts from now on. Gives their row.
    pub async fn set_wishes(
        &self,
        id: SubscriberId,
        wishes: Wishes,
        zone: String,
    ) -> Result<Option<SubscriberRecord>> {
        self.write("keeping a subscriber's wishes", move |conn| {
            wishes::set(conn, id, &wishes, &zone)
        })
        .await
    }
    /// Changes a standing as the subscriber asks, where that is theirs to ask. Gives their row.
    pub async fn ask_standing(
        &self,
        id: SubscriberId,
        standing: SubscriberStanding,
        now: Timestamp,
    ) -> Result<Option<SubscriberRecord>> {
        self.write("changing a subscriber", move |conn| {
            wishes::ask(conn, id, standing, now)
        })
        .await
    }
    /// Everything stored of a subscriber, for themselves.
    pub async fn held(&self, id: SubscriberId) -> Result<Vec<Held>> {
        self.read("reading what is stored of a subscriber", move |conn| {
            held::held(conn, id)
        })
        .await
    }
    /// Unsubscribes and deletes all but the address and that it left. Gives their row.
    pub async fn erase_subscriber(
        &self,
        id: SubscriberId,
        now: Timestamp,
    ) -> Result<Option<SubscriberRecord>> {
        self.write("erasing a subscriber", move |conn| {
            held::erase(conn, id, now)
        })
        .await
    }
    /// Zones of a digest that the config may not name: those that subscribers chose, and of those who signed up.
    pub async fn own_zones(&self, digest: &str) -> Result<Vec<String>> {
        let digest = digest.to_owned();
        self.read("reading the subscribers' zones", move |conn| {
            wishes::zones(conn, &digest)
        })
        .await
    }
    /// Where a lane stands; made with `since_at = now` at first sight.
    pub async fn lane(&self, digest: &str, lane: &str, now: Timestamp) -> Result<LaneState> {
        let digest = digest.to_owned();
        let lane = lane.to_owned();
        self.write("reading a lane", move |conn| {
            editions::lane(conn, &digest, &lane, now)
        })
        .await
    }
    /// Where a lane stands, or would begin; changes nothing.
    pub async fn look_at_lane(&self, digest: &str, lane: &str) -> Result<LaneState> {
        let digest = digest.to_owned();
        let lane = lane.to_owned();
        self.read("reading a lane", move |conn| {
            editions::look_at_lane(conn, &digest, &lane)
        })
        .await
    }
    /// Brings back to `now` what a clock that was ahead has put after `limit`: lanes, as (digest, lane), and the waits
    /// of messages, as their number.
    pub async fn mend_clock(
        &self,
        now: Timestamp,
        limit: Timestamp,
    ) -> Result<(Vec<(String, String)>, usize)> {
        self.write("mending instants", move |conn| {
            editions::mend_clock(conn, now, limit)
        })
        .await
    }
    /// One edition, one commit. Older undelivered messages of the same subscribers, never attempted or certainly not
    /// accepted, are withdrawn by the caller naming them in `withdraw`.
    pub async fn freeze_edition(
        &self,
        edition: FrozenEdition,
        withdraw: Vec<MessageId>,
    ) -> Result<EditionId> {
        self.write("freezing an edition", move |conn| {
            editions::freeze(conn, &edition, &withdraw)
        })
        .await
    }
    /// Undelivered messages of a digest: (subscriber, message, stories' window start) for merging into a new edition.
    pub async fn undelivered(
        &self,
        digest: &str,
    ) -> Result<Vec<(SubscriberId, MessageId, StorySeq)>> {
        let digest = digest.to_owned();
        self.read("reading the outbox", move |conn| {
            editions::undelivered(conn, &digest)
        })
        .await
    }
    /// Editions of a digest, newest first.
    pub async fn editions(&self, digest: &str, limit: usize) -> Result<Vec<EditionRecord>> {
        let digest = digest.to_owned();
        self.read("reading the editions", move |conn| {
            editions::of_digest(conn, &digest, limit)
        })
        .await
    }
    /// Editions of a digest whose slot lies in the second from `second` on.
    pub async fn editions_in(&self, digest: &str, second: Timestamp) -> Result<Vec<EditionRecord>> {
        let digest = digest.to_owned();
        self.read("reading the editions", move |conn| {
            editions::in_second(conn, &digest, second)
        })
        .await
    }
    /// One edition.
    pub async fn edition(&self, id: EditionId) -> Result<Option<EditionRecord>> {
        self.read("reading an edition", move |conn| editions::one(conn, id))
            .await
    }
    /// Stories of a digest's editions frozen since `since` that were edited in substance afterwards.
    pub async fn amended_stories(&self, digest: &str, since: Timestamp) -> Result<Vec<Amended>> {
        let digest = digest.to_owned();
        self.read("reading edited stories", move |conn| {
            amended::of_digest(conn, &digest, since)
        })
        .await
    }
    /// Mails of a digest's editions frozen since `since` that went out, or are about to.
    pub async fn mailed(&self, digest: &str, since: Timestamp) -> Result<Vec<Mailed>> {
        let digest = digest.to_owned();
        self.read("reading who was mailed", move |conn| {
            amended::mailed(conn, &digest, since)
        })
        .await
    }
    /// Web copy of an edition.
    pub async fn edition_page(&self, id: EditionId) -> Result<Option<String>> {
        self.read("reading an edition", move |conn| editions::page(conn, id))
            .await
    }
    /// Messages of an edition, with bytes.
    pub async fn edition_messages(&self, id: EditionId) -> Result<Vec<MessageView>> {
        self.read("reading an edition", move |conn| {
            editions::messages(conn, id)
        })
        .await
    }
    /// Takes due messages until `lease_until`; expired leases are due again, but for what the caller has `in_hand`: a
    /// clock that jumps ends no conversation. One whose bytes are damaged is told and left queued until
    /// `lease_until`.
    pub async fn claim_messages(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
        in_hand: Vec<MessageId>,
    ) -> Result<Vec<OutboxMessage>> {
        loop {
            let in_hand = in_hand.clone();
            let claimed = self
                .write("claiming messages", move |conn| {
                    outbox::claim(conn, (now, lease_until), limit, &in_hand)
                })
                .await?;
            let nothing_due = claimed.is_empty();
            let mut whole = Vec::with_capacity(claimed.len());
            for message in claimed {
                // Not by the writer, for whom everybody waits.
                let message = message.unpacked();
                if message.bytes.is_empty() {
                    self.set_aside(&message, lease_until, now).await?;
                } else {
                    whole.push(message);
                }
            }
            if nothing_due || !whole.is_empty() {
                return Ok(whole);
            }
        }
    }
    /// A mail that the disk has spoilt stays queued, for the next edition to take over what it told.
    async fn set_aside(
        &self,
        damaged: &OutboxMessage,
        retry_at: Timestamp,
        now: Timestamp,
    ) -> Result<()> {
        tracing::error!(
            message.id = damaged.id.0,
            "a stored mail is damaged and not sent; the digest's next edition tells its stories"
        );
        let back = Disposition::Released { retry_at };
        self.settle_message(damaged.id, damaged.lease, back, now)
            .await?;
        Ok(())
    }
    /// Puts `packed` in the place of a claimed message's bytes; false when the lease was lost.
    pub async fn replace_message(&self, id: MessageId, lease: i64, packed: Packed) -> Result<bool> {
        self.write("replacing a message", move |conn| {
            outbox::replace(conn, (id, lease), &packed)
        })
        .await
    }
    /// Records what became of an attempt; when this returns, it outlasts the end of the process. False when the lease was
    /// lost. After a power cut, the message may stand as claimed again, which [`Self::claim_messages`] has made to outlast
    /// that: it is sent once more, with the same Message-ID and bytes.
    pub async fn settle_message(
        &self,
        id: MessageId,
        lease: i64,
        disposition: Disposition,
        now: Timestamp,
    ) -> Result<bool> {
        self.write_lightly("settling a message", move |conn| {
            outbox::settle(conn, (id, lease), &disposition, now)
        })
        .await
    }
    /// When the outbox next has something to do.
    pub async fn next_message_at(&self) -> Result<Option<Timestamp>> {
        self.read("reading the outbox", outbox::next_at).await
    }
    /// A message by its Message-ID (for bounces).
    pub async fn message_by_id(
        &self,
        message_id: &str,
    ) -> Result<Option<(MessageId, SubscriberId)>> {
        let message_id = message_id.to_owned();
        self.read("reading the outbox", move |conn| {
            outbox::by_message_id(conn, &message_id)
        })
        .await
    }
    /// Counts a bounce; returns (hard, soft) so far.
    pub async fn record_bounce(
        &self,
        subscriber: SubscriberId,
        hard: bool,
        status: &str,
        now: Timestamp,
    ) -> Result<(u32, u32)> {
        let status = status.to_owned();
        self.write("recording a bounce", move |conn| {
            subscribers::bounce(conn, subscriber, (hard, &status), now)
        })
        .await
    }
}
