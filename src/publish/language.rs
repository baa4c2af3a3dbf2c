//! One language's texts, from a TOML file: flat keys, and the names of months and weekdays. A key that English does not
//! have is a typo and refused; a missing one is English.

use std::collections::BTreeMap;

use jiff::civil::Date;
use toml::Value;

/// Texts by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language {
    texts: BTreeMap<String, String>,
    months: Vec<String>,
    weekdays: Vec<String>,
}

impl Language {
    /// Reads a file over `base`, whose keys are the known ones.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub(super) fn parse(source: &str, base: Option<&Self>) -> Result<Self, String> {
        let table: toml::Table = source
            .parse()
            .map_err(|error: toml::de::Error| error.message().to_owned())?;
        let mut language = base.cloned().unwrap_or(Self {
            texts: BTreeMap::new(),
            months: vec![],
            weekdays: vec![],
        });
        for (key, value) in table {
            match (key.as_str(), value) {
                ("months", value) => language.months = names(&key, value, 12)?,
                ("weekdays", value) => language.weekdays = names(&key, value, 7)?,
                (_, Value::String(text))
                    if base.is_none_or(|base| base.texts.contains_key(&key)) =>
                {
                    language.texts.insert(key, text);
                }
                (_, Value::String(_)) => return Err(format!("{key} is no known text")),
                _ => return Err(format!("{key} must be a text")),
            }
        }
        Ok(language)
    }

    /// A text; its key where there is none, which the completeness test rules out for ours.
    #[must_use]
    pub fn text<'a>(&'a self, key: &'a str) -> &'a str {
        self.texts.get(key).map_or(key, String::as_str)
    }

    /// A text with values for its `{names}`.
    #[must_use]
    pub fn filled(&self, key: &str, values: &[(&str, &str)]) -> String {
        values
            .iter()
            .fold(self.text(key).to_owned(), |text, (name, value)| {
                text.replace(&format!("{{{name}}}"), value)
            })
    }

    /// Names of the days of the week, Monday first.
    pub(super) fn weekdays(&self) -> &[String] {
        &self.weekdays
    }

    /// All texts.
    pub(super) fn texts(&self) -> &BTreeMap<String, String> {
        &self.texts
    }

    /// A day, written out.
    #[must_use]
    pub fn day(&self, date: Date) -> String {
        self.dated("date", date)
    }

    /// A day where there is little room: without its weekday. The year stays, as pages know no today.
    #[must_use]
    pub fn short_day(&self, date: Date) -> String {
        self.dated("date_short", date)
    }

    fn dated(&self, key: &str, date: Date) -> String {
        let weekday = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
        let month = usize::from((date.month() - 1).unsigned_abs());
        let name = |names: &[String], at: usize| names.get(at).cloned().unwrap_or_default();
        self.filled(
            key,
            &[
                ("weekday", &name(&self.weekdays, weekday)),
                ("day", &date.day().to_string()),
                ("month", &name(&self.months, month)),
                ("year", &date.year().to_string()),
            ],
        )
    }
}

fn names(key: &str, value: Value, count: usize) -> Result<Vec<String>, String> {
    let names: Vec<String> = value
        .try_into()
        .map_err(|_| format!("{key} must be a list of texts"))?;
    if names.len() == count {
        Ok(names)
    } else {
        Err(format!("{key} must have {count} names"))
    }
}
