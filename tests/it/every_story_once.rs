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
        haste: 12,
    });
    let events = [
        "archives that leak",
        "archives under new ids",
        "edits",
        "entries published again",
        "floods",
        "moves to another host",
        "moves to other paths",
        "takeovers",
    ];
    // Counted as they happen, so that a year without one of them proves nothing of it.
    assert_eq!(
        Vec::from_iter(score.events.keys().copied()),
        events,
        "{score:?}"
    );
    assert!(score.truths > 300 && score.copies > 20, "{score:?}");
    let Score {
        copies,
        split,
        wrongly_joined,
        repeated,
        lost,
        takeovers,
        spam_shown,
        flooded,
        wrongly_quarantined,
        read_again,
        hidden,
        cases,
        ..
    } = score;
    assert_eq!((wrongly_joined, repeated, lost), (0, 0, 0), "{cases:#?}");
    assert_eq!(
        (takeovers.0 - takeovers.1, spam_shown, wrongly_quarantined),
        (0, 0, 0)
    );
    assert!(
        flooded.1 * 6 <= flooded.0,
        "{flooded:?}: a sixth of a flood is the limit of a poll"
    );
    assert!(
        split * 50 <= copies,
        "{split} of {copies} copies are stories of their own"
    );
    // The reader gets again what is split, and nothing else; no story hides behind the id of another.
    assert_eq!((read_again, hidden), (split, 0));
}
