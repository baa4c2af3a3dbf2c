//! The built binary as a process: config in a temporary folder, readiness and status through the notification socket
//! that systemd would listen on, so that no test needs to sleep.

use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Nothing a test waits for takes longer, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder with a config file, in which the binary is run.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    /// A new folder with `config` as `feedmill.toml`.
    pub(crate) fn new(config: &str) -> Self {
        let home = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        home.write("feedmill.toml", config);
        home
    }

    /// Path of a file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, folders included.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn command(&self) -> Command {
        self.in_folder(Command::new(env!("CARGO_BIN_EXE_feedmill")))
    }

    fn in_folder(&self, mut command: Command) -> Command {
        command
            .arg("--config")
            .arg(self.path("feedmill.toml"))
            .current_dir(self.folder.path());
        command
            .env_remove("NOTIFY_SOCKET")
            .env_remove("JOURNAL_STREAM")
            .stdin(Stdio::null());
        command
    }

    /// Runs one verb to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// Runs one verb that must succeed, and returns what it printed.
    #[track_caller]
    pub(crate) fn verb(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{arguments:?} ended with {}: {complaints}",
            output.status
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts the daemon and waits until it says that it is ready.
    #[track_caller]
    pub(crate) fn start(&self) -> Daemon {
        self.start_with(&[])
    }

    /// As [`Home::start`], with more variables in its environment.
    #[track_caller]
    pub(crate) fn start_with(&self, environment: &[(&str, &str)]) -> Daemon {
        let mut command = self.command();
        command.envs(environment.iter().copied());
        let mut daemon = self.spawn(command);
        daemon.wait_for(|line| line == "READY=1");
        daemon
    }

    /// Starts the daemon without waiting.
    pub(crate) fn start_unready(&self) -> Daemon {
        self.spawn(self.command())
    }

    /// As [`Home::start`], as the process that a shell becomes after `prelude`.
    #[track_caller]
    pub(crate) fn start_after(&self, prelude: &str) -> Daemon {
        let mut shell = Command::new("sh");
        let script = format!("{prelude}; exec \"$0\" \"$@\"");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_feedmill")]);
        let mut daemon = self.spawn(self.in_folder(shell));
        daemon.wait_for(|line| line == "READY=1");
        daemon
    }

    fn spawn(&self, mut command: Command) -> Daemon {
        let socket = self.path("notify.sock");
        std::fs::remove_file(&socket).ok();
        let notices = UnixDatagram::bind(&socket).unwrap();
        let (heard, hears) = channel();
        std::thread::spawn(move || listen(&notices, &heard));
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .unwrap();
        // A short watchdog makes the status line frequent, which is what tests wait for.
        command
            .env("NOTIFY_SOCKET", &socket)
            .env("WATCHDOG_USEC", "300000")
            .stderr(log)
            .stdout(Stdio::null());
        Daemon {
            child: command.arg("run").spawn().unwrap(),
            notices: hears,
            log: self.path("log"),
        }
    }
}

/// Takes every notification at once, as systemd does: a full queue would hold up the daemon. Ends when the socket's
/// folder and the test's end of the channel are gone.
fn listen(notices: &UnixDatagram, heard: &Sender<String>) {
    let mut buffer = [0; 4096];
    while let Ok(length) = notices.recv(&mut buffer) {
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if heard.send(text).is_err() {
            return;
        }
    }
}

/// A running daemon; killed when dropped.
pub(crate) struct Daemon {
    child: Child,
    notices: Receiver<String>,
    log: PathBuf,
}

impl Daemon {
    /// Waits for a line of a notification for which `wanted` holds, and returns it.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, mut wanted: impl FnMut(&str) -> bool) -> String {
        let found = self.wait(|text| text.lines().find(|line| wanted(line)).map(str::to_owned));
        found.unwrap_or_else(|why| panic!("{why}; log:\n{}", self.log()))
    }

    /// As [`Daemon::wait_for`]; `None` when it never came.
    pub(crate) fn look_for(&mut self, mut wanted: impl FnMut(&str) -> bool) -> Option<String> {
        self.wait(|text| text.lines().find(|line| wanted(line)).map(str::to_owned))
            .ok()
    }

    /// What `found` makes of a notification, or the last one when patience ends.
    fn wait(&mut self, mut found: impl FnMut(&str) -> Option<String>) -> Result<String, String> {
        let mut last = String::new();
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            match self.notices.recv_timeout(Duration::from_secs(1)) {
                Ok(text) => last = text,
                Err(_) => match self.child.try_wait().unwrap() {
                    Some(status) => return Err(format!("the daemon ended with {status}")),
                    None => continue,
                },
            }
            if let Some(found) = found(&last) {
                return Ok(found);
            }
        }
        Err(format!("it never came; last: {last:?}"))
    }

    /// Waits for a whole notification for which `wanted` holds, and returns it.
    #[track_caller]
    pub(crate) fn wait_for_datagram(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let found = self.wait(|text| wanted(text).then(|| text.to_owned()));
        found.unwrap_or_else(|why| panic!("{why}; log:\n{}", self.log()))
    }

    /// Waits for a status line that contains `words`.
    #[track_caller]
    pub(crate) fn wait_for_status(&mut self, words: &str) -> String {
        self.wait_for(|line| line.starts_with("STATUS=") && line.contains(words))
    }

    /// What was logged so far, by this and earlier daemons of the same home.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// `kill -9`, and waits for the end.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.child.wait().unwrap()
    }

    /// Waits for the end that comes by itself.
    pub(crate) fn ended(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Already ended in the orderly tests; in a failing one nothing may be left behind.
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}

/// A loopback port that nobody listens on at the moment of asking.
pub(crate) fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}
