//! Replies of SMTP servers: lines in, code and words out. Words lose addresses and control characters before anyone
//! sees them.

/// Most lines of one reply.
pub(super) const MOST_LINES: usize = 100;

/// One reply, all its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// Reads one line: the code, whether it is the last, the words.
    pub(super) fn line(text: &str) -> Option<(u16, bool, &str)> {
        let digits = text
            .get(..3)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        let code = digits
            .parse()
            .ok()
            .filter(|code| (200..600).contains(code))?;
        match text.as_bytes().get(3) {
            None => Some((code, true, "")),
            Some(b' ') => Some((code, true, text.get(4..)?)),
            Some(b'-') => Some((code, false, text.get(4..)?)),
            Some(_) => None,
        }
    }

    pub(super) fn positive(&self) -> bool {
        self.code < 400
    }

    pub(super) fn permanent(&self) -> bool {
        self.code >= 500
    }

    /// The enhanced status (RFC 3463) such as `5.1.1`.
    pub(super) fn status(&self) -> Option<&str> {
        let first = self.lines.first()?.split(' ').next()?;
        let mut parts = first.split('.');
        let digits = |part: Option<&str>| {
            part.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
        };
        (digits(parts.next())
            && digits(parts.next())
            && digits(parts.next())
            && parts.next().is_none())
        .then_some(first)
    }

    /// Code and words for the log.
    pub(super) fn words(&self) -> String {
        let text = self.lines.join(" ");
        let words: Vec<String> = text.split_whitespace().map(private).collect();
        let line: String = format!("{} {}", self.code, words.join(" "))
            .chars()
            .take(200)
            .collect();
        line.trim_end().to_owned()
    }
}

/// A word without what looks like an address, and without what a terminal would obey.
fn private(word: &str) -> String {
    if word.contains('@') {
        return "<…>".to_owned();
    }
    word.chars().filter(|c| !c.is_control()).collect()
}
