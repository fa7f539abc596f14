//! mr-stream: Hadoop Streaming on one machine.
//!
//! # Bird's eye
//!
//! ```text
//!   command line ─cli─> options ─conf─> JobConf ─planner─> JobPlan ─engine─> counters, output folder
//!                                                             │
//!                         split ─input─> child ─shuffle─> child ─output─> part-00000
//!                              map attempt (task)   reduce attempt (task)
//! ```
//!
//! A command line becomes a typed [`conf::JobConf`], that a [`plan::JobPlan`]: plain data that names
//! everything a task needs. An [`engine`] runs the plan's attempts; an attempt is a function in [`task`]
//! that carries records from [`input`] through a child of [`streaming`] into the [`shuffle`], or out of it
//! into [`output`]. [`job`] tells the whole story on one page.
//!
//! # The floors
//!
//! Imports point down, and rooms on one floor do not know each other (`tests/tidy.rs` checks it):
//!
//! | floor | rooms |
//! |---|---|
//! | 7 | [`cli`]: the only room that reads the environment and prints |
//! | 6 | [`job`], [`report`]: one job from plan to committed output; what people see of it |
//! | 5 | [`engine`]: which attempt runs when and where |
//! | 4 | [`planner`]: `JobConf` to `JobPlan`; [`task`]: one attempt |
//! | 3 | [`conf`], [`fs_shell`], [`input`], [`streaming`], [`shuffle`], [`output`] |
//! | 2 | [`plan`]: plain data |
//! | 1 | [`archive`], [`codec`], [`dfs`], [`local_fs`], [`sequence_file`] |
//! | 0 | [`error`], [`fs`], [`checksum`], [`clock`], [`fault`], [`glob`](mod@glob), [`units`], [`ids`], [`record`], `record_room`, `printable`, [`stop`], [`sync`], [`lines`], [`java_regex`], [`counters`], [`writable`] |
//!
//! # What is deliberately absent
//!
//! - `plan` does no input or output; engines and tasks never see a `JobConf`.
//! - `shuffle` knows no child process, `streaming` no sorting, `input` and `output` neither.
//! - No record is decoded, allocated or looked up in a map of its own on its way from split to part file.
//! - No output depends on the number of threads, on memory or on timing.
//! - No `unsafe`.

mod checksum;
mod clock;
pub mod error;
pub mod fault;
mod fs;
mod glob;
pub mod ids;
pub mod java_regex;
pub mod lines;
mod page_cache;
mod printable;
pub mod record;
mod record_room;
pub mod stop;
mod sync;
pub mod units;
pub mod writable;

pub mod counters;

pub mod archive;
pub mod codec;
pub mod dfs;
pub mod local_fs;
pub mod sequence_file;

pub mod plan;

pub mod conf;
pub mod fs_shell;
pub mod input;
pub mod output;
pub mod shuffle;
pub mod streaming;

pub mod planner;
pub mod task;

pub mod engine;

pub mod job;
pub mod report;

pub mod cli;

#[cfg(fuzzing)]
pub mod fuzz;
