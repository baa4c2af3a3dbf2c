//! CPU seconds, wall seconds and memory of this process, as the kernel counts them.

use std::time::Instant;

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// User and system seconds of all threads.
    pub(crate) cpu_s: f64,
    /// Seconds on the wall.
    pub(crate) wall_s: f64,
}

/// Runs `work` and measures it.
pub(crate) fn measure<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let (cpu, begun) = (cpu_seconds(), Instant::now());
    let result = work();
    (
        result,
        Cost {
            cpu_s: cpu_seconds() - cpu,
            wall_s: begun.elapsed().as_secs_f64(),
        },
    )
}

/// utime and stime of `/proc/self/stat`, in the kernel's ticks of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 / 100.0
}

/// Peak resident memory of this process, MB.
pub(crate) fn peak_mb() -> f64 {
    memory_mb("VmHWM:")
}

/// Resident memory of this process now, MB.
pub(crate) fn rss_mb() -> f64 {
    memory_mb("VmRSS:")
}

/// Resident memory of another process now, MB.
pub(crate) fn memory_of(process: u32) -> f64 {
    read_mb(&format!("/proc/{process}/status"), "VmRSS:")
}

fn memory_mb(name: &str) -> f64 {
    read_mb("/proc/self/status", name)
}

fn read_mb(path: &str, name: &str) -> f64 {
    let status = std::fs::read_to_string(path).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<f64>()
        .unwrap()
        / 1024.0
}

/// Prints one row.
pub(crate) fn row(what: &str, cost: Cost, beside: &str) {
    println!(
        "{what:<44} {:>8.2} CPU s {:>8.2} wall s  {beside}",
        cost.cpu_s, cost.wall_s
    );
}
