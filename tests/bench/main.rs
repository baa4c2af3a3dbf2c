//! Measurements, as ratios within one run: `cargo bench` runs those that are quick, `cargo bench -- poll 10000` one of
//! them with another size.
//!
//! - `poll`: cold and warm, beside a bare HTTP client that makes the same requests.
//! - `serve`: the built daemon beside a bare responder and beside nginx, plain, gzip and 304; slow clients and long heads.
//! - `mail`: the outbox drained beside a bare SMTP generator, into the same sink.
//! - `parse`: beside the bare parser, with and without a bare sanitiser, normalising alone, and feedparser.
//! - `cadence`: delay per request of three schedules, simulated.
//! - `story`, `pairs`, `year`: verdicts of single entries; precision and recall over the labelled pairs; a year of
//!   made-up feeds with a known truth, and what of it was split, joined or repeated wrongly (only when named).
//! - `mutants 100000`: documents of the corpus changed at random (only when named).
//! - `million`: a large store beside a small one, commits and rendering included (only when named).
//!
//! Nothing here is asserted: machines differ, ratios are for people to compare.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::write_with_newline,
    missing_docs
)]

mod cadence;
mod documents;
mod mail;
mod meter;
mod million;
mod mutants;
mod nginx;
mod origin;
mod pairs;
mod parse;
mod poll;
mod postfix;
mod serve;
mod story;
mod year;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let given = arguments.iter().find_map(|argument| argument.parse().ok());
    let size = given.unwrap_or(1_000);
    let named = |name: &str| arguments.iter().any(|argument| argument == name);
    if named("origin") {
        return origin::serve(size);
    }
    if named("sink") {
        return mail::sink();
    }
    if named("mutants") {
        return mutants::run(size);
    }
    let all = arguments
        .iter()
        .all(|argument| argument.parse::<usize>().is_ok());
    if named("pairs") {
        return pairs::run();
    }
    if named("story") {
        return story::run();
    }
    if named("year") {
        return year::run(size.min(500));
    }
    if all || named("cadence") {
        cadence::run(size.min(500));
    }
    if all || named("poll") {
        poll::run(size);
    }
    if all || named("parse") {
        parse::run();
    }
    if all || named("serve") {
        serve::run(size * 20);
    }
    if all || named("mail") {
        mail::run(size * 2);
    }
    if named("million") {
        million::run(given.unwrap_or(1_000_000));
    }
}
