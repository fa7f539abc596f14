//! What an output folder may not hold when the job is to clear it.

use crate::conf::{HostFacts, JobConf};
use crate::output::committer::CommitError;
use crate::plan::{Existing, JobPlan};
use std::path::{Path, PathBuf};

/// Refuses to clear a folder that holds something the job or its user needs: an input, a shipped file, the folder
/// that the job is started in, the user's home, HDFS, temporary files.
pub(super) fn refuse(conf: &JobConf, plan: &JobPlan, host: &HostFacts) -> Result<(), CommitError> {
    let (spec, real) = (&plan.output, |path: &Path| path.canonicalize().ok());
    let Some(dir) = real(&spec.dir).filter(|_| spec.existing == Existing::Clear) else { return Ok(()) };
    let named = |what: &str, path: &Path| (format!("{what} {}", path.display()), path.to_path_buf());
    let mut needed = vec![
        ("the root folder".to_owned(), PathBuf::from("/")),
        named("the home folder", &host.home),
        named("the current folder", &host.current_dir),
        named("the folder that stands for HDFS", &host.hdfs_root),
    ];
    needed.extend(plan.resources.local_dirs.iter().map(|path| named("the folder for temporary files", path)));
    needed.extend(conf.inputs.iter().map(|path| named("input", Path::new(path))));
    needed.extend(plan.maps.iter().flat_map(|map| &map.splits).map(|split| named("input", &split.path)));
    needed.extend(plan.cache.iter().map(|entry| named("shipped file", &entry.path)));
    match needed.into_iter().find(|(_, path)| real(path).is_some_and(|path| path.starts_with(&dir))) {
        Some((what, _)) => Err(CommitError::Protected { shown: spec.shown.clone(), what }),
        None => Ok(()),
    }
}
