//! Listeners: what systemd handed over wins over the config; a port that is taken is one clear line.

use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Listen};
use crate::http::{self, Deadlines, Listener, Role, Site};
use crate::systemd::{self, Handed};

/// Opens every listener and serves it in a task of the returned set.
pub(super) async fn open(
    config: &Config,
    site: &Arc<Site>,
    stop: &CancellationToken,
) -> anyhow::Result<JoinSet<std::io::Result<()>>> {
    let mut servers = JoinSet::new();
    let readers = if config.http.admin.is_some() {
        Role::ReadersOnly
    } else {
        Role::Readers
    };
    let mut listeners = handed()?;
    if listeners.is_empty() {
        listeners.push(bind(&config.http.listen).await?);
    }
    let admin = match &config.http.admin {
        Some(listen) => Some((bind(listen).await?, Role::Admin)),
        None => None,
    };
    for (listener, role) in listeners
        .into_iter()
        .map(|listener| (listener, readers))
        .chain(admin)
    {
        tracing::info!(http.listen = place(&listener), "listening");
        let deadlines = Deadlines::default();
        servers.spawn(http::serve(
            listener,
            role,
            Arc::clone(site),
            deadlines,
            stop.clone(),
        ));
    }
    Ok(servers)
}

/// Where a listener is, as the config writes it.
fn place(listener: &Listener) -> String {
    match listener {
        Listener::Tcp(listener) => listener.local_addr().map(|address| address.to_string()),
        Listener::Unix(listener) => listener.local_addr().map(|address| {
            let path = address.as_pathname().map(Path::display);
            path.map_or_else(String::new, |path| format!("unix:{path}"))
        }),
    }
    .unwrap_or_else(|error| error.to_string())
}

fn handed() -> anyhow::Result<Vec<Listener>> {
    let sockets = systemd::handed_sockets()
        .context("a socket handed over by systemd is no stream listener")?;
    let adopt = |socket| match socket {
        Handed::Tcp(listener) => {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener).map(Listener::Tcp)
        }
        Handed::Unix(listener) => {
            listener.set_nonblocking(true)?;
            UnixListener::from_std(listener).map(Listener::Unix)
        }
    };
    sockets
        .into_iter()
        .map(adopt)
        .collect::<std::io::Result<_>>()
        .context("a handed socket could not be used")
}

async fn bind(listen: &Listen) -> anyhow::Result<Listener> {
    match listen {
        Listen::Tcp(address) => {
            let listener = TcpListener::bind(address).await;
            let help =
                || format!("cannot listen on {address}: is another program there? set http.listen");
            Ok(Listener::Tcp(listener.with_context(help)?))
        }
        Listen::Unix(path) => {
            remove_stale(path)?;
            let help = || {
                format!(
                    "cannot listen on {}: does its folder exist?",
                    path.display()
                )
            };
            Ok(Listener::Unix(UnixListener::bind(path).with_context(help)?))
        }
    }
}

/// A socket file left by a killed process would make every start fail; anything that is no socket stays untouched.
fn remove_stale(path: &Path) -> anyhow::Result<()> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
        std::fs::remove_file(path)
            .with_context(|| format!("the old socket {} cannot be removed", path.display()))?;
    }
    Ok(())
}
