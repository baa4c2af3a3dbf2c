//! The operator's verbs: the door to clap and standard output. One file per verb under `cli/`.

pub mod arguments;
pub mod output;

pub mod backup;
pub mod bounce;
pub mod check;
pub mod config;
pub mod digest;
pub mod discover;
pub mod entries;
pub mod export;
pub mod feeds;
pub mod import;
pub mod init;
pub mod parse;
pub mod plan;
pub mod poll;
pub mod publish;
pub mod reload;
pub mod schema;
pub mod search;
pub mod stories;
pub mod why;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, Parser};

use crate::clock::Clock;
use crate::config::{Complaints, Config};
use crate::daemon::{self, Generation, Outcome, Workbench};
use crate::fetch::HostGaps;
use crate::poll::{FirstPolls, Poller, Scout};
use crate::publish::Shelf;
use crate::release::Releaser;
use crate::store::{Store, StoreOptions};

pub use arguments::{Cli, Global, Verb};
pub use output::{Exit, Output};

/// Parses the process's arguments, runs the verb, and says how it went: 0 fine, 1 failed, 2 usage or configuration.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(message) => return usage(&message),
    };
    // Two providers could be compiled in by a dependency one day; naming ours first keeps rustls from guessing.
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        return Exit::Failed.into();
    }
    let mut out = Output::standard();
    match run(cli, &mut out) {
        Ok(exit) => exit.into(),
        // The reader of our pipe has seen enough.
        Err(error) if output::is_closed_pipe(&error) => Exit::Fine.into(),
        Err(error) => tell(&error, &mut out).into(),
    }
}

/// Says what went wrong; a refused config is the operator's to mend, everything else failed at run time.
fn tell(error: &anyhow::Error, out: &mut Output) -> Exit {
    let refused = error.downcast_ref::<Complaints>();
    let text = refused.map_or_else(|| format!("feedmill: {error:#}"), ToString::to_string);
    // Where standard error is closed nobody is there to be told; the exit code still says it.
    let told = out.complain(&text).is_ok();
    if told && refused.is_some() {
        Exit::Usage
    } else {
        Exit::Failed
    }
}

/// clap prints help to standard output with success, a mistake to standard error with 2.
fn usage(message: &clap::Error) -> ExitCode {
    let printed = message.print();
    if message.use_stderr() || printed.is_err() {
        Exit::Usage.into()
    } else {
        Exit::Fine.into()
    }
}

/// Runs one verb.
///
/// # Errors
/// Whatever the verb could not do; the text is for the operator.
pub fn run(cli: Cli, out: &mut Output) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(2 << 20)
        .build()?;
    let exit = runtime.block_on(dispatch(cli, out));
    // A blocking read of a terminal or a slow look-up must not hold up the end.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    exit
}

async fn dispatch(cli: Cli, out: &mut Output) -> anyhow::Result<Exit> {
    let Cli { global, verb } = cli;
    match verb {
        Verb::Run => match daemon::run(&global.launch()).await? {
            Outcome::Drained => Ok(Exit::Fine),
            Outcome::Refused(complaints) => {
                out.complain(&complaints)?;
                Ok(Exit::Usage)
            }
        },
        Verb::Check(args) => {
            match check::run(&global, args.clone(), out, daemon::stage_problems)? {
                Exit::Fine if args.online => check_online(&global, &args, out).await,
                exit => Ok(exit),
            }
        }
        Verb::Parse(args) => parse::run(args, &mut std::io::stdin(), out),
        Verb::Import(args) => import::run(&global, args, out),
        Verb::Export(args) => export::run(&global, args, out),
        Verb::Config(args) => config::run(&global, args, out),
        Verb::Plan(args) => plan::run(&global, Clock::system().now(), args, out).await,
        Verb::Schema(args) => schema::run(&global, args, out),
        Verb::Init(args) => init::run(&global, args, out),
        Verb::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "feedmill", out.sink());
            Ok(Exit::Fine)
        }
        Verb::Man => {
            clap_mangen::Man::new(Cli::command()).render(out.sink())?;
            Ok(Exit::Fine)
        }
        verb => at_the_desk(&global, verb, out).await,
    }
}

/// What the config names, asked once and politely.
async fn check_online(
    global: &Global,
    args: &check::Args,
    out: &mut Output,
) -> anyhow::Result<Exit> {
    let desk = match Desk::open(global, Leave::Make, out).await? {
        Ok(desk) => desk,
        Err(exit) => return Ok(exit),
    };
    let store = &desk.bench.store;
    let asked = (store, &desk.poller(), &desk.scout());
    let exit = check::online::run(asked, &desk.config(), args, out).await;
    store.save_hosts(desk.bench.hosts.take_changed()).await?;
    store.close().await?;
    exit
}

/// Verbs that work with the database, beside a running daemon or without one.
async fn at_the_desk(global: &Global, verb: Verb, out: &mut Output) -> anyhow::Result<Exit> {
    let desk = match Desk::open(global, Leave::of(&verb), out).await? {
        Ok(desk) => desk,
        Err(exit) => return Ok(exit),
    };
    let (store, clock) = (&desk.bench.store, &desk.bench.clock);
    let exit = match verb {
        Verb::Poll(args) => poll::run(store, &desk.poller(), args, out).await,
        Verb::Feeds(args) => {
            let gaps = HostGaps::new(&desk.config().fetch, &desk.config().feeds);
            feeds::run(store, &gaps, clock.now(), args, out).await
        }
        Verb::Entries(args) => entries::run(store, args, out).await,
        Verb::Search(args) => search::run(store, args, out).await,
        Verb::Why(args) => {
            let rules = (&desk.generation.matcher, &desk.releaser());
            why::run(store, rules, args, out).await
        }
        Verb::Stories(args) => {
            stories::run(store, (&desk.generation.matcher, clock), args, out).await
        }
        Verb::Digest(args) => digest::run(desk.config(), store.clone(), args, out).await,
        Verb::Bounce => bounce::run(store, clock.now(), &mut std::io::stdin(), out).await,
        Verb::Publish(args) => publish::run(&desk.releaser(), args, out).await,
        Verb::Backup(args) => backup::run(store, args, out).await,
        Verb::Reload => reload::run(store, out).await,
        Verb::Discover(args) => {
            let outcome = discover::run((&desk.scout(), store), &desk.config(), args, out).await;
            store.save_hosts(desk.bench.hosts.take_changed()).await?;
            outcome
        }
        _ => anyhow::bail!("this verb needs no database"),
    };
    store.close().await?;
    exit
}

/// What a verb may do to the database before its own work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Leave {
    /// Nothing: it is the daemon's.
    Look,
    /// Make the stored feeds those of the config, where no daemon does that at its own start and reload.
    Sync,
    /// Also make the file: the verb is one to begin with, or must not fail.
    Make,
}

impl Leave {
    fn of(verb: &Verb) -> Self {
        match verb {
            Verb::Reload | Verb::Backup(_) => Self::Look,
            // A mail server would report a failure of `bounce` with one more bounce.
            Verb::Poll(_) | Verb::Discover(_) | Verb::Bounce => Self::Make,
            _ => Self::Sync,
        }
    }
}

/// Why a verb does not make the database at `path`: it would be another one than the daemon's.
fn no_database(path: &Path) -> String {
    format!(
        "there is no database at {}: nothing was run or polled with this config yet, or the daemon keeps its database \
         elsewhere; then set store.url in the config, on a server to \"sqlite:/var/lib/feedmill/feedmill.db\"",
        path.display()
    )
}

/// What a verb that works with the config and the database stands on; opened beside a running daemon.
pub struct Desk {
    /// Config and compiled rules.
    pub generation: Generation,
    /// Database, time, hosts.
    pub bench: Workbench,
}

impl Desk {
    /// Loads the config and opens its database; complaints about the config are printed and end the verb with 2. What
    /// a running daemon polls is left as it is: an edited config holds from its reload on, whole or not at all.
    async fn open(
        global: &Global,
        leave: Leave,
        out: &mut Output,
    ) -> anyhow::Result<Result<Self, Exit>> {
        let generation = match Generation::load(&global.launch()) {
            Ok(generation) => generation,
            Err(complaints) => {
                out.complain(&complaints)?;
                return Ok(Err(Exit::Usage));
            }
        };
        let path = generation.config.store.path.clone();
        if leave < Leave::Make && !path.exists() {
            anyhow::bail!(no_database(&path));
        }
        let store = Store::open(StoreOptions {
            path,
            exclusive: false,
            readers: 1,
        })
        .await?;
        let clock = Clock::system();
        if leave >= Leave::Sync && store.holder().await?.is_none() {
            let specs = crate::poll::feed_specs(&generation.config, FirstPolls::AtOnce);
            store.sync_feeds(specs, clock.now()).await?;
        }
        Ok(Ok(Self {
            bench: Workbench::over(store, clock, &generation).await?,
            generation,
        }))
    }

    /// A poller like the daemon's; who claims a feed first polls it.
    fn poller(&self) -> Poller {
        self.generation.poller(&self.bench, &Arc::default())
    }

    /// Looks for feeds as politely as polls ask for them.
    fn scout(&self) -> Scout {
        Scout {
            fetcher: self.generation.fetcher.clone(),
            hosts: self.bench.hosts.clone(),
            clock: self.bench.clock.clone(),
            draw: Arc::new(crate::poll::system_draw),
        }
    }

    /// A publishing flow like the daemon's; it writes the same bytes.
    fn releaser(&self) -> Releaser {
        self.generation.releaser(&self.bench, Shelf::default())
    }

    /// The config.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.generation.config)
    }
}
