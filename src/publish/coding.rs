//! Bytes to a finished document: codings made once per change, tag over the identity bytes, so that one tag serves all
//! codings (R7.1, R7.2, R7.9).

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use super::{Document, Keep};

/// Below this, a coding saves less than its header costs.
const LEAST_BYTES: usize = 1024;

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// gzip.
    Gzip,
    /// brotli.
    Brotli,
    /// zstd.
    Zstd,
}

impl Coding {
    /// As `Content-Encoding` spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }
}

/// Finished bytes in every coding. `path` begins with a slash.
#[must_use]
pub fn finish(
    path: String,
    content_type: &'static str,
    bytes: Vec<u8>,
    changed_at: Timestamp,
) -> Document {
    let document = Document {
        changed_at: Some(changed_at),
        ..plain(path, content_type, bytes)
    };
    [Coding::Gzip, Coding::Brotli, Coding::Zstd]
        .into_iter()
        .fold(document, code)
}

/// Finished bytes as they are, for a document that few will ask for.
#[must_use]
pub fn plain(path: String, content_type: &'static str, bytes: Vec<u8>) -> Document {
    Document {
        gzip: None,
        brotli: None,
        zstd: None,
        etag: etag(&bytes),
        identity: Bytes::from(bytes),
        path,
        content_type,
        changed_at: None,
        links: Vec::new(),
        keep: Keep::UntilPoll,
    }
}

/// `document` with its bytes in `coding` too, unless they are too few or no smaller for it.
#[must_use]
pub fn code(document: Document, coding: Coding) -> Document {
    let bytes = &document.identity;
    let coded = if bytes.len() < LEAST_BYTES {
        None
    } else {
        match coding {
            Coding::Gzip => gzip(bytes),
            Coding::Brotli => brotli(bytes),
            Coding::Zstd => zstd::bulk::compress(bytes, 6).ok(),
        }
    };
    let coded = coded
        .filter(|coded| coded.len() < bytes.len())
        .map(Bytes::from);
    match coding {
        Coding::Gzip => Document {
            gzip: coded,
            ..document
        },
        Coding::Brotli => Document {
            brotli: coded,
            ..document
        },
        Coding::Zstd => Document {
            zstd: coded,
            ..document
        },
    }
}

/// Bytes to keep for good, small: an archive document is frozen once and never rendered again.
#[must_use]
pub fn freeze(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 12).expect("memory takes every byte and the level is a known one")
}

/// What [`freeze`] made, as it was; none when the bytes are torn.
#[must_use]
pub fn thaw(frozen: &[u8]) -> Option<Vec<u8>> {
    zstd::stream::decode_all(frozen).ok()
}

/// The tag: the first half of BLAKE3, in hex.
#[must_use]
pub(super) fn etag(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().as_str()[..32].to_owned()
}

/// The gzip header carries no time, so equal bytes give equal bytes.
fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::new(6));
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

fn brotli(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut coded = Vec::with_capacity(bytes.len() / 2);
    let mut encoder = brotli::CompressorWriter::new(&mut coded, 4096, 5, 22);
    encoder.write_all(bytes).ok()?;
    encoder.flush().ok()?;
    drop(encoder);
    Some(coded)
}
