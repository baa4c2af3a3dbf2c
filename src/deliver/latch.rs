//! What a message's body waits for: the record of the message before it on the same line. So the envelope of one and
//! the commit of the other go on at the same time, and still only one message of a line is in doubt after a crash.

use std::time::Duration;

use tokio::sync::oneshot;

/// Closed until the other end says that the body may leave.
#[derive(Debug)]
pub struct Latch(State);

#[derive(Debug)]
enum State {
    Open,
    Waiting(oneshot::Receiver<bool>, Duration),
    Shut,
}

impl Latch {
    /// A latch and the word that opens it: true lets the body pass; false, no word at all, or none within `patience`
    /// holds it back for good. A server that was told DATA does not wait for ever, and what is written to one that has
    /// hung up is in doubt.
    #[must_use]
    pub fn new(patience: Duration) -> (oneshot::Sender<bool>, Self) {
        let (word, waits) = oneshot::channel();
        (word, Self(State::Waiting(waits, patience)))
    }

    /// A latch that nothing closes.
    #[must_use]
    pub fn open() -> Self {
        Self(State::Open)
    }

    /// Waits for the word; whatever it was holds from then on.
    pub(super) async fn passed(&mut self) -> bool {
        let opened = match &mut self.0 {
            State::Open => true,
            State::Shut => false,
            State::Waiting(waits, patience) => {
                matches!(tokio::time::timeout(*patience, waits).await, Ok(Ok(true)))
            }
        };
        self.0 = if opened { State::Open } else { State::Shut };
        opened
    }
}
