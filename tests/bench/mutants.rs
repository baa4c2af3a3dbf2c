//! Random mutants of the corpus, as many as asked for: counts those that panic, those that take a second and more, and
//! those read twice to two results; one that does not end is told and ends the run.
//! Takes the documents of `tests/corpus`; prints the seed of each finding, from which it can be made again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use feedmill::parse::{ParseContext, ParseError, parse};

use crate::documents::Dice;

const TOKENS: &[&str] = &[
    "<",
    ">",
    "&",
    "]]>",
    "<![CDATA[",
    "<!--",
    "-->",
    "\"",
    "'",
    "\0",
    "\u{feff}",
    "</item>",
    "<item>",
    "<entry>",
    "{",
    "}",
    "[",
    ",",
];

/// What no mutant of a document of some kilobytes may take.
const SLOW: Duration = Duration::from_secs(1);
const HANG: Duration = Duration::from_secs(60);

/// The mutant at hand.
static SEED: AtomicUsize = AtomicUsize::new(0);

/// Ends the run when one mutant takes too long.
fn watch() {
    std::thread::spawn(|| {
        loop {
            let seed = SEED.load(Ordering::Relaxed);
            std::thread::sleep(HANG);
            if SEED.load(Ordering::Relaxed) == seed {
                println!("mutants: seed {seed} hangs");
                std::process::exit(1);
            }
        }
    });
}

/// Runs `count` mutants.
pub(crate) fn run(count: usize) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the corpus is there")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_none_or(|kind| kind != "expect" && kind != "md")
        })
        .collect();
    paths.sort();
    let documents: Vec<Vec<u8>> = paths
        .iter()
        .filter_map(|path| std::fs::read(path).ok())
        .collect();
    let (mut read, mut panics, mut differing, mut slow) = (0_usize, 0_usize, 0_usize, 0_usize);
    watch();
    for seed in 0..count {
        SEED.store(seed, Ordering::Relaxed);
        let mutant = mutant(seed, &documents);
        let begin = Instant::now();
        let first = parse(&mutant, &ParseContext::default());
        read += usize::from(first.is_ok());
        if begin.elapsed() > SLOW {
            println!("mutants: seed {seed} takes {:?}", begin.elapsed());
            slow += 1;
        }
        if matches!(&first, Err(ParseError::Unreadable(why)) if why.contains("gave up")) {
            println!("mutants: seed {seed} panics");
            panics += 1;
        }
        if first != parse(&mutant, &ParseContext::default()) {
            println!("mutants: seed {seed} differs");
            differing += 1;
        }
    }
    println!(
        "mutants: {count} tried, {read} read as feeds, {panics} panics, {slow} slow, {differing} with two results"
    );
}

fn mutant(seed: usize, documents: &[Vec<u8>]) -> Vec<u8> {
    let mut dice = Dice::new(seed as u64);
    let mut out = documents[dice.roll(documents.len())].clone();
    for _ in 0..=dice.roll(3) {
        let at = dice.roll(out.len() + 1);
        let end = at + dice.roll((out.len() - at).min(64) + 1);
        match dice.roll(5) {
            0 => out.truncate(at),
            1 => drop(out.drain(at..end)),
            2 => drop(out.splice(at..at, TOKENS[dice.roll(TOKENS.len())].bytes())),
            3 if at < out.len() => out[at] ^= 1 << dice.roll(8),
            _ => {
                let copy = out[at..end].to_vec();
                drop(out.splice(at..at, copy));
            }
        }
    }
    out
}
