//! The end of the daemon as a delivery meets it: takes the signal, gives work done or given up. What is certainly not
//! sent is dropped at once; what the server may have is waited for, but not for ever.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// The signal, and how long an answer is still waited for after it.
#[derive(Clone, Debug)]
pub struct Halt {
    stop: CancellationToken,
    grace: Duration,
}

impl Halt {
    /// An end that `stop` asks for.
    #[must_use]
    pub fn new(stop: CancellationToken, grace: Duration) -> Self {
        Self { stop, grace }
    }

    /// No end: for one message outside the outbox.
    #[must_use]
    pub fn never() -> Self {
        Self::new(CancellationToken::new(), Duration::ZERO)
    }

    /// Whether the end was asked for.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// What `work` comes to; none when the end was asked for before it was done.
    pub async fn before<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            done = work => Some(done),
        }
    }

    /// What `work` comes to; none when the end was asked for and the grace after it is over.
    pub async fn within<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let over = async {
            self.stop.cancelled().await;
            tokio::time::sleep(self.grace).await;
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = over => None,
        }
    }
}
