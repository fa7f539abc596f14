//! Sums over folders and disks: `-du`, `-df`, `-count`. Hadoop: `FsUsage`, `Count`, `ContentSummary`.

use super::Call;
use super::error::FsError;
use super::item::Item;
use super::options::Format;
use super::stat::size;
use crate::dfs::{Purpose, Scheme};

/// What is in a folder, or a file alone.
#[derive(Clone, Copy, Default)]
struct Sum {
    folders: u64,
    files: u64,
    bytes: u64,
}

impl Sum {
    /// Folders that cannot be read are an error of the whole, as in Hadoop.
    fn of(call: &Call<'_, '_>, item: &Item) -> Result<Self, FsError> {
        let stat = item.stat()?;
        if !stat.is_dir {
            return Ok(Self { folders: 0, files: 1, bytes: stat.bytes });
        }
        let mut sum = Self { folders: 1, ..Self::default() };
        for child in item.children(call.addresses())? {
            let below = Self::of(call, &child)?;
            sum.folders += below.folders;
            sum.files += below.files;
            sum.bytes += below.bytes;
        }
        Ok(sum)
    }
}

/// Rows whose columns are as wide as their widest cell; the last column is as it is. Hadoop: `FsUsage.TableBuilder`.
fn lay_out(rows: &[Vec<String>], is_right: &[usize]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cell = |(column, cell): (usize, &String)| match widths[column] {
            width if is_right.contains(&column) => format!("{cell:>width$}"),
            width if column + 1 < columns => format!("{cell:<width$}"),
            _ => cell.clone(),
        };
        let cells: Vec<String> = row.iter().enumerate().map(cell).collect();
        text.push_str(&cells.join("  "));
        text.push('\n');
    }
    text
}

pub(super) fn du(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(0, usize::MAX, &["h", "s", "v", "x"]);
    let mut given = FORMAT.parse(words)?;
    if given.args.is_empty() {
        given.args.push(".".to_owned());
    }
    let mut rows = Vec::new();
    if given.has("v") {
        let head = ["SIZE", "DISK_SPACE_CONSUMED_WITH_ALL_REPLICAS", "FULL_PATH_NAME"];
        rows.push(head.map(str::to_owned).to_vec());
    }
    let heads = rows.len();
    let is_human = given.has("h");
    let mut add = |call: &mut Call<'_, '_>, item: &Item| {
        let sum = Sum::of(call, item)?;
        let bytes = size(sum.bytes, is_human);
        rows.push(vec![bytes.clone(), bytes, item.shown.clone()]);
        Ok(())
    };
    call.each(&given.args, Purpose::Read, |call, item| {
        if given.has("s") || !item.is_dir() {
            return add(call, item);
        }
        let children = item.children(call.addresses())?;
        children.iter().try_for_each(|child| call.attempt(|call| add(call, child)))
    })?;
    if rows.len() == heads {
        return Ok(());
    }
    call.print(&lay_out(&rows, &[]))
}

pub(super) fn dus(call: &mut Call<'_, '_>, mut words: Vec<String>) -> Result<(), FsError> {
    words.insert(0, "-s".to_owned());
    du(call, words)
}

pub(super) fn df(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(0, usize::MAX, &["h"]);
    let mut given = FORMAT.parse(words)?;
    if given.args.is_empty() {
        given.args.push("/".to_owned());
    }
    let is_human = given.has("h");
    let mut rows = vec![["Filesystem", "Size", "Used", "Available", "Use%"].map(str::to_owned).to_vec()];
    call.each(&given.args, Purpose::Read, |_, item| {
        let disk =
            rustix::fs::statvfs(&item.path).map_err(|error| FsError::io(&item.shown, &error.into()))?;
        let total = disk.f_blocks * disk.f_frsize;
        let used = total.saturating_sub(disk.f_bfree * disk.f_frsize);
        let free = disk.f_bavail * disk.f_frsize;
        let percent = (used as f64 / total as f64 * 100.0).round();
        let uri = if item.scheme == Scheme::Hdfs { "hdfs:///" } else { "file:///" };
        rows.push(vec![
            uri.to_owned(),
            size(total, is_human),
            size(used, is_human),
            size(free, is_human),
            format!("{percent}%"),
        ]);
        Ok(())
    })?;
    if rows.len() == 1 {
        return Ok(());
    }
    call.print(&lay_out(&rows, &[1, 2, 3, 4]))
}

pub(super) fn count(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format =
        Format { valued: &["t"], ..Format::new(1, usize::MAX, &["q", "h", "v", "u", "x", "e", "s"]) };
    let given = FORMAT.parse(words)?;
    let is_human = given.has("h");
    let (with_quotas, quotas_only) = (given.any(&["q", "u"]), given.has("u"));
    // Nothing here has a quota. Hadoop: QuotaUsage.getQuotaUsage.
    let quotas =
        |cells: [&str; 4]| format!("{:>12} {:>15} {:>15} {:>15} ", cells[0], cells[1], cells[2], cells[3]);
    let sums = |cells: [&str; 3]| format!("{:>12} {:>12} {:>18} ", cells[0], cells[1], cells[2]);
    if given.has("v") {
        let mut head = String::new();
        if with_quotas {
            head.push_str(&quotas(["QUOTA", "REM_QUOTA", "SPACE_QUOTA", "REM_SPACE_QUOTA"]));
        }
        if !quotas_only {
            head.push_str(&sums(["DIR_COUNT", "FILE_COUNT", "CONTENT_SIZE"]));
        }
        call.line(&format!("{head}PATHNAME"))?;
    }
    call.each(&given.args, Purpose::Read, |call, item| {
        let sum = Sum::of(call, item)?;
        let [folders, files, bytes] =
            [sum.folders, sum.files, sum.bytes].map(|number| size(number, is_human));
        let mut text = String::new();
        if with_quotas {
            text.push_str(&quotas(["none", "inf", "none", "inf"]));
        }
        if !quotas_only {
            text.push_str(&sums([&folders, &files, &bytes]));
        }
        call.line(&format!("{text}{}", item.shown))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        // FsUsage.TableBuilder.printToStream
        let rows = [["1", "22", "/a"], ["333", "4", "/bbb"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(lay_out(&rows, &[]), "1    22  /a\n333  4   /bbb\n");
        assert_eq!(lay_out(&rows, &[1]), "1    22  /a\n333   4  /bbb\n");
        assert_eq!(lay_out(&[], &[]), "");
    }
}
