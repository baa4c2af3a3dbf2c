//! Parses arguments, dispatches, returns the exit code; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    feedmill::cli::main()
}
