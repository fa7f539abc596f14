//! The one integration binary: whole jobs through the command, and rules about the house itself.
//!
//! Every test makes its own [`harness::JobDir`] and removes it. Tests that need a program this machine
//! lacks say so on standard error, past the capture of the test runner.
#![expect(clippy::unwrap_used, reason = "a broken test setup should stop its test, with the line")]
#![expect(clippy::disallowed_methods, reason = "tests start mr-stream and read their own switches")]

mod attempts;
mod background;
mod children;
mod commands;
mod disk;
mod engine;
mod faults;
mod fs_races;
mod fs_shell;
mod golden;
mod harness;
mod hdfs;
mod hints;
mod hostile;
mod jobs;
mod kept;
mod limits;
mod messages;
mod model;
mod oracle;
mod overwrite;
mod races;
mod readme;
mod resume;
mod samples;
mod settings;
mod shim;
mod simulation;
mod skip;
mod stops;
mod surroundings;
mod tasks;
mod terminal;
mod tidy;
mod total_order;
