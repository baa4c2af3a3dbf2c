//! Every story once, over months: the made-up year of the benchmark, shortened, with bounds on what may go wrong.

#[path = "../bench/year.rs"]
mod year;

use year::{Score, Size, live};

#[test]
fn months_of_moves_renumberings_copies_and_floods_repeat_nothing() {
    let score = live(Size {
        feeds: 30,
        days: 24,
        seed: 11,
    });
    let Score {
        truths,
        copies,
        split,
        wrongly_joined,
        repeated,
        lost,
        spam_shown,
        wrongly_quarantined,
        ..
    } = score;
    assert!(
        truths > 300 && copies > 20,
        "{truths} truths, {copies} copies: the year is too quiet"
    );
    assert_eq!((wrongly_joined, repeated, lost), (0, 0, 0));
    assert_eq!((spam_shown, wrongly_quarantined), (0, 0));
    assert!(
        split * 50 <= copies,
        "{split} of {copies} copies are stories of their own"
    );
}
