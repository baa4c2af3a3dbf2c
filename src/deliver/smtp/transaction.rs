//! One transaction: MAIL, RCPT, DATA, the message with its final dot in one write, and what the replies mean.

use memchr::memmem;

use super::super::bounce::{self, Kind};
use super::super::reply::Reply;
use super::super::wire::Broken;
use super::{Halt, Latch, Outcome, Session};
use crate::model::OutboxMessage;

/// Replies to MAIL, RCPT and DATA, as far as they came.
type Replies = Vec<Reply>;

impl Session {
    /// Sends one message to its one recipient; its body waits for `latch`.
    pub(in crate::deliver) async fn send(
        &mut self,
        message: &OutboxMessage,
        halt: &Halt,
        latch: &mut Latch,
    ) -> Outcome {
        if let Some(refusal) = self.unfit(message) {
            return refusal;
        }
        let Some(begun) = halt.before(self.open_transaction(message)).await else {
            return self.dropped();
        };
        let replies = match begun {
            Ok(replies) => replies,
            Err(broken) => return self.lost(&broken),
        };
        let outcome = match self.verdict(&replies) {
            Some(outcome) => {
                let fit = halt.before(self.abandon(&replies)).await;
                self.alive &= fit.is_some();
                outcome
            }
            None => match halt.before(latch.passed()).await {
                Some(true) => self.transfer(&message.bytes, halt).await,
                Some(false) => self.held_back(),
                None => self.dropped(),
            },
        };
        // Servers count what was begun, whatever became of its recipient.
        self.taken += usize::from(replies.first().is_some_and(Reply::positive));
        outcome
    }

    /// MAIL, RCPT and DATA, in as few writes as the server allows.
    async fn open_transaction(&mut self, message: &OutboxMessage) -> Result<Replies, Broken> {
        if self.features.pipelining {
            self.begin_at_once(message).await
        } else {
            self.begin(message).await
        }
    }

    /// The end came before the final dot: the server throws away what it has.
    fn dropped(&mut self) -> Outcome {
        self.alive = false;
        Outcome::Stopped {
            reason: "stopped before the message was sent".to_owned(),
        }
    }

    /// Hanging up is the only way to end a message that was announced and must not arrive.
    fn held_back(&mut self) -> Outcome {
        self.alive = false;
        Outcome::held_back()
    }

    /// What the server said it cannot take, before asking it.
    fn unfit(&self, message: &OutboxMessage) -> Option<Outcome> {
        if self.features.size > 0 && message.bytes.len() > self.features.size {
            return Some(Outcome::refused(
                format!(
                    "the message has {} bytes, the server takes {}",
                    message.bytes.len(),
                    self.features.size
                ),
                Kind::Policy,
                "5.3.4",
            ));
        }
        if !international(message) || self.features.smtputf8 {
            return None;
        }
        Some(if message.envelope_to.is_ascii() {
            // The sender's or where replies go: no mail of this edition can leave, and none is lost for it.
            Outcome::Unavailable {
                reason: "an address of ours needs SMTPUTF8, which the server does not offer"
                    .to_owned(),
            }
        } else {
            Outcome::refused(
                "the address needs SMTPUTF8, which the server does not offer".to_owned(),
                Kind::Policy,
                "5.6.7",
            )
        })
    }

    fn commands(&self, message: &OutboxMessage) -> [String; 3] {
        let size = if self.features.size > 0 {
            format!(" SIZE={}", message.bytes.len())
        } else {
            String::new()
        };
        let utf8 = if international(message) {
            " SMTPUTF8"
        } else {
            ""
        };
        [
            format!("MAIL FROM:<{}>{size}{utf8}", message.envelope_from),
            format!("RCPT TO:<{}>", message.envelope_to),
            "DATA".to_owned(),
        ]
    }

    /// Step by step: stops at the first refusal.
    async fn begin(&mut self, message: &OutboxMessage) -> Result<Replies, Broken> {
        let mut replies = Vec::new();
        for command in self.commands(message) {
            let deadline = if command == "DATA" {
                self.deadlines.data
            } else {
                self.deadlines.command
            };
            self.wire
                .write(format!("{command}\r\n").as_bytes(), self.deadlines.command)
                .await?;
            let reply = self.wire.reply(deadline).await?;
            let go_on = reply.positive();
            replies.push(reply);
            if !go_on {
                break;
            }
        }
        Ok(replies)
    }

    /// All three in one write (RFC 2920): two round trips a message instead of five. A 421 ends the replies.
    async fn begin_at_once(&mut self, message: &OutboxMessage) -> Result<Replies, Broken> {
        let block = self.commands(message).join("\r\n") + "\r\n";
        self.wire
            .write(block.as_bytes(), self.deadlines.command)
            .await?;
        let mut replies = Vec::new();
        for deadline in [
            self.deadlines.command,
            self.deadlines.command,
            self.deadlines.data,
        ] {
            match self.wire.reply(deadline).await {
                Ok(reply) => {
                    let ended = reply.code == 421;
                    replies.push(reply);
                    if ended {
                        break;
                    }
                }
                // A refusal already read counts, whatever happens to the line after it.
                Err(broken) if replies.iter().all(Reply::positive) => return Err(broken),
                Err(_) => {
                    self.alive = false;
                    break;
                }
            }
        }
        Ok(replies)
    }

    /// None when the server waits for the message.
    fn verdict(&mut self, replies: &[Reply]) -> Option<Outcome> {
        let refused = replies.iter().position(|reply| !reply.positive());
        let Some(at) = refused else {
            let ready = replies.len() == 3 && replies.last().is_some_and(|reply| reply.code == 354);
            return (!ready).then(|| self.lost(&Broken::Nonsense));
        };
        let reply = replies.get(at)?;
        let reason = reply.words();
        if reply.code == 421 {
            self.alive = false;
            return Some(self.ended(reason));
        }
        Some(match at {
            0 => self.sender_refused(reply),
            // A bare 550 may mean the recipient, the sender or a list of unwanted servers: that is for nobody to know.
            1 if reply.permanent() => judged(reply, Kind::Soft),
            2 if reply.permanent() => {
                Outcome::refused(reason, Kind::Policy, reply.status().unwrap_or(UNTOLD))
            }
            _ => Outcome::NotSent { reason },
        })
    }

    /// MAIL refused: a session that has had enough, a message too large, or a sender that nobody's mail gets past.
    fn sender_refused(&mut self, reply: &Reply) -> Outcome {
        let reason = reply.words();
        match reply.code {
            // OpenSMTPD after 100 messages, Exim after 1,000: "too many messages" means connect again.
            452 if self.taken > 0 => {
                self.alive = false;
                Outcome::Closed { reason }
            }
            552 => Outcome::refused(reason, Kind::Policy, reply.status().unwrap_or(UNTOLD)),
            code if code >= 500 => Outcome::Unavailable {
                reason: format!("sender refused: {reason}"),
            },
            454 => Outcome::Unavailable { reason },
            _ => Outcome::NotSent { reason },
        }
    }

    /// Makes the connection fit for the next transaction.
    async fn abandon(&mut self, replies: &[Reply]) {
        if !self.alive {
            return;
        }
        // DATA was accepted although MAIL or RCPT was refused: an empty message ends it (RFC 2920 §3.1).
        let waiting = replies.get(2).is_some_and(|reply| reply.code == 354);
        let words: &[u8] = if waiting {
            b".\r\nRSET\r\n"
        } else {
            b"RSET\r\n"
        };
        let mut reset = self.wire.write(words, self.deadlines.command).await;
        for _ in 0..=usize::from(waiting) {
            if reset.is_ok() {
                reset = self.wire.reply(self.deadlines.command).await.map(drop);
            }
        }
        self.alive = reset.is_ok();
    }

    /// The message and its dot. From the moment the write begins, the server may have all of it.
    async fn transfer(&mut self, bytes: &[u8], halt: &Halt) -> Outcome {
        let stuffed = stuffed(bytes);
        // The dot can only have left once everything before it has: a broken write of the body is certain, the last
        // block with the dot is not. Small messages go in one write, so that they are one packet.
        let (first, last) = stuffed.split_at(stuffed.len().saturating_sub(BLOCK));
        match halt
            .before(self.wire.write(first, self.deadlines.body))
            .await
        {
            None => return self.dropped(),
            Some(Err(broken)) => return self.lost(&broken),
            Some(Ok(())) => {}
        }
        match halt.within(self.finish(last)).await {
            Some(answer) => self.final_word(answer),
            None => {
                self.alive = false;
                Outcome::cut_short()
            }
        }
    }

    async fn finish(&mut self, rest: &[u8]) -> Result<Reply, Broken> {
        self.wire.write(rest, self.deadlines.body).await?;
        self.wire.reply(self.deadlines.dot).await
    }

    fn final_word(&mut self, answer: Result<Reply, Broken>) -> Outcome {
        let reply = match answer {
            Ok(reply) => reply,
            Err(broken) => {
                self.alive = false;
                return Outcome::Uncertain {
                    reason: format!("after the final dot {broken}"),
                };
            }
        };
        self.alive = reply.code != 421;
        let reason = reply.words();
        match reply.code {
            200..300 => Outcome::Delivered { reply: reason },
            // LMTP answers for the recipient here, always with a status (RFC 2033 §5); without one it is the message.
            500.. => judged(&reply, Kind::Policy),
            _ => Outcome::NotSent { reason },
        }
    }

    /// The line broke before the final dot. On a line that has carried messages before, that is the server's way to
    /// end a session; on a fresh one it may be this message.
    fn lost(&mut self, broken: &Broken) -> Outcome {
        self.alive = false;
        match broken {
            Broken::Gone(_) => self.ended(broken.to_string()),
            Broken::Silence | Broken::Nonsense => Outcome::NotSent {
                reason: broken.to_string(),
            },
        }
    }

    fn ended(&self, reason: String) -> Outcome {
        if self.taken > 0 {
            Outcome::Closed { reason }
        } else {
            Outcome::NotSent { reason }
        }
    }
}

/// A refusal judged by its status as one that comes back by mail would be; `untold` where the server gave none.
fn judged(reply: &Reply, untold: Kind) -> Outcome {
    let kind = reply.status().map_or(untold, bounce::kind);
    Outcome::refused(reply.words(), kind, reply.status().unwrap_or(UNTOLD))
}

/// The status of a refusal without one (RFC 3463: undefined).
const UNTOLD: &str = "5.0.0";
const BLOCK: usize = 128 * 1024;

/// `bytes` with leading dots doubled and the final dot (RFC 5321 §4.5.2). Lines end in CRLF already.
fn stuffed(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 64);
    if bytes.first() == Some(&b'.') {
        out.push(b'.');
    }
    let mut rest = bytes;
    while let Some(at) = memmem::find(rest, b"\n.") {
        let (line, after) = rest.split_at(at + 2);
        out.extend_from_slice(line);
        out.push(b'.');
        rest = after;
    }
    out.extend_from_slice(rest);
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

/// Whether an address, in the envelope or in a header, needs SMTPUTF8 (RFC 6531 §3.1): all else in our headers is ASCII.
fn international(message: &OutboxMessage) -> bool {
    let lines = message.bytes.split(|byte| *byte == b'\n');
    let mut head = lines.take_while(|line| !line.trim_ascii_end().is_empty());
    !message.envelope_from.is_ascii()
        || !message.envelope_to.is_ascii()
        || head.any(|line| !line.is_ascii())
}
