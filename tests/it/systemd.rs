//! What systemd is told by the built binary, socket activation, and what the shipped unit asks for.

use std::io::{Read, Write};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};

use command_fds::{CommandFdExt, FdMapping};
use rustix::process::Signal;

use crate::daemon::{ALL, config};
use crate::support::client;
use crate::support::process::{Home, free_address};

#[test]
fn ready_status_watchdog_and_stopping_are_told() {
    let home = Home::new(&config(free_address(), &[], ALL));
    let mut daemon = home.start();
    daemon.wait_for(|line| line == "WATCHDOG=1");
    let status = daemon.wait_for_status("feeds polled");
    assert!(
        status.starts_with("STATUS=0 feeds polled, 0 stories"),
        "{status}"
    );
    daemon.signal(Signal::TERM);
    daemon.wait_for(|line| line == "STOPPING=1");
    assert!(daemon.ended().success());
}

#[test]
fn a_reload_is_told_with_its_instant_in_one_datagram() {
    let home = Home::new(&config(free_address(), &[], ALL));
    let mut daemon = home.start();
    daemon.signal(Signal::HUP);
    let datagram = daemon.wait_for_datagram(|text| text.contains("RELOADING=1"));
    let instant = datagram
        .lines()
        .find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(
        instant.is_some_and(|digits| digits.parse::<u64>().is_ok_and(|usec| usec > 0)),
        "{datagram}"
    );
    daemon.wait_for(|line| line == "READY=1");
    assert!(daemon.stop().success());
}

#[test]
fn a_handed_socket_wins_over_the_config() {
    let listen = free_address();
    let home = Home::new(&config(listen, &[], ALL));
    let socket = home.path("handed.sock");
    let notices = UnixDatagram::bind(home.path("notify.sock")).unwrap();
    let listener = UnixListener::bind(&socket).unwrap();
    // LISTEN_PID must be the daemon's own, which only it knows: the shell becomes the daemon.
    let script = format!(
        "LISTEN_PID=$$ exec \"$0\" --config \"$1\" run 2>{}",
        home.path("log").display()
    );
    let mut command = Command::new("sh");
    command
        .args(["-c", &script, env!("CARGO_BIN_EXE_feedmill")])
        .arg(home.path("feedmill.toml"));
    command
        .env("LISTEN_FDS", "1")
        .env("NOTIFY_SOCKET", home.path("notify.sock"))
        .stdin(Stdio::null());
    command
        .fd_mappings(vec![FdMapping {
            parent_fd: listener.into(),
            child_fd: 3,
        }])
        .unwrap();
    let mut daemon = command.spawn().unwrap();
    let mut buffer = [0; 4096];
    loop {
        let length = notices.recv(&mut buffer).unwrap();
        if buffer[..length].starts_with(b"READY=1") {
            break;
        }
    }
    let answer = ask(&socket, "/healthz");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        std::net::TcpStream::connect(listen).is_err(),
        "the configured address stays closed"
    );
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

/// Head and body of what a unix socket answers.
fn ask(socket: &Path, path: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_operators_pages_answer_at_a_socket_as_the_unit_allows() {
    let unit = unit();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["README.md", "config/feedmill.toml"] {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        assert!(text.contains("\"unix:/run/feedmill/admin.sock\""), "{file}");
    }
    assert!(unit.lines().any(|line| line == "RuntimeDirectory=feedmill"));

    let listen = free_address();
    let home = Home::new("");
    let socket = home.path("admin.sock");
    let admin = format!("[http]\nadmin = \"unix:{}\"\n", socket.display());
    home.write(
        "feedmill.toml",
        config(listen, &[], ALL).replace("[http]\n", &admin),
    );
    let daemon = home.start();
    for path in ["/status", "/status.atom", "/metrics"] {
        let answer = ask(&socket, path);
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert_eq!(client::get(listen, path).status, 404, "{path}");
    }
    assert!(daemon.stop().success());
}

fn unit() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/feedmill.service"))
        .unwrap()
}

#[test]
fn the_unit_keeps_the_exit_code_contract() {
    let unit = unit();
    assert!(
        unit.lines()
            .any(|line| line == "RestartPreventExitStatus=2")
    );
    let home = Home::new("[[feed]]\nurl = \"not an address\"\n");
    assert_eq!(
        home.run(&["run"]).status.code(),
        Some(2),
        "what the unit must not restart on"
    );
    assert_eq!(home.run(&["no-such-verb"]).status.code(), Some(2));
}

#[test]
fn the_verbs_that_the_unit_runs_exist() {
    let home = Home::new("[[feed]]\nurl = \"https://example.org/feed\"\n");
    for line in unit()
        .lines()
        .filter(|line| line.starts_with("ExecStart=") || line.starts_with("ExecReload="))
    {
        let verb = line.rsplit(' ').next().unwrap();
        assert!(home.run(&[verb, "--help"]).status.success(), "{line}");
    }
}

/// Directives whose loss would open the unit; each is there and says what it must.
#[test]
fn the_unit_stays_closed() {
    let unit = unit();
    for line in [
        "Type=notify",
        "DynamicUser=yes",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "ProtectSystem=strict",
        "PrivateDevices=yes",
        "MemoryDenyWriteExecute=yes",
        "SystemCallFilter=@system-service",
        "SystemCallFilter=~@privileged @resources",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        "NoExecPaths=/",
        "SocketBindDeny=any",
    ] {
        assert!(unit.lines().any(|known| known == line), "{line} is missing");
    }
}

#[test]
fn the_unit_waits_longer_than_a_stop_takes() {
    let unit = unit();
    let seconds = |key: &str| -> u64 {
        let line = unit.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap().trim_end_matches('s').parse().unwrap()
    };
    assert!(seconds("TimeoutStopSec=") > feedmill::daemon::STOPS_WITHIN.as_secs());
    assert!(seconds("WatchdogSec=") > feedmill::daemon::STOPS_WITHIN.as_secs());
}
