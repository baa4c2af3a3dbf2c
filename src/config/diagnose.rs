//! Complaints as people read them: file, line, column, the text with carets, the nearest valid name, help. Takes
//! problems and the files' texts, gives text. Blots out what looks like a secret in the lines it shows.

use std::path::PathBuf;
use std::sync::LazyLock;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use regex::Regex;

use super::{Place, Problem};

/// A problem and, where two places are at odds, the other one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// What is wrong.
    pub problem: Problem,
    /// The place it is at odds with, and what to say there.
    pub also: Option<(Place, String)>,
}

/// Everything found wrong with a config at once; at least one is an error.
#[derive(Clone, Debug)]
pub struct Complaints {
    /// Files read, with their text.
    pub files: Vec<(PathBuf, String)>,
    /// Errors and warnings in the order of their places.
    pub list: Vec<Complaint>,
}

impl std::fmt::Display for Complaints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&render_complaints(&self.list, &self.files))
    }
}

impl std::error::Error for Complaints {}

impl From<Problem> for Complaint {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            also: None,
        }
    }
}

impl Problem {
    /// An error at a place.
    #[must_use]
    pub fn error(message: impl Into<String>, at: Option<Place>) -> Self {
        Self {
            message: message.into(),
            at,
            label: None,
            help: None,
            warning: false,
        }
    }

    /// Something only worth saying, at a place.
    #[must_use]
    pub fn warning(message: impl Into<String>, at: Option<Place>) -> Self {
        Self {
            warning: true,
            ..Self::error(message, at)
        }
    }

    /// With what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With words beside the marked text.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// With "did you mean", where one of `names` is near enough to `written`.
    #[must_use]
    pub fn nearest<'a>(mut self, written: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.label = nearest(written, names).map(|name| format!("did you mean `{name}`?"));
        self
    }
}

/// Renders problems that a stage found after the config was checked (rules, schedules, templates).
#[must_use]
pub fn render(problems: &[Problem], files: &[(PathBuf, String)]) -> String {
    let list: Vec<Complaint> = problems.iter().cloned().map(Complaint::from).collect();
    render_complaints(&list, files)
}

/// Most complaints shown: whoever has more has made one mistake many times, and each costs a look at the file.
const SHOWN: usize = 100;

/// Renders complaints, a blank line between them, without a line end after the last; past a hundred they are counted.
#[must_use]
pub fn render_complaints(list: &[Complaint], files: &[(PathBuf, String)]) -> String {
    let mut shown: Vec<&Complaint> = list.iter().collect();
    if shown.len() > SHOWN {
        // What is left out should not be the error behind a hundred warnings.
        shown.sort_by_key(|complaint| complaint.problem.warning);
        shown.truncate(SHOWN);
    }
    let mut texts: Vec<String> = shown
        .into_iter()
        .map(|complaint| render_one(complaint, files))
        .collect();
    if list.len() > SHOWN {
        texts.push(format!("and {} more", list.len() - SHOWN));
    }
    texts.join("\n\n")
}

fn render_one(complaint: &Complaint, files: &[(PathBuf, String)]) -> String {
    let problem = &complaint.problem;
    let level = if problem.warning {
        Level::WARNING
    } else {
        Level::ERROR
    };
    let mut group = Group::with_title(level.primary_title(problem.message.as_str()));
    let mut marks = Vec::new();
    if let Some(at) = &problem.at {
        marks.push((at, problem.label.clone(), AnnotationKind::Primary));
    }
    if let Some((at, label)) = &complaint.also {
        marks.push((at, Some(label.clone()), AnnotationKind::Context));
    }
    while !marks.is_empty() {
        let file = marks[0].0.file;
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            marks.into_iter().partition(|mark| mark.0.file == file);
        marks = elsewhere;
        let Some((path, text)) = files.get(file) else {
            continue;
        };
        let window = Window::around(text, here.iter().map(|mark| &mark.0.span));
        let mut snippet = Snippet::source(blotted(&text[window.bytes.clone()]))
            .path(path.display().to_string())
            .line_start(window.line);
        for (at, label, kind) in here {
            snippet = snippet.annotation(kind.span(window.within(&at.span)).label(label));
        }
        group = group.element(snippet);
    }
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    Renderer::plain().render(&[group])
}

/// The whole lines that hold all marks: rendering must not cost the length of a file of ten thousand feeds each time.
struct Window {
    bytes: std::ops::Range<usize>,
    line: usize,
}

impl Window {
    fn around<'a>(text: &str, spans: impl Iterator<Item = &'a std::ops::Range<usize>>) -> Self {
        let (mut first, mut last) = (text.len(), 0);
        for span in spans {
            first = first.min(span.start);
            last = last.max(span.end.min(text.len()));
        }
        let start = text[..first].rfind('\n').map_or(0, |at| at + 1);
        let end = text[last..].find('\n').map_or(text.len(), |at| last + at);
        Self {
            bytes: start..end,
            line: 1 + text[..start].matches('\n').count(),
        }
    }

    fn within(&self, span: &std::ops::Range<usize>) -> std::ops::Range<usize> {
        let length = self.bytes.len();
        span.start.saturating_sub(self.bytes.start).min(length)
            ..span.end.saturating_sub(self.bytes.start).min(length)
    }
}

static SECRETS: LazyLock<[Regex; 3]> = LazyLock::new(|| {
    [
        r#"://([^/\s"'@]+)@"#,
        r#"://[^\s"'?]*\?([^\s"'#<>]+)"#,
        r#"(?i)(?:password|passphrase|token|secret(?:[-_]access)?(?:[-_]key)?|bearer|authorization|cookie|api[-_]?key)"?[ \t]*=[ \t]*["']?([^"'\n]*)"#,
    ]
    .map(|pattern| Regex::new(pattern).expect("the patterns are written out above and tested"))
});

/// The text with whatever looks like a secret written as stars of the same number of bytes, so that spans stay right:
/// user-info and query of addresses, values of keys that speak of a password, a token or a secret.
fn blotted(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for pattern in SECRETS.iter() {
        for found in pattern
            .captures_iter(text)
            .filter_map(|captures| captures.get(1))
        {
            bytes[found.range()].fill(b'*');
        }
    }
    String::from_utf8(bytes).expect("whole characters were replaced by as many ASCII stars")
}

/// The text of an address without user-info and query, for lists that people see.
pub(super) fn blot(text: &str) -> String {
    blotted(text)
}

/// The name nearest to what was written, if it is near enough to have been meant.
pub(super) fn nearest<'a>(
    written: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let lowered = written.to_lowercase();
    names
        .into_iter()
        .map(|name| {
            (
                strsim::damerau_levenshtein(&lowered, &name.to_lowercase()),
                name,
            )
        })
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
