//! Templates, style and languages: ours, or the operator's from a folder. The only user of minijinja in this stage.
//! Takes view values, gives pages; refuses templates that do not parse or ask for what is not there.

use std::collections::BTreeMap;
use std::path::Path;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, Value};
use serde::Serialize;

use crate::config::Problem;

use super::coding;
use super::language::Language;
use super::text;

/// Our templates by name; an operator's file of the same name replaces one.
const TEMPLATES: &[(&str, &str)] = &[
    ("base.html", include_str!("templates/base.html")),
    ("stories.html", include_str!("templates/stories.html")),
    ("list.html", include_str!("templates/list.html")),
    ("index.html", include_str!("templates/index.html")),
    ("story.html", include_str!("templates/story.html")),
    ("about.html", include_str!("templates/about.html")),
    ("changes.html", include_str!("templates/changes.html")),
    ("search.html", include_str!("templates/search.html")),
    ("status.html", include_str!("templates/status.html")),
    ("notice.html", include_str!("templates/notice.html")),
    ("sign_up.html", include_str!("templates/sign_up.html")),
    (
        "subscription.html",
        include_str!("templates/subscription.html"),
    ),
];

const LANGUAGES: &[(&str, &str)] = &[
    ("en", include_str!("lang/en.toml")),
    ("vi", include_str!("lang/vi.toml")),
    ("ar", include_str!("lang/ar.toml")),
];

const STYLE: &str = include_str!("style.css");

/// The site's picture, for feeds and browsers.
const ICON: &str = include_str!("icon.svg");

/// Everything that pages are made with.
#[derive(Clone, Debug)]
pub struct Theme {
    environment: Environment<'static>,
    languages: BTreeMap<String, Language>,
    style: String,
    style_tag: String,
    icon: String,
}

/// Reads an operator's folder and says all that is wrong with it; nothing when it can be used.
#[must_use]
pub fn check_templates(dir: &Path) -> Vec<Problem> {
    match Theme::load(Some(dir)) {
        Ok(theme) => theme.trial(),
        Err(problems) => problems,
    }
}

impl Theme {
    /// Ours, with the operator's files over it: `*.html`, `style.css`, `icon.svg`, and `lang/*.toml`.
    ///
    /// # Errors
    /// Every file that cannot be read or does not parse, and every name that replaces nothing.
    pub fn load(dir: Option<&Path>) -> Result<Self, Vec<Problem>> {
        let mut theme = Self::ours();
        let mut problems = Vec::new();
        if let Some(dir) = dir {
            for (name, path) in listed(dir, &mut problems) {
                if let Err(message) = theme.replace(&name, &path) {
                    problems.push(problem(&path, &message));
                }
            }
            let lang = dir.join("lang");
            if lang.is_dir() {
                for (name, path) in listed(&lang, &mut problems) {
                    if let Err(message) = theme.learn(&name, &path) {
                        problems.push(problem(&path, &message));
                    }
                }
            }
        }
        theme.style_tag = coding::etag(theme.style.as_bytes())[..8].to_owned();
        if problems.is_empty() {
            Ok(theme)
        } else {
            Err(problems)
        }
    }

    fn ours() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build();
        environment.set_syntax(syntax.expect("only white space differs from the default syntax"));
        environment.set_formatter(escape);
        environment.add_filter("fill", fill);
        for (name, source) in TEMPLATES {
            environment
                .add_template(name, source)
                .expect("the test `templates_parse` renders every shipped template");
        }
        let english = Language::parse(LANGUAGES[0].1, None)
            .expect("the test `languages_are_complete` reads it");
        let mut languages = BTreeMap::new();
        for (tag, source) in LANGUAGES {
            let language = Language::parse(source, Some(&english))
                .expect("the test `languages_are_complete` reads it");
            languages.insert((*tag).to_owned(), language);
        }
        Self {
            environment,
            languages,
            style: STYLE.to_owned(),
            style_tag: String::new(),
            icon: ICON.to_owned(),
        }
    }

    fn replace(&mut self, name: &str, path: &Path) -> Result<(), String> {
        let text = || std::fs::read_to_string(path).map_err(|error| error.to_string());
        match name {
            "style.css" => {
                self.style = text()?;
                return Ok(());
            }
            "icon.svg" => {
                self.icon = text()?;
                return Ok(());
            }
            _ => {}
        }
        if !TEMPLATES.iter().any(|(known, _)| *known == name) {
            let names = TEMPLATES
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
                .join(", ");
            return if name.ends_with(".html") {
                Err(format!("replaces no template; there are {names}"))
            } else {
                Ok(())
            };
        }
        self.environment
            .add_template_owned(name.to_owned(), text()?)
            .map_err(|error| format!("{error:#}"))
    }

    fn learn(&mut self, name: &str, path: &Path) -> Result<(), String> {
        let Some(tag) = name.strip_suffix(".toml") else {
            return Ok(());
        };
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let base = self.language(tag).clone();
        self.languages
            .insert(tag.to_owned(), Language::parse(&text, Some(&base))?);
        Ok(())
    }

    /// Texts of a language: exact, by its first part, else English.
    #[must_use]
    pub fn language(&self, tag: &str) -> &Language {
        let short = tag.split('-').next().unwrap_or(tag);
        let found = self
            .languages
            .get(tag)
            .or_else(|| self.languages.get(short));
        found
            .or_else(|| self.languages.get("en"))
            .expect("English is always among the languages")
    }

    /// The style sheet.
    #[must_use]
    pub fn style(&self) -> &str {
        &self.style
    }

    /// The site's picture, SVG.
    #[must_use]
    pub fn icon(&self) -> &str {
        &self.icon
    }

    /// Eight characters that change with the style sheet.
    pub(super) fn style_tag(&self) -> &str {
        &self.style_tag
    }

    /// A page, or why the operator's template failed.
    pub(super) fn render<T: Serialize>(&self, template: &str, view: &T) -> Result<String, String> {
        let template = self
            .environment
            .get_template(template)
            .map_err(|error| format!("{error:#}"))?;
        template
            .render(Value::from(Serde(view)))
            .map_err(|error| format!("{error:#}"))
    }

    /// Renders the page of an example site with every template, as a template can parse and still ask for what is not
    /// there.
    fn trial(&self) -> Vec<Problem> {
        let failed = super::trial::run(self).into_iter();
        failed
            .map(|(name, message)| problem(Path::new(name), &message))
            .collect()
    }
}

fn listed(dir: &Path, problems: &mut Vec<Problem>) -> Vec<(String, std::path::PathBuf)> {
    let read = std::fs::read_dir(dir).and_then(|entries| {
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.path().is_file() {
                files.push((
                    entry.file_name().to_string_lossy().into_owned(),
                    entry.path(),
                ));
            }
        }
        Ok(files)
    });
    match read {
        Ok(mut files) => {
            files.sort();
            files
        }
        Err(error) => {
            problems.push(problem(dir, &error.to_string()));
            Vec::new()
        }
    }
}

fn problem(path: &Path, message: &str) -> Problem {
    Problem {
        message: format!(
            "template {}: {}",
            path.display(),
            message.lines().next().unwrap_or_default()
        ),
        at: None,
        label: None,
        help: None,
        warning: false,
    }
}

/// Autoescape of ours: the library's writes `/` as a reference, which readers that look for feeds by pattern miss; and
/// no character that could reorder a line gets through. Inside attributes, which are always quoted, and in text.
fn escape(out: &mut Output, state: &mut State, value: &Value) -> Result<(), minijinja::Error> {
    match value.as_str() {
        Some(plain) if !value.is_safe() => out
            .write_str(&text::escape_html(plain))
            .map_err(minijinja::Error::from),
        _ => minijinja::escape_formatter(out, state, value),
    }
}

/// `{name}` in a text becomes a value: `t.more_from | fill(count=3, feed="…")`. Escaped by the template afterwards.
fn fill(text: &str, values: minijinja::value::Kwargs) -> Result<String, minijinja::Error> {
    let mut filled = text.to_owned();
    let names: Vec<String> = values.args().map(str::to_owned).collect();
    for name in names {
        let value: Value = values.get(&name)?;
        filled = filled.replace(&format!("{{{name}}}"), &value.to_string());
    }
    Ok(filled)
}
