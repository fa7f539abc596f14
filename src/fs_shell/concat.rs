//! `-concat`: files of one folder become the end of another file in it. Hadoop: `Concat`, `FSDirConcatOp`.

use super::Call;
use super::change::leased;
use super::copy::unwritten;
use super::display::{copy, open};
use super::error::FsError;
use super::item::Item;
use crate::dfs::Purpose;

#[expect(clippy::needless_pass_by_value, reason = "all verbs have one type")]
pub(super) fn concat(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const USAGE: &str = "<target path> <src path> <src path> ...";
    let mut items = call.expand(&words, Purpose::Write)?;
    if items.is_empty() {
        return Err(FsError::Other(format!("Target path not specified. {USAGE}")));
    }
    if items.len() < 3 {
        return Err(FsError::Other(format!("The number of source paths is less than 2. {USAGE}")));
    }
    let target = items.remove(0);
    check(call, &target, &items)?;
    let unfinished = call.shell.unfinished.clone();
    let mut longer =
        unfinished.extend(&target.path).map_err(|error| leased(call, &target, "CONCAT", &error))?;
    for source in &items {
        copy(&mut open(source)?, &mut longer, &source.shown).map_err(|error| unwritten(&target, error))?;
    }
    let is_in_place = longer.is_in_place();
    longer.finish(|_| if is_in_place { Ok(()) } else { Err(FsError::NotFound(target.shown.clone())) })?;
    items.iter().try_for_each(|source| {
        crate::fs::remove_file(&source.path).map_err(|error| FsError::io(&source.shown, &error))
    })
}

/// Refuses what HDFS refuses, before anything is changed.
fn check(call: &Call<'_, '_>, target: &Item, sources: &[Item]) -> Result<(), FsError> {
    let is_file = |item: &Item| item.exists() && !item.is_dir();
    let refuse = |text: String| Err(FsError::Other(text));
    if !is_file(target) {
        let path = target.qualified(call.addresses());
        return refuse(format!("Target path {path} does not exist or is not file."));
    }
    let target_path = target.path_in_fs(call.addresses());
    for (at, source) in sources.iter().enumerate() {
        if !is_file(source) {
            let path = source.qualified(call.addresses());
            return refuse(format!("{path} does not exist or is not file."));
        }
        let path = source.path_in_fs(call.addresses());
        if source.path == target.path {
            return refuse(format!("concat: the src file {path} is the same with target file {target_path}"));
        }
        if source.path.parent() != target.path.parent() {
            return refuse(format!(
                "Source file {path} is not in the same directory with the target {target_path}"
            ));
        }
        if source.file()?.bytes == 0 {
            return refuse(format!("concat: source file {path} is invalid or empty or underConstruction"));
        }
        if sources[..at].iter().any(|other| other.path == source.path) {
            return refuse("concat: at least two of the source files are the same".to_owned());
        }
    }
    Ok(())
}
