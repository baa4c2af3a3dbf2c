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

mod config;
mod corpus;
mod daemon;
mod deliver;
mod digest;
mod digest_verb;
mod discover;
mod dkim;
mod every_story_once;
mod fetch;
mod filter;
mod http;
mod hub;
mod injuries;
mod mail;
mod mail_bounce;
mod mail_calendar;
mod mail_corrections;
mod mail_faults;
mod mail_restart;
mod mail_selection;
mod mail_weekly;
mod mutants;
mod parse;
mod parse_verb;
mod parse_work;
mod plan;
mod poll;
mod preflight;
mod properties;
mod publish;
mod quickstart;
mod release;
mod restart;
mod schedule;
mod search;
mod searching;
mod sign_up;
mod store;
mod stories_verb;
mod story;
mod subscription;
mod systemd;
mod tidy;
mod validate;
mod websub;
mod why;
