//! The integration tests: each file tests one stage, flow or promise at its boundary, in data.
//!
//! How to add a test: find the file of the stage, write the case as input and expected ledger, call its `check`.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    unreachable_pub,
    reason = "tests may fail loudly, read real time, and hold long tables"
)]

mod support;

mod corpus;
mod deliver;
mod digest;
mod fetch;
mod filter;
mod http;
mod hub;
mod injuries;
mod mutants;
mod parse;
mod publish;
mod release;
mod schedule;
mod story;
mod validate;
