//! The door to the template engine: takes the operator's folder, gives an HTML part. `digest.html` there replaces ours,
//! after it has shown that it renders. The escaper leaves `/` alone, which is harmless in text and quoted attributes
//! and saves five bytes at each slash of an address; the mail has a size to keep.

use std::path::Path;

use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, Error, Output, State, context, escape_formatter};
use serde::Serialize;

use super::render::{Page, sample_page};
use crate::config::Problem;

const NAME: &str = "digest.html";
const OURS: &str = include_str!("templates/digest.html");
/// Steps that one rendering may take: an operator's endless loop ends with an error.
const FUEL: u64 = 5_000_000;

/// Compiled templates.
#[derive(Debug)]
pub struct Templates {
    engine: Environment<'static>,
    plain: Environment<'static>,
}

impl Templates {
    /// Ours, or the operator's where `folder` holds one.
    ///
    /// # Errors
    /// A problem with file and line when the operator's template cannot be read, compiled or rendered.
    pub fn load(folder: Option<&Path>) -> Result<Self, Problem> {
        let plain = engine(OURS.to_owned()).map_err(|error| problem(NAME, &error))?;
        let path = folder
            .map(|folder| folder.join(NAME))
            .filter(|path| path.is_file());
        let Some(path) = path else {
            return Ok(Self {
                engine: plain.clone(),
                plain,
            });
        };
        let shown = path.display().to_string();
        let source = std::fs::read_to_string(&path).map_err(|error| unreadable(&shown, &error))?;
        let templates = Self {
            engine: engine(source).map_err(|error| problem(&shown, &error))?,
            plain,
        };
        let (page, texts) = sample_page();
        run(&templates.engine, &page, &texts).map_err(|error| problem(&shown, &error))?;
        Ok(templates)
    }

    /// The HTML of `page`. Where the operator's template fails on real stories, ours takes its place: no story may
    /// stop a digest (MAIL-1).
    pub(super) fn html<T: Serialize>(&self, page: &Page, texts: &T) -> Result<String, Error> {
        run(&self.engine, page, texts).or_else(|error| {
            tracing::warn!(error = ?error.to_string(), "template digest.html failed, the built-in one is used");
            run(&self.plain, page, texts)
        })
    }
}

/// Everything wrong with the templates and language files in `folder`.
#[must_use]
pub fn check_templates(folder: &Path) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Templates::load(Some(folder)).err().into_iter().collect();
    let files = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let mut codes: Vec<String> = files
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .filter_map(|path| {
            path.file_stem()
                .map(|stem| stem.to_string_lossy().into_owned())
        })
        .collect();
    codes.sort();
    problems.extend(
        codes
            .iter()
            .filter_map(|code| super::Language::load(code, Some(folder)).err())
            .map(|message| Problem {
                message,
                at: None,
                label: None,
                help: Some("compare with the shipped language file".to_owned()),
                warning: false,
            }),
    );
    problems
}

fn engine(source: String) -> Result<Environment<'static>, Error> {
    let mut engine = Environment::new();
    engine.set_auto_escape_callback(|_| AutoEscape::Html);
    engine.set_formatter(write_escaped);
    engine.set_fuel(Some(FUEL));
    engine.add_template_owned(NAME, source)?;
    Ok(engine)
}

fn run<T: Serialize>(engine: &Environment<'_>, page: &Page, texts: &T) -> Result<String, Error> {
    let page = Value::from(Serde(page));
    let text = Value::from(Serde(texts));
    engine.get_template(NAME)?.render(context! { page, text })
}

fn write_escaped(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    let Some(text) = value.as_str().filter(|_| !value.is_safe()) else {
        return escape_formatter(
            out,
            state,
            if value.is_none() {
                &Value::UNDEFINED
            } else {
                value
            },
        );
    };
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        let entity = match byte {
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'&' => "&amp;",
            b'"' => "&quot;",
            b'\'' => "&#39;",
            _ => continue,
        };
        out.write_str(text.get(start..at).unwrap_or_default())?;
        out.write_str(entity)?;
        start = at + 1;
    }
    Ok(out.write_str(text.get(start..).unwrap_or_default())?)
}

fn problem(path: &str, error: &Error) -> Problem {
    let line = error
        .line()
        .map(|line| format!(":{line}"))
        .unwrap_or_default();
    let detail = error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned);
    Problem {
        message: format!("template {path}{line}: {detail}"),
        at: None,
        label: None,
        help: None,
        warning: false,
    }
}

fn unreadable(path: &str, error: &std::io::Error) -> Problem {
    Problem {
        message: format!("cannot read {path}: {error}"),
        at: None,
        label: None,
        help: None,
        warning: false,
    }
}
