//! From the options as typed to a typed job.
//!
//! [`resolve()`] runs the whole way: `-conf` files (`xml`) and options become [`Properties`], the rules of
//! Hadoop's `StreamJob` complete them, and [`JobConf`] reads them once, typed. What tasks see of them is
//! made by [`child_environment`]. Apart from reading the configuration files it is pure: who and where we
//! are comes in as [`HostFacts`]. Nothing here lists input, opens data or knows how a job runs.

mod cache;
mod classes;
mod environment;
mod error;
mod host;
mod job_conf;
pub mod keys;
mod options;
mod path;
mod properties;
mod resolve;
mod stream_job;
mod uri;
mod value;
mod xml;

pub use cache::CacheFile;
pub use classes::{KnownClass, ProcessorChoice, known_classes};
pub use environment::child_environment;
pub use error::{ConfError, Warning};
pub use host::HostFacts;
pub use job_conf::{JobConf, OutputFilter, RetrySpec, SplitSpec, TotalOrderFile};
pub use options::StreamOptions;
pub use properties::{Properties, Source};
pub use resolve::{FsConf, resolve, resolve_fs};
