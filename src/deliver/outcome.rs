//! What an attempt came to, and what that means for the outbox row: the one place that decides who is tried again when.

use std::time::Duration;

use jiff::Timestamp;

use super::bounce::Kind;
use crate::model::{Disposition, OutboxMessage};

/// What an attempt came to. Words are the server's, without addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The final 250.
    Delivered {
        /// Server's words, with its queue id.
        reply: String,
    },
    /// The final dot was written and no answer came: the server may have it (RFC 5321 §4.5.4.1: send again).
    Uncertain {
        /// What happened.
        reason: String,
    },
    /// Certainly not sent, for this message only: a 4xx, or the line broke before the final dot.
    NotSent {
        /// What happened.
        reason: String,
    },
    /// A 5xx for this message.
    Refused {
        /// Server's words.
        reason: String,
        /// Whose fault it is.
        kind: Kind,
        /// Enhanced status code; `5.0.0` where the server told none.
        status: String,
    },
    /// The server ended the session before taking this message: connect again at once.
    Closed {
        /// What happened.
        reason: String,
    },
    /// Given up before the final dot, since we have to end or cannot record the one before; nobody's fault.
    Stopped {
        /// What happened.
        reason: String,
    },
    /// Connection, TLS, login or sender failed: nobody's mail goes now.
    Unavailable {
        /// What happened.
        reason: String,
    },
}

impl Outcome {
    /// A refusal of this message.
    pub(super) fn refused(reason: String, kind: Kind, status: &str) -> Self {
        Self::Refused {
            reason,
            kind,
            status: status.to_owned(),
        }
    }

    /// We had to end before the server's answer to the whole message.
    pub(super) fn cut_short() -> Self {
        Self::Uncertain {
            reason: "stopped while waiting for the answer".to_owned(),
        }
    }

    /// The body was never begun, because the message before it is not on record.
    pub(super) fn held_back() -> Self {
        Self::Stopped {
            reason: "held back: the message before it is not on record".to_owned(),
        }
    }

    /// A stable word for metrics and logs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "delivered",
            Self::Uncertain { .. } => "uncertain",
            Self::NotSent { .. } => "transient",
            Self::Refused { .. } => "permanent",
            Self::Closed { .. } | Self::Stopped { .. } | Self::Unavailable { .. } => "released",
        }
    }

    /// Whether the message was refused for its size, which is neither its recipient's fault nor their mailbox's: 552
    /// without a status tells that from the message, not where it is said of a recipient.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        match self {
            Self::Refused {
                reason,
                kind: Kind::Policy,
                status,
            } => match status.as_str() {
                "5.3.4" | "5.2.3" => true,
                status => status == "5.0.0" && reason.starts_with("552"),
            },
            _ => false,
        }
    }

    /// What happened, in words without addresses.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Delivered { reply } => reply,
            Self::Uncertain { reason }
            | Self::NotSent { reason }
            | Self::Refused { reason, .. }
            | Self::Closed { reason }
            | Self::Stopped { reason }
            | Self::Unavailable { reason } => reason,
        }
    }
}

/// Waits after the first failed attempts; hourly from then on.
const STEPS_MIN: [u64; 4] = [1, 5, 15, 30];

/// The row's new state after `outcome`, `attempts` having been made before this one. `draw` in 0..1 spreads retries by
/// up to a fifth, so that a thousand messages refused together do not come back together.
#[must_use]
pub fn settled(outcome: Outcome, attempts: u32, now: Timestamp, draw: f64) -> Disposition {
    let retry_at = now + backoff(attempts, draw);
    match outcome {
        Outcome::Delivered { reply } => Disposition::Delivered { reply },
        Outcome::Uncertain { reason } => Disposition::Transient {
            reason: format!("perhaps delivered: {reason}"),
            retry_at,
            uncertain: true,
        },
        Outcome::NotSent { reason } => Disposition::Transient {
            reason,
            retry_at,
            uncertain: false,
        },
        Outcome::Refused { reason, .. } => Disposition::Permanent { reason },
        Outcome::Stopped { .. } => Disposition::Released { retry_at: now },
        Outcome::Closed { .. } | Outcome::Unavailable { .. } => Disposition::Released { retry_at },
    }
}

/// The wait before the attempt after number `attempts` + 1.
pub(super) fn backoff(attempts: u32, draw: f64) -> Duration {
    let minutes = STEPS_MIN.get(attempts as usize).copied().unwrap_or(60);
    Duration::from_secs(minutes * 60).mul_f64(1.0 + draw.clamp(0.0, 1.0) / 5.0)
}

/// Refuses an envelope that could be read as anything but one address: a control character would end the command, a
/// leading `-` would be an option to a program.
pub(super) fn unusable_envelope(message: &OutboxMessage) -> Option<Outcome> {
    let unusable = |address: &str| {
        address.starts_with('-')
            || !address.contains('@')
            || address
                .contains(|c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>'))
    };
    if unusable(&message.envelope_from) {
        return Some(Outcome::Unavailable {
            reason: "the envelope sender is not one plain address".to_owned(),
        });
    }
    unusable(&message.envelope_to).then(|| {
        Outcome::refused(
            "the recipient is not one plain address".to_owned(),
            Kind::Hard,
            "5.1.3",
        )
    })
}
