//! The pieces of a date in the order they stand: numbers with their separators, a clock time, an offset, known words.
//! Takes text in lower case and composed form; refuses texts that hold too much to be a date.

use jiff::civil::Weekday;

use super::words::{self, Word};

/// A number that is part of the day, not of the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    pub(super) value: i16,
    /// How many digits it was written with.
    pub(super) length: usize,
    /// What follows it.
    pub(super) separator: char,
}

/// What stands in a date.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    pub(super) numbers: Vec<Number>,
    /// Marked by a word: `年`, `năm` and the like.
    pub(super) year: Option<i16>,
    pub(super) month: Option<i16>,
    pub(super) day: Option<i16>,
    /// A month's name that means two months in two languages.
    pub(super) either_month: Option<(i16, i16)>,
    /// Hour, minute, second, nanosecond.
    pub(super) time: Option<(i16, i16, i16, i32)>,
    pub(super) is_afternoon: Option<bool>,
    pub(super) offset_s: Option<i32>,
    pub(super) weekday: Option<Weekday>,
    /// A word that is a month in one language and a weekday in another: what it is shows when all is read.
    undecided: Option<(i16, Weekday)>,
}

struct Lexer<'t> {
    rest: &'t str,
    before: char,
    parts: Parts,
    unknown: usize,
    wants_month: bool,
}

/// Splits a date.
pub(super) fn parts(text: &str) -> Option<Parts> {
    let mut lexer = Lexer {
        rest: text,
        before: ' ',
        parts: Parts::default(),
        unknown: 0,
        wants_month: false,
    };
    while let Some(first) = lexer.rest.chars().next() {
        if first.is_ascii_digit() {
            lexer.number()?;
        } else if first.is_alphabetic() {
            lexer.word()?;
        } else if first == '(' {
            lexer.comment();
        } else if matches!(first, '+' | '-' | '−') && lexer.is_offset_sign(first) {
            lexer.offset(first)?;
        } else {
            lexer.skip(first.len_utf8());
        }
    }
    let mut parts = lexer.parts;
    if let Some((month, weekday)) = parts.undecided {
        match parts.month {
            Some(_) => parts.weekday = Some(weekday),
            None => parts.month = Some(month),
        }
    }
    (parts.numbers.len() <= 3).then_some(parts)
}

impl Lexer<'_> {
    fn skip(&mut self, bytes: usize) {
        self.before = self.rest[..bytes].chars().next_back().unwrap_or(' ');
        self.rest = &self.rest[bytes..];
    }

    /// `(CEST)`, `(월)`: a comment by RFC 822; only a zone in it may count, when nothing else tells the zone.
    fn comment(&mut self) {
        let names_zone = ["(gmt", "(utc"]
            .iter()
            .any(|zone| self.rest.starts_with(zone));
        if names_zone && self.parts.offset_s.is_none() {
            return self.skip(1);
        }
        let end = self.rest.find(')').map_or(self.rest.len(), |end| end + 1);
        self.skip(end);
    }

    fn number(&mut self) -> Option<()> {
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let digits = self.rest[..length].to_owned();
        if self.parts.time.is_none() && length <= 2 && self.begins_time(length) {
            return self.clock(digits.parse().ok()?, length);
        }
        if length == 8 && self.parts.numbers.is_empty() {
            // `20261123T103000Z`
            self.push(&digits[..4], '-')?;
            self.push(&digits[4..6], '-')?;
            self.push(&digits[6..], '-')?;
        } else if matches!(length, 4 | 6)
            && self.before == 't'
            && self.parts.time.is_none()
            && self.has_date()
        {
            let part = |at: usize| {
                digits
                    .get(at..at + 2)
                    .map_or(Some(0), |part| part.parse::<i16>().ok())
            };
            self.parts.time = Some((part(0)?, part(2)?, part(4)?, 0));
        } else if length <= 4 {
            self.day_part(&digits)?;
        } else {
            return None;
        }
        self.skip(length);
        self.skip_ordinal();
        Some(())
    }

    /// Whether a number is the hour of a clock time.
    fn begins_time(&self, length: usize) -> bool {
        let after = &self.rest[length..];
        let second = after.chars().nth(1).unwrap_or(' ');
        match after.chars().next().unwrap_or(' ') {
            ':' => second.is_ascii_digit(),
            'h' => !second.is_alphabetic(),
            '時' | '时' | '시' | '點' | '点' => true,
            // Finnish and Danish clocks: only behind a whole date.
            '.' => second.is_ascii_digit() && self.has_date() && after.matches('.').count() <= 2,
            _ => after.trim_start().starts_with("giờ"),
        }
    }

    /// A number that is a year, a month or a day: which one, a mark behind it may tell.
    fn day_part(&mut self, digits: &str) -> Option<()> {
        let next = self.rest[digits.len()..].chars().next().unwrap_or(' ');
        let wants_month = std::mem::take(&mut self.wants_month);
        let slot = match next {
            '年' | '년' => &mut self.parts.year,
            '月' | '월' => &mut self.parts.month,
            '日' | '일' | '号' => &mut self.parts.day,
            _ if wants_month && digits.len() <= 2 => &mut self.parts.month,
            _ => return self.push(digits, next),
        };
        *slot = digits.parse().ok();
        Some(())
    }

    /// `23rd`, `1er`, `3º`.
    fn skip_ordinal(&mut self) {
        let ordinal = ["st", "nd", "rd", "th", "er", "re", "º", "ª", "°"]
            .iter()
            .find(|end| self.rest.starts_with(**end));
        if let Some(end) = ordinal
            && !self.rest[end.len()..].starts_with(char::is_alphabetic)
        {
            self.skip(end.len());
        }
    }

    fn push(&mut self, digits: &str, separator: char) -> Option<()> {
        let value = digits.parse().ok()?;
        self.parts.numbers.push(Number {
            value,
            length: digits.len(),
            separator,
        });
        (self.parts.numbers.len() <= 3).then_some(())
    }

    fn has_date(&self) -> bool {
        let named = usize::from(self.parts.month.is_some() || self.parts.undecided.is_some())
            + usize::from(self.parts.year.is_some())
            + usize::from(self.parts.day.is_some());
        self.parts.numbers.len() + named >= 2
    }

    /// `10:30`, `10:30:05.25`, `10h30`, `10時30分5秒`.
    fn clock(&mut self, hour: i16, length: usize) -> Option<()> {
        self.skip(length);
        let minute = self
            .clock_part(&[":", "h", "時", "时", "시", "點", "点", ".", " giờ", "giờ"])
            .unwrap_or(0);
        let second = self.clock_part(&[":", "분", "分", ".", "m"]).unwrap_or(0);
        let mut nanosecond = 0;
        if let Some(fraction) = self.rest.strip_prefix(['.', ',']) {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            if digits > 0 {
                let kept = &fraction[..digits.min(9)];
                nanosecond =
                    kept.parse::<i32>().ok()? * 10_i32.pow(9 - u32::try_from(kept.len()).ok()?);
                self.skip(1 + digits);
            }
        }
        for unit in ["초", "秒", "분", "分", " phút", "s "] {
            if self.rest.starts_with(unit) {
                self.skip(unit.len());
            }
        }
        self.parts.time = Some((hour, minute, second, nanosecond));
        Some(())
    }

    fn clock_part(&mut self, marks: &[&str]) -> Option<i16> {
        let mark = marks.iter().find(|mark| self.rest.starts_with(**mark))?;
        let after = self.rest[mark.len()..].trim_start();
        let length = after.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 || length > 2 {
            if !mark.is_empty() && length == 0 {
                self.skip(mark.len());
            }
            return None;
        }
        let value = after[..length].parse().ok();
        let used = self.rest.len() - after.len() + length;
        self.skip(used);
        value
    }

    /// A sign begins an offset behind a time, or behind a zone's name; elsewhere a dash parts numbers.
    fn is_offset_sign(&self, sign: char) -> bool {
        let digits = self.rest[sign.len_utf8()..]
            .bytes()
            .take_while(u8::is_ascii_digit)
            .count();
        let is_zone = self.parts.time.is_some() || self.parts.offset_s.is_some();
        digits > 0
            && is_zone
            && (sign == '+' || self.before.is_whitespace() || self.before.is_alphanumeric())
            && (sign == '+' || self.has_date() || digits >= 4)
    }

    /// `+0700`, `-07:00`, `+7`, `+0530`; more than fifteen hours is no offset.
    fn offset(&mut self, sign: char) -> Option<()> {
        self.skip(sign.len_utf8());
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let digits: i32 = self.rest[..length].parse().ok()?;
        self.skip(length);
        let (hours, mut minutes) = match length {
            1 | 2 => (digits, 0),
            3 | 4 => (digits / 100, digits % 100),
            _ => return None,
        };
        if length <= 2
            && let Some(minute) = self.clock_part(&[":"])
        {
            minutes = i32::from(minute);
        }
        let seconds = hours * 3600 + minutes * 60;
        if seconds > 15 * 3600 || minutes > 59 {
            return None;
        }
        self.parts.offset_s = Some(if sign == '+' { seconds } else { -seconds });
        Some(())
    }

    /// `T2, 23/11/2026`: Vietnamese counts its weekdays, Monday being the second.
    fn counted_weekday(&mut self) -> bool {
        let bytes = self.rest.as_bytes();
        let counted = match bytes {
            [b't', day @ b'2'..=b'7', ..] => Some(i8::from_ne_bytes([day - b'1'])),
            _ => None,
        };
        let is_alone = !bytes
            .get(2)
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'h'));
        let day = counted.filter(|_| is_alone && !self.has_date() && self.parts.time.is_none());
        let Some(day) = day.and_then(|day| Weekday::from_monday_one_offset(day).ok()) else {
            return false;
        };
        self.parts.weekday = Some(day);
        self.skip(2);
        true
    }

    fn word(&mut self) -> Option<()> {
        if self.counted_weekday() {
            return Some(());
        }
        let end = self
            .rest
            .find(|c: char| !c.is_alphabetic())
            .unwrap_or(self.rest.len());
        let mut word = &self.rest[..end];
        // `p.m.`, `a.m.`
        let dotted = self
            .rest
            .get(..4)
            .filter(|dotted| matches!(*dotted, "p.m." | "a.m."));
        if let Some(dotted) = dotted {
            word = dotted;
        }
        match words::meaning(word) {
            Some(Word::Month(month)) => {
                self.parts.month.get_or_insert(month);
            }
            Some(Word::EitherMonth(first, second)) => {
                self.parts.either_month = Some((first, second))
            }
            Some(Word::MonthOrDay(month, weekday)) => self.parts.undecided = Some((month, weekday)),
            Some(Word::Weekday(weekday)) => self.parts.weekday = Some(weekday),
            Some(Word::MonthMark) => self.wants_month = true,
            Some(Word::Afternoon(flag)) => self.parts.is_afternoon = Some(flag),
            Some(Word::LateHalf(flag, _)) if self.parts.time.is_some() => {
                self.parts.is_afternoon = Some(flag);
            }
            Some(Word::LateHalf(_, weekday)) => {
                self.parts.weekday = weekday.or(self.parts.weekday);
            }
            Some(Word::Zone(minutes)) => {
                self.parts.offset_s.get_or_insert(i32::from(minutes) * 60);
            }
            Some(Word::Filler) => {}
            None => self.unknown += 1,
        }
        let length = word.len();
        self.skip(length);
        (self.unknown <= 3).then_some(())
    }
}
