//! The words of mails by language: takes a code and perhaps the operator's folder, gives texts, plural forms and dates.
//! A language that lacks a word falls back to English, so that a translation may be begun small.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{Timestamp, ZonedDateTime};
use serde::Deserialize;

use crate::config::Zone;

const ENGLISH: &str = include_str!("lang/en.toml");
const VIETNAMESE: &str = include_str!("lang/vi.toml");
const ARABIC: &str = include_str!("lang/ar.toml");

/// Texts of one language.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Language {
    code: String,
    direction: String,
    #[serde(default)]
    plural: Plural,
    months: [String; 12],
    weekdays: [String; 7],
    date: String,
    short_date: String,
    text: BTreeMap<String, String>,
    count: BTreeMap<String, BTreeMap<String, String>>,
}

/// How a language counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Plural {
    /// One form only: Vietnamese, Japanese, Chinese.
    #[default]
    None,
    /// 1 against the rest: English, German.
    One,
    /// 0 and 1 against the rest: French.
    ZeroOne,
    /// 1, 21 …; 2–4, 22–24 …; the rest: Russian, Ukrainian.
    Slavic,
    /// 0; 1; 2; 3–10, 103–110 …; 11–99, 111–199 …; the rest: Arabic.
    Arabic,
}

impl Plural {
    fn form(self, n: usize) -> &'static str {
        match self {
            Self::One if n == 1 => "one",
            Self::ZeroOne if n < 2 => "one",
            Self::Slavic if n % 10 == 1 && n % 100 != 11 => "one",
            Self::Slavic if (2..=4).contains(&(n % 10)) && !(12..=14).contains(&(n % 100)) => "few",
            Self::Arabic => match (n, n % 100) {
                (0, _) => "zero",
                (1, _) => "one",
                (2, _) => "two",
                (_, 3..=10) => "few",
                (_, 11..) => "many",
                _ => "other",
            },
            _ => "other",
        }
    }
}

impl Language {
    /// Codes of the languages whose texts are ours.
    pub const SHIPPED: &[&str] = &["ar", "en", "vi"];

    /// The texts of `code`: the operator's `CODE.toml` in `folder`, else the shipped ones, else English.
    ///
    /// # Errors
    /// One line for people when the operator's file cannot be read.
    pub fn load(code: &str, folder: Option<&Path>) -> Result<Self, String> {
        let base = code
            .split(['-', '_'])
            .next()
            .unwrap_or(code)
            .to_ascii_lowercase();
        if let Some(path) = folder
            .map(|folder| folder.join(format!("{base}.toml")))
            .filter(|path| path.is_file())
        {
            let text = std::fs::read_to_string(&path)
                .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            return Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()));
        }
        Self::parse(match base.as_str() {
            "ar" => ARABIC,
            "vi" => VIETNAMESE,
            _ => ENGLISH,
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut language: Self =
            toml::from_str(text).map_err(|error| error.message().to_owned())?;
        if text != ENGLISH {
            let english = Self::parse(ENGLISH)?;
            english.text.into_iter().for_each(|(key, text)| {
                language.text.entry(key).or_insert(text);
            });
            english.count.into_iter().for_each(|(key, forms)| {
                language.count.entry(key).or_insert(forms);
            });
        }
        Ok(language)
    }

    /// BCP 47 code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// `ltr` or `rtl`.
    #[must_use]
    pub fn direction(&self) -> &str {
        if self.direction == "rtl" {
            "rtl"
        } else {
            "ltr"
        }
    }

    /// The text named `key`; the name itself where nobody wrote one.
    #[must_use]
    pub fn text(&self, key: &str) -> &str {
        self.text.get(key).map_or("", String::as_str)
    }

    /// The count named `key` in the form that `n` takes.
    #[must_use]
    pub fn count(&self, key: &str, n: usize) -> String {
        let Some(forms) = self.count.get(key) else {
            return n.to_string();
        };
        let form = forms
            .get(self.plural.form(n))
            .or_else(|| forms.get("other"));
        form.map_or_else(|| n.to_string(), |form| form.replace("{n}", &n.to_string()))
    }

    pub(super) fn texts(&self) -> &BTreeMap<String, String> {
        &self.text
    }

    /// A day, as the language writes it out.
    #[must_use]
    pub fn date(&self, at: Timestamp, zone: &Zone) -> String {
        self.write(&self.date, &at.to_zoned_datetime(zone.zone.clone()))
    }

    /// A day and time of day, short.
    #[must_use]
    pub fn short_date(&self, at: Timestamp, zone: &Zone) -> String {
        self.write(&self.short_date, &at.to_zoned_datetime(zone.zone.clone()))
    }

    /// The day of the week.
    pub(super) fn weekday(&self, at: &ZonedDateTime) -> &str {
        let weekday = usize::from(at.weekday().to_monday_zero_offset().unsigned_abs());
        self.weekdays.get(weekday).map_or("", String::as_str)
    }

    fn write(&self, pattern: &str, at: &ZonedDateTime) -> String {
        let month = usize::from(at.month().unsigned_abs()).saturating_sub(1);
        fill(
            pattern,
            &[
                ("weekday", self.weekday(at)),
                ("day", &at.day().to_string()),
                ("month", self.months.get(month).map_or("", String::as_str)),
                ("year", &at.year().to_string()),
                ("time", &at.strftime("%H:%M").to_string()),
            ],
        )
    }
}

/// Puts `values` into the `{name}` places of `pattern`, once: what a value contains is never read as a place.
pub(super) fn fill(pattern: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(pattern.len() + 32);
    let mut rest = pattern;
    while let Some(open) = rest.find('{') {
        let (before, after) = rest.split_at(open);
        filled.push_str(before);
        let known = after.find('}').and_then(|close| {
            let name = after.get(1..close)?;
            let value = values.iter().find(|(known, _)| *known == name)?.1;
            Some((value, after.get(close + 1..)?))
        });
        match known {
            Some((value, tail)) => {
                filled.push_str(value);
                rest = tail;
            }
            None => {
                filled.push('{');
                rest = after.get(1..).unwrap_or_default();
            }
        }
    }
    filled + rest
}
