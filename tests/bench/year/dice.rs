//! Chance with a seed, and words made of it.

/// SplitMix64.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    pub(super) fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap()
    }

    pub(super) fn once_in(&mut self, days: u64) -> bool {
        self.below(days) == 0
    }

    /// A word of four thousand; the first ones are frequent, as in every language.
    pub(super) fn word(&mut self) -> String {
        let top = 1 + self.below(4000);
        let number = self.below(top);
        let mut rest = number * 7 + 13;
        let mut word = String::new();
        for _ in 0..1 + number % 3 {
            word.push(char::from(b"bdfghklmnprstvz"[(rest % 15) as usize]));
            word.push(char::from(b"aeiou"[(rest / 15 % 5) as usize]));
            rest = rest / 75 + number * 31;
        }
        word
    }

    pub(super) fn words(&mut self, count: usize) -> String {
        let mut text = String::new();
        for at in 0..count {
            let mut word = self.word();
            if at % 14 == 0 || self.below(18) == 0 {
                word[..1].make_ascii_uppercase();
            }
            text.push_str(&word);
            text.push_str(if at % 14 == 13 { ". " } else { " " });
        }
        text.trim_end().to_owned() + "."
    }
}
