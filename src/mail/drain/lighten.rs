//! A mail that is too large for the server goes without its HTML: everything it tells is in its text, too. What goes is
//! kept before it does, so that a repeat is the same bytes; what was refused has certainly not arrived.

use super::super::{Mailer, signed};
use super::Way;
use crate::deliver::{Outcome, lighter};
use crate::model::OutboxMessage;
use crate::store::Store;

impl Mailer {
    /// What to send instead of a message that was refused for its size; none where that was not so, or it has nothing to
    /// lose.
    pub(super) async fn lightened(
        &self,
        way: &mut Way<'_>,
        message: &OutboxMessage,
        outcome: &Outcome,
    ) -> Option<OutboxMessage> {
        if !outcome.is_too_large() {
            return None;
        }
        let light = lighter(&message.bytes)?;
        // The signature is dated as the first one was.
        let bytes = signed(self.signer.as_deref(), light, message.queued_at).ok()?;
        let packed = Store::pack_message(&bytes).ok()?;
        let (id, lease) = (message.id, message.lease);
        let kept = self.store.replace_message(id, lease, packed).await;
        way.noted(kept).filter(|kept| *kept)?;
        tracing::warn!(message.id = id.0, reply = ?outcome.reason(), "mail goes as text alone, a smaller `max_bytes` keeps its HTML");
        Some(OutboxMessage {
            bytes,
            ..message.clone()
        })
    }
}
