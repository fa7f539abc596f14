//! Children: how a command is read, found, started, fed, read and judged.
//!
//! Records go in through [`input_writer`] and come out through [`output_reader`]; [`child`] owns the
//! process and its three pipes, [`reporter`] its standard error. This room knows no file formats and no
//! sorting: the task room carries bytes between it and those.

pub(crate) mod child;
pub mod command;
pub mod exit_status;
mod groups;
pub mod guard;
mod inner;
pub(crate) mod input_writer;
pub(crate) mod output_reader;
mod pace;
pub mod preflight;
mod process_table;
pub(crate) mod reporter;
mod typed_bytes;

pub use groups::ChildGroups;
