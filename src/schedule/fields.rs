//! The five fields of a crontab line as sets of numbers. Takes text, gives [`Fields`]; refuses what crontab would read
//! in a way that surprises, with one line for people.

/// Bit n is set when the field holds n.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Set(pub(super) u64);

impl Set {
    /// The numbers, ascending.
    pub(super) fn numbers(self) -> impl Iterator<Item = u32> {
        (0..64).filter(move |number| self.0 & (1 << number) != 0)
    }
}

/// What one field may hold.
struct Range {
    name: &'static str,
    low: u32,
    high: u32,
    names: &'static [&'static str],
}

const MINUTE: Range = Range {
    name: "minute",
    low: 0,
    high: 59,
    names: &[],
};
const HOUR: Range = Range {
    name: "hour",
    low: 0,
    high: 23,
    names: &[],
};
const DAY: Range = Range {
    name: "day of month",
    low: 1,
    high: 31,
    names: &[],
};
const MONTH: Range = Range {
    name: "month",
    low: 1,
    high: 12,
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
/// 7 is Sunday as well as 0, as every crontab has it.
const WEEKDAY: Range = Range {
    name: "day of week",
    low: 0,
    high: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

/// Five fields, each a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) minutes: Set,
    pub(super) hours: Set,
    pub(super) days: Set,
    pub(super) months: Set,
    /// 0 is Sunday; 7 has been folded into it.
    pub(super) weekdays: Set,
}

impl Fields {
    /// Reads a line of five fields, or one of crontab's words for them.
    pub(super) fn read(line: &str) -> Result<Self, String> {
        let line = match line.trim() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            other => other,
        };
        let parts: Vec<&str> = line.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = parts[..] else {
            return Err(wrong_count(&parts));
        };
        let weekdays = fold_sunday(WEEKDAY.read(weekday)?);
        let fields = Self {
            minutes: MINUTE.read(minute)?,
            hours: HOUR.read(hour)?,
            days: DAY.read(day)?,
            months: MONTH.read(month)?,
            weekdays,
        };
        if fields.days != DAY.all() && fields.weekdays != Set(0x7f) {
            return Err(format!(
                "day of month `{day}` and day of week `{weekday}` are both restricted; crontab would run when either \
                 matches, other programs when both do: leave one of them `*`"
            ));
        }
        Ok(fields)
    }
}

/// Folds 7 into 0.
fn fold_sunday(set: Set) -> Set {
    Set((set.0 | (set.0 >> 7 & 1)) & 0x7f)
}

fn wrong_count(parts: &[&str]) -> String {
    match parts {
        [word] if word.starts_with('@') => {
            format!("`{word}` is not known; @hourly, @daily, @weekly, @monthly and @yearly are")
        }
        _ => format!(
            "a schedule has five fields (minute hour day month weekday), this one has {}",
            parts.len()
        ),
    }
}

impl Range {
    fn all(&self) -> Set {
        Set((self.low..=self.high).fold(0, |set, number| set | 1 << number))
    }

    fn read(&self, field: &str) -> Result<Set, String> {
        let mut set = 0;
        for item in field.split(',') {
            set |= self.item(item, field)?;
        }
        Ok(Set(set))
    }

    /// `*`, `5`, `mon`, `1-5`, and each of the ranges with `/step`.
    fn item(&self, item: &str, field: &str) -> Result<u64, String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step, field)?)),
            None => (item, None),
        };
        let (low, high) = match range.split_once('-') {
            _ if range == "*" => (self.low, self.high),
            Some((low, high)) => (self.number(low, field)?, self.number(high, field)?),
            None => {
                let number = self.number(range, field)?;
                // `5/10` is an extension that means "from 5 on": common enough to be meant.
                (number, if step.is_some() { self.high } else { number })
            }
        };
        if low > high {
            return Err(format!(
                "{} `{field}`: the range {low}-{high} runs backwards; write two ranges",
                self.name
            ));
        }
        // A full week is 0-6: with 7, `*/2` would hold Sunday twice over, as 0 and as 7.
        let high = if range == "*" && self.high == 7 {
            6
        } else {
            high
        };
        Ok((low..=high)
            .step_by(step.unwrap_or(1))
            .fold(0, |set, number| set | 1 << number))
    }

    fn step(&self, step: &str, field: &str) -> Result<usize, String> {
        match step.parse::<usize>() {
            Ok(step) if step > 0 => Ok(step),
            _ => Err(format!(
                "{} `{field}`: the step `{step}` is not a number above 0",
                self.name
            )),
        }
    }

    fn number(&self, text: &str, field: &str) -> Result<u32, String> {
        let lower = text.to_ascii_lowercase();
        if let Some(index) = self.names.iter().position(|name| *name == lower) {
            return Ok(u32::try_from(index).unwrap_or(0) + self.low);
        }
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<u32>() {
            Ok(number) if digits && (self.low..=self.high).contains(&number) => Ok(number),
            Ok(number) if digits => Err(format!(
                "{} `{field}`: {number} is not between {} and {}",
                self.name, self.low, self.high
            )),
            _ => Err(format!(
                "{} `{field}`: `{text}` is neither a number nor a name",
                self.name
            )),
        }
    }
}
