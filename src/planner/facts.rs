//! What decides about the result of a job, as far as a later run can look at it again.
//!
//! Two runs of equal facts write equal bytes, if the job's programs do. The variables that programs inherit are left
//! out but for those that say which programs are found and how they sort and count: the others change from one
//! login to the next.

use super::needs;
use crate::conf::{ConfError, HostFacts, JobConf};
use crate::output::journal::Fact;
use crate::plan::{JobPlan, wire};
use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Lists the facts of a job that was planned.
pub(crate) fn of(conf: &JobConf, plan: &JobPlan, host: &HostFacts) -> Result<Vec<Fact>, ConfError> {
    let mut facts = vec![
        fact("the version of mr-stream", format!("{} {}", env!("CARGO_PKG_VERSION"), wire::VERSION)),
        fact("the user", host.job_user()),
    ];
    for name in conf.properties.names_set() {
        let value = conf.properties.get(name)?.unwrap_or_default();
        facts.push(fact(&format!("property {name}"), format!("{value:?}")));
    }
    let deciding = host.environment.iter().filter(|(name, _)| decides(name));
    facts.extend(deciding.map(|(name, value)| {
        fact(&format!("variable {}", name.display()), format!("{:?}", value.display().to_string()))
    }));
    // Cut points come out of a file, or out of a sample.
    facts.push(fact("the partitioner", format!("{:?}", plan.shuffle.partitioner)));
    let needs = needs::list(conf, plan, host).into_iter().filter(|need| need.decides);
    facts.extend(needs.map(|need| of_file(need.what, &need.path)));
    Ok(facts)
}

fn fact(what: &str, value: String) -> Fact {
    Fact { what: what.to_owned(), value }
}

/// Whether an inherited variable says which programs are found or how they work.
fn decides(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    matches!(name, b"PATH" | b"TZ" | b"LANG" | b"LANGUAGE") || name.starts_with(b"LC_")
}

/// Size and time of the last change of a file.
fn of_file(kind: &str, path: &Path) -> Fact {
    let value = match path.metadata() {
        Ok(meta) if meta.is_file() => {
            format!("{} bytes, changed at {}.{:09}", meta.len(), meta.mtime(), meta.mtime_nsec())
        }
        Ok(meta) => format!("changed at {}.{:09}", meta.mtime(), meta.mtime_nsec()),
        Err(error) => error.to_string(),
    };
    fact(&format!("{kind} {}", path.display()), value)
}
