//! What was made on request, kept for whoever asks next: within bounds of bytes and of age, and no longer than until the
//! next rendering. Only a few are made at once, so that a flood of questions costs neither memory nor the readers of
//! finished documents.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hashlink::LruCache;
use jiff::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::publish::{Coding, Document};

/// How long an answer is good, seconds: what retention or another process changed shows within that time.
const GOOD_S: i64 = 60;
/// Most answers kept, and most bytes of them.
const MOST: usize = 512;
const MOST_BYTES: usize = 16 << 20;
/// Made at once.
const AT_ONCE: usize = 2;

/// A path, and the coding that was made for it; none for the bytes as they are.
type Key = (String, Option<Coding>);

/// See the module's first lines.
pub(super) struct Answers {
    kept: Mutex<Kept>,
    turns: Semaphore,
    round: AtomicU64,
}

struct Kept {
    answers: LruCache<Key, Answer>,
    bytes: usize,
}

struct Answer {
    round: u64,
    made_at: Timestamp,
    document: Arc<Document>,
}

/// The right to make one answer, and the rendering that it belongs to.
pub(super) struct Turn<'a> {
    round: u64,
    _permit: Option<SemaphorePermit<'a>>,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            kept: Mutex::new(Kept {
                answers: LruCache::new(MOST),
                bytes: 0,
            }),
            turns: Semaphore::new(AT_ONCE),
            round: AtomicU64::new(0),
        }
    }
}

impl Answers {
    /// What was made before the next rendering may be old: nothing of it is answered with any more.
    pub(super) fn turn_over(&self) {
        self.round.fetch_add(1, Ordering::AcqRel);
    }

    /// Waits until one more may be made.
    pub(super) async fn turn(&self) -> Turn<'_> {
        // Nobody closes the semaphore; if someone did, an answer without a turn would be better than none.
        let permit = self.turns.acquire().await.ok();
        Turn {
            round: self.round.load(Ordering::Acquire),
            _permit: permit,
        }
    }

    /// A fresh answer.
    pub(super) fn get(
        &self,
        path: &str,
        coding: Option<Coding>,
        now: Timestamp,
    ) -> Option<Arc<Document>> {
        let round = self.round.load(Ordering::Acquire);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = kept.answers.get(&(path.to_owned(), coding))?;
        let age_s = now.as_second() - answer.made_at.as_second();
        let fresh = answer.round == round && (0..GOOD_S).contains(&age_s);
        fresh.then(|| Arc::clone(&answer.document))
    }

    /// Keeps an answer; the longest unasked ones make room.
    pub(super) fn put(
        &self,
        turn: &Turn<'_>,
        (document, coding): (&Arc<Document>, Option<Coding>),
        now: Timestamp,
    ) {
        let size = size(document);
        if size > MOST_BYTES / 4 {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        while kept.bytes + size > MOST_BYTES || kept.answers.len() >= MOST {
            let Some((_, oldest)) = kept.answers.remove_lru() else {
                break;
            };
            kept.bytes -= self::size(&oldest.document);
        }
        let answer = Answer {
            round: turn.round,
            made_at: now,
            document: Arc::clone(document),
        };
        kept.bytes += size;
        if let Some(last) = kept.answers.insert((document.path.clone(), coding), answer) {
            kept.bytes -= self::size(&last.document);
        }
    }
}

/// Bytes that a document holds on to; what a coded one shares with the plain one is counted twice.
fn size(document: &Document) -> usize {
    let coded = [&document.gzip, &document.brotli, &document.zstd];
    let coded = coded.into_iter().flatten().map(bytes::Bytes::len);
    document.identity.len() + document.path.len() + coded.sum::<usize>()
}
