//! Tests of the store: every deed on a real file, and the promises of a poll, a story and an edition.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub(crate) mod bench;
mod chance;
mod editions;
mod feeds;
mod identity;
mod marks;
mod migrating;
mod opening;
mod polls;
mod stories;
mod upkeep;
