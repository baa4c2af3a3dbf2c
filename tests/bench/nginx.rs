//! nginx as the peer: the files that the daemon wrote, as static files with their precompressed copies, asked for by wrk
//! as the daemon is. Both are looked for on PATH; without them this says so and compares nothing.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::serve::{connect, exchange, header};

/// Connections at once.
const CONNECTIONS: [usize; 2] = [64, 1_024];
/// Each measurement, seconds.
const LASTS_S: u32 = 5;

/// Ended when dropped.
struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        // Its workers end with the master only when it is asked, not when it is killed.
        let pid = self.0.id().to_string();
        Command::new("kill").arg(pid).status().unwrap();
        self.0.wait().unwrap();
    }
}

/// Requests per second, and the time in which 99 of 100 were answered, milliseconds.
struct Measured {
    rate: f64,
    p99_ms: f64,
}

/// Prints the ratios of the daemon at `address` to nginx over `files`.
pub(crate) fn compare(address: SocketAddr, files: &Path) {
    let (Some(nginx), Some(wrk)) = (found("nginx"), found("wrk")) else {
        println!("serve, beside nginx: nginx or wrk is not installed");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (_peer, other) = start(&nginx, folder.path(), files);
    for connections in CONNECTIONS {
        for kind in ["plain", "gzip", "304"] {
            let of = |address: SocketAddr| measure(&wrk, address, (kind, connections));
            let (ours, theirs) = (of(address), of(other));
            println!(
                "serve, {kind:<5} {connections:>5} connections {:>9.0} requests/s, nginx {:>9.0}: {:.2}   p99 {:>7.2} ms, \
                 nginx {:>7.2}: {:.2}",
                ours.rate,
                theirs.rate,
                ours.rate / theirs.rate,
                ours.p99_ms,
                theirs.p99_ms,
                ours.p99_ms / theirs.p99_ms
            );
        }
    }
}

/// A program by its name, on PATH or where servers' programs are kept.
pub(crate) fn found(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let mut files = folders.map(|folder| folder.join(name));
    files.find(|file| file.is_file())
}

fn start(nginx: &Path, folder: &Path, files: &Path) -> (Peer, SocketAddr) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let (place, files) = (folder.display(), files.display());
    // As a user of root's it could not read a temporary folder; elsewhere the line is only warned about.
    let user = std::env::var("USER").unwrap_or_else(|_| String::from("root"));
    let config = format!(
        "user {user};\ndaemon off;\npid {place}/nginx.pid;\nerror_log {place}/error.log;\nworker_processes auto;\n\
         events {{ worker_connections 4096; }}\nhttp {{\n access_log off;\n client_body_temp_path {place}/a;\n \
         proxy_temp_path {place}/b;\n fastcgi_temp_path {place}/c;\n uwsgi_temp_path {place}/d;\n scgi_temp_path \
         {place}/e;\n default_type application/atom+xml;\n sendfile on;\n tcp_nopush on;\n open_file_cache max=100;\n \
         gzip_static on;\n keepalive_requests 100000000;\n server {{ listen {address} backlog=4096; root {files}; }}\n}}\n"
    );
    let path = folder.join("nginx.conf");
    std::fs::write(&path, config).unwrap();
    let mut command = Command::new(nginx);
    command.arg("-c").arg(&path).arg("-p").arg(folder);
    let peer = Peer(command.stderr(Stdio::null()).spawn().unwrap());
    let begun = std::time::Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(begun.elapsed().as_secs() < 30, "nginx does not answer");
        std::thread::yield_now();
    }
    (peer, address)
}

fn measure(wrk: &Path, address: SocketAddr, (kind, connections): (&str, usize)) -> Measured {
    let ask = "GET /all.atom HTTP/1.1\r\nHost: bench\r\n\r\n";
    let whole = exchange(&mut connect(address), ask);
    let more = match kind {
        "gzip" => Some(String::from("Accept-Encoding: gzip")),
        "304" => header(&whole, "etag").map(|tag| format!("If-None-Match: {tag}")),
        _ => None,
    };
    let mut command = Command::new(wrk);
    command.args([
        "-t2",
        "--latency",
        &format!("-c{connections}"),
        &format!("-d{LASTS_S}s"),
    ]);
    command.args(more.iter().flat_map(|header| ["-H", header.as_str()]));
    let output = command
        .arg(format!("http://{address}/all.atom"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let value = |name: &str| {
        let line = text
            .lines()
            .find(|line| line.trim_start().starts_with(name));
        let line = line.unwrap_or_else(|| panic!("wrk did not say {name}: {text}"));
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    Measured {
        rate: value("Requests/sec:").parse().unwrap(),
        p99_ms: milliseconds(&value("99%")),
    }
}

/// wrk writes `12.34ms`, `567.00us` or `1.20s`.
fn milliseconds(text: &str) -> f64 {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1000.0)];
    let found = units.iter().find_map(|(unit, factor)| {
        let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
        Some(number * factor)
    });
    found.unwrap_or_else(|| panic!("{text} is no time"))
}
