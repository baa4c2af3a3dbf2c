//! Standard output and error behind one writer, and how the process ends.

use std::io::{self, Write};
use std::process::ExitCode;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0
    Fine,
    /// 1: failed at run time.
    Failed,
    /// 2: usage or configuration; the unit does not restart on it.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Fine => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
        })
    }
}

/// Where a verb prints: results on one sink, complaints on the other.
pub struct Output {
    sink: Box<dyn Write + Send>,
    complaints: Box<dyn Write + Send>,
}

impl Output {
    /// Over any sink for results: a buffer in tests. Complaints go to standard error.
    #[must_use]
    pub fn new(sink: Box<dyn Write + Send>) -> Self {
        Self {
            sink,
            complaints: Box::new(io::stderr()),
        }
    }

    /// The process's own.
    #[must_use]
    pub fn standard() -> Self {
        Self::new(Box::new(io::BufWriter::new(io::stdout())))
    }

    /// Prints one line.
    ///
    /// # Errors
    /// When the sink fails; a closed pipe is no failure to tell, `main` maps it to a quiet end.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.sink, "{text}")?;
        self.sink.flush()
    }

    /// Prints `value` as pretty JSON and a line end.
    ///
    /// # Errors
    /// As [`Output::line`].
    pub fn json<T: serde::Serialize>(&mut self, value: &T) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.sink, value)?;
        self.line("")
    }

    /// Prints `text` where errors go.
    ///
    /// # Errors
    /// When that sink fails.
    pub fn complain(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.complaints, "{}", text.trim_end())
    }

    /// The sink for results, for what writes by itself.
    pub fn sink(&mut self) -> &mut dyn Write {
        &mut self.sink
    }
}

/// Did the reader of standard output go away?
pub(super) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let json = cause
            .downcast_ref::<serde_json::Error>()
            .and_then(serde_json::Error::io_error_kind);
        io.or(json) == Some(io::ErrorKind::BrokenPipe)
    })
}

/// A number with its noun, given in singular and plural.
pub(super) fn counted<N>(number: N, [one, many]: [&str; 2]) -> String
where
    N: std::fmt::Display + PartialEq + From<u8>,
{
    let noun = if number == N::from(1) { one } else { many };
    format!("{number} {noun}")
}

/// For [`counted`].
pub(super) const FEEDS: [&str; 2] = ["feed", "feeds"];
