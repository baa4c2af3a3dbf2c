//! Tracing set-up, the list of field names, and the metrics that `/metrics` prints.
//!
//! Levels: `error` someone must act; `warn` degraded, recovered; `info` once per unit of work; `debug` diagnosis.
//! Values that come from outside are logged as debug (`?value`) only, so that no title can forge a line.

mod metrics;

use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use anyhow::Context;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogConfig, LogFormat};

pub use metrics::Metrics;

/// An error and its causes on one line.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let told: Vec<String> = anyhow::Chain::new(error).map(ToString::to_string).collect();
    told.join(": ")
}

/// Every field name that an event or span may carry; `tidy` compares the sources with it.
pub const FIELDS: &[&str] = &[
    "attempt",
    "body.size_bytes",
    "changed",
    "config.path",
    "digest.id",
    "disposition",
    "document.path",
    "duration_ms",
    "entries.changed",
    "entries.held",
    "entries.new",
    "error",
    "failures",
    "feed.id",
    "feed.url",
    "http.listen",
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "jump_s",
    "message.id",
    "messages.n",
    "next_poll_at",
    "notice",
    "output.path",
    "poll.outcome",
    "poll.stage",
    "reply",
    "retry_after_ms",
    "retry_at",
    "server.address",
    "smtp.code",
    "store.path",
    "stories.n",
    "subscriber.id",
    "unchanged",
    "window.from",
    "window.until",
    "withheld",
    "written",
];

/// Sends events where the config says. A second call in one process changes nothing, so that tests may call it.
///
/// # Errors
/// When `level` is no tracing filter, or the journal is asked for and not there.
pub fn init(config: &LogConfig) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.level)?;
    let registry = tracing_subscriber::registry().with(filter);
    let initialised = match settle(config.format) {
        LogFormat::Journald => {
            let journal = tracing_journald::layer();
            registry
                .with(journal.context("log.format is \"journald\", and no journal is there")?)
                .try_init()
        }
        LogFormat::Json => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .with_writer(std::io::stderr),
            )
            .try_init(),
        LogFormat::Plain | LogFormat::Auto => {
            let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
            registry
                .with(
                    tracing_subscriber::fmt::layer()
                        .with_ansi(terminal)
                        .with_target(false)
                        .with_writer(std::io::stderr),
                )
                .try_init()
        }
    };
    if initialised.is_err() {
        tracing::debug!("logging was set up before");
    }
    Ok(())
}

/// `auto` is the journal when systemd connected our standard error to it and it can be reached, else plain lines.
fn settle(format: LogFormat) -> LogFormat {
    #[expect(
        clippy::disallowed_methods,
        reason = "JOURNAL_STREAM is how systemd says where standard error goes"
    )]
    let stream = std::env::var("JOURNAL_STREAM");
    let journal = || {
        stream.is_ok_and(|stream| is_standard_error(&stream)) && tracing_journald::layer().is_ok()
    };
    match format {
        LogFormat::Auto if journal() => LogFormat::Journald,
        LogFormat::Auto => LogFormat::Plain,
        chosen => chosen,
    }
}

/// `JOURNAL_STREAM` is device and inode of the stream, `8:12345`. Terminals on a desktop inherit the variable from their
/// session, where it speaks of another stream than theirs (systemd.exec(5)).
fn is_standard_error(stream: &str) -> bool {
    let own = std::io::stderr().as_fd().try_clone_to_owned();
    let own = own.and_then(|own| std::fs::File::from(own).metadata());
    own.is_ok_and(|own| stream == format!("{}:{}", own.dev(), own.ino()))
}
