//! feedmill: polls feeds, recognises every story once, republishes merged feeds and mails digests.

pub mod model;

pub mod clock;
pub mod config;
pub mod telemetry;

pub mod schedule;

pub mod fetch;
pub mod parse;

pub mod filter;
pub mod story;

pub mod store;

pub mod publish;

pub mod digest;

pub mod deliver;
pub mod systemd;

pub mod poll;

pub mod release;

pub mod mail;

pub mod http;
