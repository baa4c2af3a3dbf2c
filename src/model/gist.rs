//! What a sketch says at a glance: enough to see, without reading it, that two texts have little in common.

/// Two bits of each of the 128 bins of a sketch, as two words: equal bins agree in both, others in one of four cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gist {
    /// The lowest bits. None is known where all are 0.
    pub low: u128,
    /// The bits above. Not known of what was stored before there were two, which is all 0 then.
    pub high: u128,
}

/// Bins of two gists that agree where the texts may be alike. Texts with one in twenty word pairs in common agree in 37
/// of 128, give or take 5; texts that share 45 in 100, the least that makes one story of two without an equal title, in
/// 75, give or take 6.
const ALIKE_BINS: u32 = 55;
/// The same where only the lowest bits are known: 67, give or take 6; and 93, give or take 5.
const ALIKE_BITS: u32 = 74;

impl Gist {
    /// May the texts of the two be alike? No is certain enough to spare a look at their sketches.
    #[must_use]
    pub fn may_be_like(self, other: Self) -> bool {
        let low = !(self.low ^ other.low);
        if self.low == 0 || other.low == 0 {
            return true;
        }
        if self.high == 0 || other.high == 0 {
            return low.count_ones() >= ALIKE_BITS;
        }
        (low & !(self.high ^ other.high)).count_ones() >= ALIKE_BINS
    }
}
