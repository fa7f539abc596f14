//! Exit codes, as Hadoop Streaming answers them.
//!
//! Scripts branch on these, so they follow what Hadoop 3 really does rather than what `StreamJob` seems to
//! intend: for a bad input path and an output that exists its codes 2 and 4 never come, 5 does.

/// The job succeeded; also `-help`, `-info`, `-version`, and any job that `-background` has started.
pub const OK: u8 = 0;

/// The job started and failed.
pub const JOB_FAILED: u8 = 1;

/// The command line cannot be understood, or names a class or file that does not exist.
pub const USAGE: u8 = 1;

/// A property has a value that cannot be used.
pub const CONFIGURATION: u8 = 1;

/// A file for the tasks' folder is missing that `-cacheFile`, `-cacheArchive` or a property names.
/// `StreamJob.submitAndMonitorJob` answers so to a `FileNotFoundException`. One of `-files`, `-archives` or
/// `-file` is missed while the command line is read, which is [`USAGE`].
pub const MISSING_FILE: u8 = 2;

/// The output format refuses the job. `StreamJob.submitAndMonitorJob` answers so to an
/// `InvalidJobConfException`.
pub const INVALID_JOB: u8 = 3;

/// The job could not be started: an input that is missing or a glob that matches nothing, a folder inside an
/// input folder, an output that exists. `StreamJob.submitAndMonitorJob` answers so to an `IOException`.
pub const NOT_STARTED: u8 = 5;

/// One of Hadoop's own commands was misused: -1, as its shell shows it.
pub const HADOOP_ERROR: u8 = 255;

/// A defect of this program. Not Hadoop's; `EX_SOFTWARE` of `sysexits.h`.
pub const INTERNAL: u8 = 70;

/// Added to the number of the signal that ended this program, as shells do: 130 after an interrupt.
pub const SIGNAL_BASE: u8 = 128;
