//! Tests of publish: what each format says of a story, read back with parsers that are not ours; expected values come
//! from the RFCs and profiles named at each test.

pub(crate) mod bench;
mod documents;
mod formats;
mod pages;
mod politeness;
mod properties;
