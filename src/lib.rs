//! feedmill: polls feeds, recognises every story once, republishes merged feeds and mails digests.
//!
//! # The way of the data
//!
//! ```text
//! config ─▶ schedule ─▶ fetch ─▶ parse ─▶ story ─▶ store ─▶ publish ─▶ http / files ─▶ subscribers
//!                                                   │
//!                                                   └─▶ digest ─▶ outbox ─▶ deliver ─▶ mailboxes
//! ```
//!
//! # Layers
//!
//! 1. **Values**: [`model`], [`clock`], [`config`], [`telemetry`]. No stage is known here.
//! 2. **Stages** do one step each and know only values, never each other: [`schedule`], [`fetch`], [`parse`],
//!    [`filter`], [`story`], [`store`], [`publish`], [`digest`], [`deliver`], [`systemd`]. Each outside library has one
//!    door among them.
//! 3. **Flows** string stages together and do not know each other: [`poll`], [`release`], [`mail`], [`http`].
//! 4. [`daemon`] builds everything, owns every task, reloads and drains.
//! 5. [`cli`] is the operator's side.
//!
//! The test `tidy` reads the sources and holds them to this.
//!
//! # Invariants
//!
//! - Nothing outside [`clock`] reads wall time; instants and randomness come in as arguments.
//! - Nothing outside `config`, `telemetry` and `systemd` reads the environment.
//! - SQL appears only under `store`; no row or transaction leaves it.
//! - A poll is one commit: entries, validators, next poll, error state ([`store::Store::commit_poll`]).
//! - An edition is one commit: window, selection, messages, Message-IDs ([`store::Store::freeze_edition`]).
//! - Delivery is at least once; the Message-ID is fixed before the first attempt.
//! - No task without an owner: leaving [`daemon::run`] means that all have ended.
//! - Parsing is a function: the same bytes give the same keys and fingerprints ([`parse::parse`]).
//! - Markup is made safe once, in `parse`; [`model::SafeHtml`] is the proof that later stages rely on.
//! - Expected outcomes (304, 404, a malformed feed, a 4yz reply) are values; an error means "I cannot go on".

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

pub mod daemon;

pub mod cli;
