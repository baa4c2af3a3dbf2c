//! The text part: the same stories in the same order as the HTML, for people who read mail as text.

use super::corrections::{self, Corrected};
use super::{Item, MARK, Page, PageSection, WISHES_MARK};
use crate::digest::language::Language;
use crate::digest::text::{isolate, wrap};

/// The edition as text: LF lines, at most 72 columns but for addresses, each alone on its line.
pub(super) fn plain_text(page: &Page, language: &Language) -> String {
    let mut out = Text {
        lines: Vec::new(),
        direction: page.dir.clone(),
    };
    out.block(&page.title, "");
    let count = page
        .count
        .as_deref()
        .map(|count| format!(" · {count}"))
        .unwrap_or_default();
    out.block(&format!("{}{count}", page.date), "");
    if let Some(period) = &page.period {
        out.block(period, "");
    }
    out.gap();
    if page.test {
        out.block(language.text("test"), "");
        out.gap();
    }
    page.sections
        .iter()
        .for_each(|section| out.section(section, language));
    if page.nothing {
        out.block(language.text("nothing"), "");
    }
    out.corrections(&page.corrections, language);
    out.end(page, language);
    out.lines.join("\n") + "\n"
}

struct Text {
    lines: Vec<String>,
    direction: String,
}

impl Text {
    fn block(&mut self, text: &str, indent: &str) {
        self.lines
            .extend(wrap(text, indent).split('\n').map(str::to_owned));
    }

    fn gap(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }

    fn section(&mut self, section: &PageSection, language: &Language) {
        if let Some(heading) = &section.heading {
            let heading = isolate(heading, &self.direction);
            self.heading(&format!("{heading} ({})", section.count));
        }
        section
            .items
            .iter()
            .for_each(|item| self.item(item, language));
        for more in &section.more {
            self.block(&isolate(more, &self.direction), "");
        }
    }

    fn corrections(&mut self, corrections: &[Corrected], language: &Language) {
        if corrections.is_empty() {
            return;
        }
        self.heading(language.text("corrections"));
        self.block(language.text("corrections_note"), "");
        self.gap();
        for corrected in corrections {
            let mut item = corrected.item.clone();
            let changes = corrected.changes.iter();
            item.paragraphs = changes.map(|pieces| corrections::line(pieces)).collect();
            self.item(&item, language);
        }
    }

    fn heading(&mut self, heading: &str) {
        self.gap();
        self.block(&format!("== {heading} =="), "");
        self.gap();
    }

    fn item(&mut self, item: &Item, language: &Language) {
        self.block(&isolate(&item.title, &self.direction), "");
        let author = item
            .author
            .as_deref()
            .map(|author| format!(" · {author}"))
            .unwrap_or_default();
        let source = format!("{}{author} · {}", item.feed, item.time);
        self.block(&isolate(&source, &self.direction), "");
        if !item.also.is_empty() {
            let titles: Vec<&str> = item.also.iter().map(|also| also.title.as_str()).collect();
            self.block(
                &format!("{} {}", language.text("also_in"), titles.join(", ")),
                "",
            );
        }
        self.lines.extend(item.url.clone());
        for paragraph in &item.paragraphs {
            self.gap();
            self.block(&isolate(paragraph, &self.direction), "  ");
        }
        self.gap();
        self.lines.push(String::new());
    }

    fn end(&mut self, page: &Page, language: &Language) {
        self.gap();
        if let Some(more) = &page.more {
            self.block(more, "");
        }
        if page.shortened {
            self.block(language.text("shortened"), "");
        }
        self.lines.push(format!("{}:", language.text("web_copy")));
        self.lines.push(page.web_url.clone());
        self.lines.push(format!("{}:", language.text("read_all")));
        self.lines.push(page.more_url.clone());
        self.gap();
        // RFC 3676 §4.3: the signature mark keeps its trailing space.
        self.lines.push("-- ".to_owned());
        self.block(&page.reason(), "");
        if let Some(footer) = &page.footer {
            self.block(footer, "");
        }
        if page.wishes_url.is_some() {
            self.lines.push(language.text("wishes_prompt").to_owned());
            self.lines.push(WISHES_MARK.to_owned());
        }
        if page.unsubscribe_url.is_some() {
            self.lines
                .push(language.text("unsubscribe_prompt").to_owned());
            self.lines.push(MARK.to_owned());
        }
    }
}
