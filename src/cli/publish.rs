//! `feedmill publish`: render every merged feed once and write the files, or with `--check` say which files are not what
//! they should be. Works beside a running daemon, which writes the same bytes.

use crate::cli::{Exit, Output};
use crate::release::{Releaser, Report};

/// Write the files of the merged feeds once.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Write nothing; name the files that differ and fail when there are any.
    #[arg(long)]
    pub check: bool,
    /// Print as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(serde::Serialize)]
struct Shown {
    files: Vec<std::path::PathBuf>,
    withheld: Vec<(String, String)>,
}

/// Writes or compares.
///
/// # Errors
/// When the templates, the store, a file or standard output fails.
pub async fn run(releaser: &Releaser, args: Args, out: &mut Output) -> anyhow::Result<Exit> {
    let wants_files = releaser
        .config()
        .publish
        .values()
        .any(|output| output.files.is_some());
    let report = if args.check {
        releaser.compare().await?
    } else {
        releaser.mend().await?
    };
    let failed = !report.withheld.is_empty() || (args.check && !report.written.is_empty());
    if args.json {
        out.json(&Shown {
            files: report.written,
            withheld: report.withheld,
        })?;
    } else {
        show(&report, &args, out)?;
        if !wants_files {
            out.line("no merged feed has files = \"…\" in the config; nothing was written")?;
        }
    }
    Ok(if failed { Exit::Failed } else { Exit::Fine })
}

fn show(report: &Report, args: &Args, out: &mut Output) -> std::io::Result<()> {
    for path in &report.written {
        out.line(&path.display().to_string())?;
    }
    for (path, reason) in &report.withheld {
        out.line(&format!("withheld {path}: {reason}"))?;
    }
    let verb = if args.check { "differ" } else { "written" };
    out.line(&format!("{} files {verb}", report.written.len()))
}
