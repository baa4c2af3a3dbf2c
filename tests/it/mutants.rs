//! Random mutants of the corpus: none panics, each is read twice to the same result, none grows without bound. A modest
//! number here, from a fixed seed; `cargo bench -- mutants 100000` runs many.

use feedmill::parse::{ParseContext, ParseError, parse};

use crate::corpus::documents;
use crate::injuries::Dice;

/// What is put into documents.
const TOKENS: &[&str] = &[
    "<",
    ">",
    "&",
    "]]>",
    "<![CDATA[",
    "<!--",
    "-->",
    "<?xml encoding='utf-16'?>",
    "\"",
    "'",
    "/",
    "\0",
    "\u{feff}",
    "&#x110000;",
    "</item>",
    "<item>",
    "<entry>",
    "</channel>",
    "<rss>",
    "xmlns=''",
    "{",
    "}",
    "[",
    ",",
    "\\u0000",
    "1e999",
    "<p><b>",
    "&amp;amp;",
];

/// One to four changes of a document.
fn mutant(dice: &mut Dice, document: &[u8], other: &[u8]) -> Vec<u8> {
    let mut out = document.to_vec();
    for _ in 0..=dice.roll(3) {
        let at = dice.roll(out.len() + 1);
        let end = at + dice.roll((out.len() - at).min(64) + 1);
        match dice.roll(6) {
            0 => out.truncate(at),
            1 => drop(out.drain(at..end)),
            2 => drop(out.splice(at..at, TOKENS[dice.roll(TOKENS.len())].bytes())),
            3 if at < out.len() => out[at] ^= 1 << dice.roll(8),
            4 => {
                let copy = out[at..end].to_vec();
                drop(out.splice(at..at, copy));
            }
            _ => {
                let from = dice.roll(other.len() + 1);
                let to = from + dice.roll((other.len() - from).min(64) + 1);
                drop(out.splice(at..end, other[from..to].iter().copied()));
            }
        }
    }
    out
}

#[test]
fn mutants_are_read_twice_to_the_same() {
    let documents: Vec<Vec<u8>> = documents()
        .into_iter()
        .map(|(_, bytes)| bytes)
        .filter(|bytes| bytes.len() < 8 * 1024)
        .collect();
    let mut dice = Dice(4);
    for round in 0..3_000 {
        let (one, other) = (dice.roll(documents.len()), dice.roll(documents.len()));
        let mutant = mutant(&mut dice, &documents[one], &documents[other]);
        let first = parse(&mutant, &ParseContext::default());
        // A panic is contained, but says so.
        let gave_up = matches!(&first, Err(ParseError::Unreadable(why)) if why.contains("gave up"));
        assert!(
            !gave_up,
            "round {round}: {:?}",
            String::from_utf8_lossy(&mutant)
        );
        assert_eq!(
            first,
            parse(&mutant, &ParseContext::default()),
            "round {round}"
        );
    }
}
