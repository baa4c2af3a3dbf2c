//! `feedmill check`: reads the config as `run` would and says everything that is wrong with it. Problems that only a
//! stage can see (rules, schedules, templates) come from the caller.

mod mail;
pub mod online;
mod patch;

use crate::cli::output::{FEEDS, counted};
use crate::cli::{Exit, Global, Output};
use crate::config::{self, Complaint, Config, Overrides, Problem};

/// Check the config and say all that is wrong with it.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Args {
    /// Print problems as JSON.
    #[arg(long)]
    pub json: bool,
    /// Ask what the config names, once and politely: each feed, the mail server up to the login, and what receivers look
    /// up of the sender's domain. Proposes a patch, edits nothing, sends nothing.
    #[arg(long)]
    pub online: bool,
    /// Ask this name server about the sender's domain, not the system's.
    #[arg(long, value_name = "ADDRESS:PORT", requires = "online")]
    pub resolver: Option<std::net::SocketAddr>,
}

#[derive(serde::Serialize)]
struct Line<'a> {
    severity: &'a str,
    message: &'a str,
    file: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
    label: Option<&'a str>,
    help: Option<&'a str>,
}

/// Checks; `extra` compiles what the config only holds as text. Ends with `Exit::Usage` where something is wrong.
///
/// # Errors
/// When standard output fails.
pub fn run(
    global: &Global,
    args: Args,
    out: &mut Output,
    extra: impl Fn(&Config) -> Vec<Problem>,
) -> anyhow::Result<Exit> {
    let (files, list, summary) =
        match config::load(&global.config, &Overrides::of_process(global.set.clone())) {
            Ok(config) => {
                let mut list = config.warnings.clone();
                list.extend(extra(&config).into_iter().map(Complaint::from));
                let summary = summary(&config);
                (config.files, list, summary)
            }
            Err(complaints) => (complaints.files, complaints.list, String::new()),
        };
    let wrong = list.iter().any(|complaint| !complaint.problem.warning);
    // A document that is to be read by a program is one document: the online part prints it.
    if args.json && args.online && !wrong {
        return Ok(Exit::Fine);
    }
    if args.json {
        out.json(
            &list
                .iter()
                .map(|complaint| line(complaint, &files))
                .collect::<Vec<_>>(),
        )?;
    } else {
        if !list.is_empty() {
            out.line(&config::render_complaints(&list, &files))?;
        }
        if !wrong {
            out.line(&format!("{}: {summary}", global.config.display()))?;
        }
    }
    Ok(if wrong { Exit::Usage } else { Exit::Fine })
}

fn summary(config: &Config) -> String {
    let parts = [
        counted(config.feeds.len(), FEEDS),
        counted(config.publish.len(), ["merged feed", "merged feeds"]),
        counted(config.digests.len(), ["digest", "digests"]),
    ];
    format!("fine: {}", parts.join(", "))
}

fn line<'a>(complaint: &'a Complaint, files: &[(std::path::PathBuf, String)]) -> Line<'a> {
    let problem = &complaint.problem;
    let place = problem
        .at
        .as_ref()
        .and_then(|at| Some((at, files.get(at.file)?)));
    let before = place.and_then(|(at, (_, text))| text.get(..at.span.start));
    Line {
        severity: if problem.warning { "warning" } else { "error" },
        message: &problem.message,
        file: place.map(|(_, (path, _))| path.display().to_string()),
        line: before.map(|text| 1 + text.matches('\n').count()),
        column: before.map(|text| 1 + text.rsplit('\n').next().unwrap_or_default().chars().count()),
        label: problem.label.as_deref(),
        help: problem.help.as_deref(),
    }
}
