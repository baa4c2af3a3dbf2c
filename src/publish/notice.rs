//! Short pages: errors with fixed texts, and the three states of an unsubscribe link. Nothing of the request is echoed.

use serde::Serialize;

use super::page::Page;
use super::site::Site;
use super::theme::Theme;
use super::view::Frame;

#[derive(Serialize)]
struct NoticePage {
    #[serde(flatten)]
    frame: Frame,
    lines: Vec<String>,
    post: Option<String>,
    button: String,
    home: bool,
}

/// Where an unsubscribe link stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsubscribe<'a> {
    /// GET: asks. `path` is where the form posts, relative to the site's base.
    Ask {
        /// Title of the digest.
        digest: &'a str,
        /// Such as `unsubscribe/TOKEN`.
        path: &'a str,
    },
    /// After POST.
    Done {
        /// Title of the digest.
        digest: &'a str,
    },
    /// No such token.
    Unknown,
}

/// The page of an error; statuses without a text of their own get that of 500 or 400.
pub fn error_page(theme: &Theme, site: &Site, status: u16) -> Page {
    let language = theme.language(&site.language);
    let key = match status {
        403 => "error_403",
        404 => "error_404",
        405 => "error_405",
        410 => "error_410",
        413 | 431 => "error_413",
        429 => "error_429",
        503 => "error_503",
        500.. => "error_500",
        _ => "error_400",
    };
    notice(
        theme,
        site,
        &site.language,
        (language.text(key), Vec::new()),
        None,
    )
}

/// The page of an unsubscribe link, in `language`.
pub fn unsubscribe_page(
    theme: &Theme,
    site: &Site,
    language: &str,
    state: Unsubscribe<'_>,
) -> Page {
    let words = theme.language(language);
    let (lines, form) = match state {
        Unsubscribe::Ask { digest, path } => (
            vec![words.filled("unsubscribe_ask", &[("digest", digest)])],
            Some((path, words.text("unsubscribe_button"))),
        ),
        Unsubscribe::Done { digest } => {
            let done = words.filled("unsubscribe_done", &[("digest", digest)]);
            let hint = words.text("unsubscribe_done_hint").to_owned();
            (vec![done, hint], None)
        }
        Unsubscribe::Unknown => (vec![words.text("unsubscribe_unknown").to_owned()], None),
    };
    let heading = words.text("unsubscribe_title");
    notice(theme, site, language, (heading, lines), form)
}

/// A heading, lines, and perhaps a form of one button.
pub(super) fn notice(
    theme: &Theme,
    site: &Site,
    language: &str,
    words: (&str, Vec<String>),
    form: Option<(&str, &str)>,
) -> Page {
    let page = NoticePage {
        frame: Frame::new(theme, site, language, None).headed(words.0),
        lines: words.1,
        post: form.map(|(path, _)| format!("{}{path}", site.base())),
        button: form.map_or_else(String::new, |(_, button)| button.to_owned()),
        home: form.is_none(),
    };
    theme.render("notice.html", &page)
}
