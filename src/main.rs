//! The command `mr-stream`: words and environment in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(mr_stream::cli::main(std::env::args_os().collect()))
}
