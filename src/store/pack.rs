//! The long parts of an entry as one blob: fingerprint, texts, and the small fields as JSON, compressed when long.
//!
//! Layout: one byte of codec (0 plain, 1 zstd), then the payload: 32 bytes of fingerprint, a byte of flags, four
//! lengths, then summary, content, text and extras one after the other. The text mostly repeats the content, so
//! together they compress to little more than the content alone.

use std::cell::RefCell;

use serde::{Deserialize, Serialize};

use super::row::{Outcome, Trouble, conversion};
use crate::model::{
    Author, Category, DateFlag, Enclosure, Fingerprint, IncomingEntry, ParsedEntry, SafeHtml,
    SourceRef, TextLink,
};

/// Shorter payloads stay plain: they fit a page, and reading them is free.
const PLAIN: usize = 700;
/// The fastest level: bodies are written once per entry and poll.
const LEVEL: i32 = 1;
/// No payload is longer: what SQLite itself would take.
const CAP: usize = 64 << 20;

/// The fields that are seldom there.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Extras {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<Author>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_flag: Option<DateFlag>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    enclosures: Vec<Enclosure>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    categories: Vec<Category>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<TextLink>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<SourceRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rights: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
}

/// What a blob says.
pub(super) struct Unpacked {
    fingerprint: Fingerprint,
    summary: Option<String>,
    content: Option<String>,
    text: String,
    extras: Extras,
}

thread_local! {
    static PACKER: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
    // Making a context costs more than unpacking a body with it.
    static UNPACKER: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
}

/// The blob of an incoming entry.
pub(super) fn pack(incoming: &IncomingEntry) -> Outcome<Vec<u8>> {
    pack_entry(&incoming.entry, &incoming.tags)
}

/// The blob of an entry with its tags.
pub(super) fn pack_entry(entry: &ParsedEntry, tags: &[String]) -> Outcome<Vec<u8>> {
    let summary = entry.summary_html.as_ref().map_or("", SafeHtml::as_str);
    let content = entry.content_html.as_ref().map_or("", SafeHtml::as_str);
    let extras = serde_json::to_vec(&Extras {
        authors: entry.authors.clone(),
        date_flag: entry.date_flag,
        enclosures: entry.enclosures.clone(),
        categories: entry.categories.clone(),
        links: entry.links.clone(),
        source: entry.source.clone(),
        language: entry.language.clone(),
        rights: entry.rights.clone(),
        tags: tags.to_vec(),
    })?;
    let parts = [
        summary.as_bytes(),
        content.as_bytes(),
        entry.text.as_bytes(),
        extras.as_slice(),
    ];
    let mut plain = Vec::with_capacity(50 + parts.iter().map(|part| part.len()).sum::<usize>());
    plain.push(0);
    plain.extend_from_slice(&entry.fingerprint.0);
    plain
        .push(u8::from(entry.summary_html.is_some()) | u8::from(entry.content_html.is_some()) << 1);
    for part in parts {
        plain.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
    }
    parts.iter().for_each(|part| plain.extend_from_slice(part));
    if plain.len() > PLAIN {
        squeeze(&plain)
    } else {
        Ok(plain)
    }
}

fn squeeze(plain: &[u8]) -> Outcome<Vec<u8>> {
    let mut packed = vec![1];
    packed.extend(compress(plain.get(1..).unwrap_or_default())?);
    Ok(packed)
}

/// `bytes` as a zstd frame, by this thread's own compressor.
pub(super) fn compress(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    PACKER.with_borrow_mut(|packer| {
        let packer = match packer {
            Some(packer) => packer,
            none => {
                let packer = none.insert(zstd::bulk::Compressor::new(LEVEL)?);
                // What a disk spoils is noticed, not read as something else.
                packer.include_checksum(true)?;
                packer
            }
        };
        packer.compress(bytes)
    })
}

/// The bytes of a zstd frame that [`compress`] made.
pub(super) fn decompress(frame: &[u8]) -> std::io::Result<Vec<u8>> {
    let length = zstd::zstd_safe::get_frame_content_size(frame)
        .ok()
        .flatten()
        .unwrap_or(0);
    let capacity = usize::try_from(length).unwrap_or(CAP).min(CAP);
    UNPACKER.with_borrow_mut(|unpacker| {
        let unpacker = match unpacker {
            Some(unpacker) => unpacker,
            none => none.insert(zstd::bulk::Decompressor::new()?),
        };
        unpacker.decompress(frame, capacity)
    })
}

/// Reads a blob.
pub(super) fn unpack(blob: &[u8]) -> Outcome<Unpacked> {
    let broken = || {
        let error = std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "an entry's body cannot be read",
        );
        Trouble::Sql(conversion(0, error))
    };
    let (codec, rest) = blob.split_first().ok_or_else(broken)?;
    let inflated;
    let payload = match codec {
        0 => rest,
        _ => {
            inflated = decompress(rest)?;
            inflated.as_slice()
        }
    };
    read(payload).ok_or_else(broken)
}

fn read(payload: &[u8]) -> Option<Unpacked> {
    let (print, rest) = payload.split_first_chunk::<32>()?;
    let (flags, mut rest) = rest.split_first()?;
    let mut lengths = [0_usize; 4];
    for length in &mut lengths {
        let (word, after) = rest.split_first_chunk::<4>()?;
        *length = usize::try_from(u32::from_le_bytes(*word)).ok()?;
        rest = after;
    }
    let mut part = |index: usize| {
        let (bytes, after) = rest.split_at_checked(*lengths.get(index)?)?;
        rest = after;
        Some(bytes)
    };
    let text_of = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let (summary, content, text, extras) = (part(0)?, part(1)?, part(2)?, part(3)?);
    Some(Unpacked {
        fingerprint: Fingerprint(*print),
        summary: if flags & 1 != 0 {
            Some(text_of(summary)?)
        } else {
            None
        },
        content: if flags & 2 != 0 {
            Some(text_of(content)?)
        } else {
            None
        },
        text: text_of(text)?,
        extras: serde_json::from_slice(extras).ok()?,
    })
}

impl Unpacked {
    /// Fills `entry`, which has the short fields already; gives the tags.
    pub(super) fn fill(self, entry: &mut ParsedEntry) -> Vec<String> {
        entry.fingerprint = self.fingerprint;
        entry.summary_html = self.summary.map(SafeHtml::vouched);
        entry.content_html = self.content.map(SafeHtml::vouched);
        entry.text = self.text;
        entry.authors = self.extras.authors;
        entry.date_flag = self.extras.date_flag;
        entry.enclosures = self.extras.enclosures;
        entry.categories = self.extras.categories;
        entry.links = self.extras.links;
        entry.source = self.extras.source;
        entry.language = self.extras.language;
        entry.rights = self.extras.rights;
        self.extras.tags
    }
}
