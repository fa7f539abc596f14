//! `-createSnapshot`, `-deleteSnapshot`, `-renameSnapshot`: refused as for a folder that no administrator has made
//! snapshottable. Hadoop: `SnapshotCommands`.

use super::Call;
use super::error::FsError;
use crate::dfs::Purpose;

#[expect(clippy::needless_pass_by_value, reason = "all verbs have one type")]
pub(super) fn create(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    match words.len() {
        0 => Err(FsError::Usage("<snapshotDir> is missing.".to_owned())),
        1 | 2 => refuse(call, &words[0]),
        // Hadoop spells it so.
        _ => Err(FsError::Usage("Too many arguements.".to_owned())),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "all verbs have one type")]
pub(super) fn delete(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    with_count(call, &words, 2)
}

#[expect(clippy::needless_pass_by_value, reason = "all verbs have one type")]
pub(super) fn rename(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    with_count(call, &words, 3)
}

fn with_count(call: &mut Call<'_, '_>, words: &[String], count: usize) -> Result<(), FsError> {
    if words.len() != count {
        return Err(FsError::Other(format!("args number not {count}: {}", words.len())));
    }
    refuse(call, &words[0])
}

/// Hadoop: `SnapshotManager.getSnapshottableRoot`.
fn refuse(call: &mut Call<'_, '_>, folder: &str) -> Result<(), FsError> {
    for item in call.expand(&[folder.to_owned()], Purpose::Write)? {
        if !item.stat()?.is_dir {
            return Err(FsError::IsNotDirectory(item.shown));
        }
        let path = item.path_in_fs(call.addresses());
        call.fail(&FsError::Other(format!(
            "Directory is not a snapshottable directory: {path} (there are no snapshots here; -cp makes a copy)"
        )));
    }
    Ok(())
}
