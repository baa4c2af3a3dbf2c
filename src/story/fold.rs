//! Text as comparison sees it: words without case, marks and punctuation, as hashes. Takes plain text; gives words, and
//! apart from them the numbers and names in it, which tell apart two pieces of news in the same words. Stable for ever:
//! no seed, no platform in it. Knows no grammar.

use std::sync::LazyLock;

use unicode_normalization::{
    UnicodeNormalization, char::decompose_canonical, char::decompose_compatible,
};

/// What comparison keeps of a text.
#[derive(Debug, Default)]
pub(super) struct Folded {
    /// Words in order, hashed.
    pub(super) words: Vec<u64>,
    /// Numbers as written but for separators and leading zeros, hashed; in order, with repeats.
    pub(super) numbers: Vec<u16>,
    /// Capitalised words inside sentences, hashed; in order, with repeats.
    pub(super) names: Vec<u16>,
}

/// What a character is to comparison, after folding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// Part of a word.
    Letter(char),
    /// Part of a word, written as a capital.
    Capital(char),
    /// Part of a number.
    Digit(char),
    /// A word of its own: scripts without spaces.
    Alone(char),
    /// Not there: combining marks, apostrophes, soft hyphens.
    Nothing,
    /// Between digits it groups them; elsewhere it parts words.
    Point,
    /// Ends a sentence.
    Stop,
    /// Parts words.
    Gap,
}

/// Folded forms of Latin-1 to the combining marks, and of Latin Extended Additional (all of Vietnamese), Greek, Cyrillic.
static TABLE: LazyLock<Vec<Mark>> = LazyLock::new(|| {
    (0..0x2000)
        .map(|code| char::from_u32(code).map_or(Mark::Gap, slow_mark))
        .collect()
});

/// Folds `text`, reading at most `cap` words.
pub(super) fn folded(text: &str, cap: usize) -> Folded {
    let mut scan = Scan {
        cap,
        ..Scan::default()
    };
    // Separate jamo and kana marks would fold to other words than composed ones.
    if text.bytes().any(|byte| byte == 0xE1 || byte == 0xE3) && text.chars().any(needs_composing) {
        text.nfc().all(|char| scan.take(char));
    } else {
        let mut rest = text.chars();
        while rest.next().is_some_and(|char| scan.take(char)) {
            rest = scan.letters(rest.as_str()).chars();
        }
    }
    scan.end_word();
    scan.folded
}

/// Mixes a word's running hash into all of its bits.
pub(super) fn mixed(hash: u64) -> u64 {
    let mut hash = hash ^ (hash >> 30);
    hash = hash.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash ^= hash >> 27;
    hash = hash.wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^ (hash >> 31)
}

#[derive(Debug, Default)]
struct Scan {
    folded: Folded,
    cap: usize,
    hash: u64,
    length: u32,
    number: bool,
    capital: bool,
    /// A word of this sentence was seen already.
    inside: bool,
    /// A point after a digit: whether it groups digits is not known yet.
    pending: bool,
}

const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

impl Scan {
    /// Takes one character; false when enough words were read.
    fn take(&mut self, char: char) -> bool {
        match mark(char) {
            Mark::Letter(letter) => self.letter(letter, false),
            Mark::Capital(letter) => self.letter(letter, true),
            Mark::Digit(digit) => self.digit(digit),
            Mark::Alone(letter) => {
                self.end_word();
                self.push(letter);
                self.end_word();
            }
            Mark::Nothing => {}
            Mark::Point if self.number && self.length > 0 && !self.pending => self.pending = true,
            Mark::Point | Mark::Stop => {
                self.end_word();
                self.inside = false;
            }
            Mark::Gap => self.end_word(),
        }
        self.folded.words.len() < self.cap
    }

    /// Takes the ASCII letters that go on with a word, as [`Self::take`] would one by one; gives what is left.
    fn letters<'a>(&mut self, rest: &'a str) -> &'a str {
        if self.length == 0 || self.number || self.pending {
            return rest;
        }
        let run = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (letters, rest) = rest.split_at(run);
        for letter in letters.bytes() {
            self.push(char::from(letter.to_ascii_lowercase()));
        }
        rest
    }

    fn letter(&mut self, letter: char, capital: bool) {
        if self.number || self.pending {
            self.end_word();
        }
        if self.length == 0 {
            self.capital = capital && self.inside;
        }
        self.push(letter);
    }

    fn digit(&mut self, digit: char) {
        if self.length > 0 && !self.number {
            self.end_word();
        }
        self.pending = false;
        if self.length == 1 && self.hash == SEED_ZERO {
            // A leading zero: 05 is 5.
            self.length = 0;
        }
        self.number = true;
        self.push(digit);
    }

    fn push(&mut self, letter: char) {
        if self.length == 0 {
            self.hash = SEED;
        }
        self.hash = (self.hash ^ u64::from(letter))
            .wrapping_mul(0x0000_0100_0000_01B3)
            .rotate_left(23);
        self.length += 1;
    }

    fn end_word(&mut self) {
        let ended_sentence = std::mem::take(&mut self.pending);
        let number = std::mem::take(&mut self.number);
        let capital = std::mem::take(&mut self.capital);
        if std::mem::take(&mut self.length) == 0 {
            return;
        }
        let hash = mixed(self.hash);
        self.folded.words.push(hash);
        let short = (hash >> 48) as u16;
        if number {
            self.folded.numbers.push(short);
        } else if capital {
            self.folded.names.push(short);
        }
        self.inside = !ended_sentence;
    }
}

/// The running hash of the single digit zero.
const SEED_ZERO: u64 = (SEED ^ '0' as u64)
    .wrapping_mul(0x0000_0100_0000_01B3)
    .rotate_left(23);

fn mark(char: char) -> Mark {
    let code = char as usize;
    match code {
        0..0x2000 => TABLE[code],
        0x3041..0x3097 | 0x30A1..0x30FB | 0x3400..0x4DC0 | 0x4E00..0xA000 => Mark::Alone(char),
        0xAC00..0xD7A4 => Mark::Letter(char),
        _ => slow_mark(char),
    }
}

/// What `char` is, worked out from Unicode; the table above remembers it for the alphabets.
fn slow_mark(char: char) -> Mark {
    match char {
        '.' | ',' => return Mark::Point,
        '!' | '?' | ':' | ';' | '"' | '“' | '”' | '«' | '»' | '„' | '(' | ')' | '\n' | '–'
        | '—' | '。' | '…' | '•' => return Mark::Stop,
        '\'' | '’' | 'ʼ' | '\u{AD}' | '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}' => {
            return Mark::Nothing;
        }
        '0'..='9' => return Mark::Digit(char),
        'Đ' => return Mark::Capital('d'),
        'đ' => return Mark::Letter('d'),
        'Ø' => return Mark::Capital('o'),
        'ø' => return Mark::Letter('o'),
        'Ł' => return Mark::Capital('l'),
        'ł' | 'ı' => return Mark::Letter(if char == 'ł' { 'l' } else { 'i' }),
        'ς' => return Mark::Letter('σ'),
        '\u{0300}'..='\u{036F}' => return Mark::Nothing,
        _ => {}
    }
    let base = base_of(char);
    if base.is_ascii_digit() {
        Mark::Digit(base)
    } else if is_spaceless(char) {
        Mark::Alone(base)
    } else if base.is_alphanumeric() || is_vowel_sign(char) {
        let lower = base.to_lowercase().next().unwrap_or(base);
        if base.is_uppercase() {
            Mark::Capital(lower)
        } else {
            Mark::Letter(lower)
        }
    } else {
        Mark::Gap
    }
}

/// First character of the decomposition of alphabets whose marks comparison leaves out, and of compatibility forms.
fn base_of(char: char) -> char {
    let mut base = None;
    match char as u32 {
        0xC0..0x0530 | 0x1E00..0x2000 => {
            decompose_canonical(char, |part| _ = base.get_or_insert(part))
        }
        0xFB00..0xFB07 | 0xFF01..0xFFE0 => {
            decompose_compatible(char, |part| _ = base.get_or_insert(part))
        }
        _ => {}
    }
    base.unwrap_or(char)
}

/// Signs of Indic and South-East Asian scripts that are no letters to Unicode but belong to the word.
fn is_vowel_sign(char: char) -> bool {
    matches!(char as u32, 0x0900..0x0E00 | 0x0F00..0x1100 | 0x1700..0x1800)
        && !matches!(char, '।' | '॥')
        && !char.is_whitespace()
}

/// Scripts that put no spaces between words: Thai, Lao, Myanmar, Khmer, kana, ideographs.
fn is_spaceless(char: char) -> bool {
    matches!(char as u32,
        0x0E01..0x0E30 | 0x0E40..0x0E45 | 0x0E81..0x0EB0 | 0x1000..0x102B | 0x1780..0x17B4
        | 0x3041..0x3097 | 0x30A1..0x30FB | 0x3400..0x4DC0 | 0x4E00..0xA000 | 0xF900..0xFB00
        | 0xFF66..0xFF9E | 0x2_0000..0x3_4000)
}

fn needs_composing(char: char) -> bool {
    matches!(char as u32, 0x1100..0x1200 | 0x3099 | 0x309A)
}
