//! What an output folder may not hold when the job is to clear it.

use super::needs::{self, Need};
use crate::conf::{HostFacts, JobConf};
use crate::output::committer::CommitError;
use crate::plan::{Existing, JobPlan};
use std::path::{Component, Path, PathBuf};

/// Links on the way to one path, as the kernel counts them.
const LINKS_MAX: u32 = 40;

/// Refuses to clear a folder that holds something the job or its user needs, or a link on the way to it.
pub(super) fn refuse(conf: &JobConf, plan: &JobPlan, host: &HostFacts) -> Result<(), CommitError> {
    let spec = &plan.output;
    let real = spec.dir.canonicalize().ok();
    let Some(dir) = real.filter(|_| spec.existing == Existing::Clear) else { return Ok(()) };
    let is_in_it = |need: &Need| {
        let mut links = LINKS_MAX;
        need.path.symlink_metadata().is_ok() && leads_into(&need.path, &dir, &mut links)
    };
    match needs::list(conf, plan, host).into_iter().find(is_in_it) {
        Some(Need { what, path, .. }) => {
            let what =
                if path.parent().is_none() { what.to_owned() } else { format!("{what} {}", path.display()) };
            Err(CommitError::Protected { shown: spec.shown.clone(), what })
        }
        None => Ok(()),
    }
}

/// Whether `dir`, a real path, is on the way to `path`: before a link in it is followed or after.
fn leads_into(path: &Path, dir: &Path, links_left: &mut u32) -> bool {
    let mut real = PathBuf::from("/");
    if real.starts_with(dir) {
        return true;
    }
    for component in path.components() {
        match component {
            Component::ParentDir => drop(real.pop()),
            Component::Normal(name) => {
                let there = real.join(name);
                if there.starts_with(dir) {
                    return true;
                }
                let Ok(target) = crate::fs::read_link(&there) else {
                    real = there;
                    continue;
                };
                *links_left = links_left.saturating_sub(1);
                if *links_left == 0 || leads_into(&real.join(target), dir, links_left) {
                    return *links_left > 0;
                }
                let Ok(followed) = there.canonicalize() else { return false };
                real = followed;
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_into_a_folder_and_out_of_it() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for name in ["out/deep", "elsewhere"] {
            std::fs::create_dir_all(root.join(name)).unwrap();
        }
        std::fs::write(root.join("elsewhere/file"), "").unwrap();
        for (to, name) in
            [("elsewhere", "beside"), ("../elsewhere", "out/away"), ("out/away", "chain"), ("loop", "loop")]
        {
            symlink(to, root.join(name)).unwrap();
        }
        let check = |path: &str, expect: bool| {
            let mut links = LINKS_MAX;
            assert_eq!(leads_into(&root.join(path), &root.join("out"), &mut links), expect, "{path}");
        };
        check("out", true);
        check("out/deep/new", true);
        check("elsewhere/file", false);
        check("beside/file", false);
        check("out/away/file", true);
        check("chain/file", true);
        check("elsewhere/../out/deep", true);
        check("beside/../elsewhere/file", false);
        check("outer", false);
        check("loop/file", false);
        let mut links = LINKS_MAX;
        assert!(leads_into(Path::new("/"), Path::new("/"), &mut links));
    }
}
