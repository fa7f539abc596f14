//! What is there: `-ls`, `-stat`, `-test`. Hadoop: `Ls`, `Stat`, `Test`.

use super::error::FsError;
use super::item::Item;
use super::options::Format;
use super::stat::{Stat, size};
use super::{Call, FAILED};
use crate::clock;
use crate::dfs::Purpose;
use std::cmp::Reverse;

/// How a listing is made.
#[expect(clippy::struct_excessive_bools, reason = "each switch is an option of its own")]
struct Listing {
    paths_only: bool,
    is_human: bool,
    hides_controls: bool,
    recursive: bool,
    by_time: bool,
    by_size: bool,
    reverse: bool,
    time_of_reading: bool,
    /// Widths of columns; they only grow.
    widths: Widths,
}

struct Widths {
    copies: usize,
    owner: usize,
    group: usize,
    bytes: usize,
}

/// Items of one folder whose columns are aligned together. Hadoop: `Ls.getListingGroupSize`.
const GROUP_ITEMS: usize = 100;

pub(super) fn ls(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(0, usize::MAX, &["C", "d", "h", "q", "R", "r", "t", "S", "u", "e"]);
    let mut given = FORMAT.parse(words)?;
    if given.args.is_empty() {
        given.args.push(".".to_owned());
    }
    let opens_folders = !given.has("d");
    let mut listing = Listing {
        paths_only: given.has("C"),
        is_human: given.has("h"),
        hides_controls: given.has("q"),
        recursive: given.has("R") && opens_folders,
        by_time: given.has("t"),
        by_size: given.has("S") && !given.has("t"),
        reverse: given.has("r"),
        time_of_reading: given.has("u"),
        widths: Widths { copies: 3, owner: 0, group: 0, bytes: 10 },
    };
    call.each(&given.args, Purpose::Read, |call, item| {
        if opens_folders && item.is_dir() {
            listing.show_folder(call, item)
        } else {
            listing.show(call, std::slice::from_ref(item))
        }
    })
}

pub(super) fn lsr(call: &mut Call<'_, '_>, mut words: Vec<String>) -> Result<(), FsError> {
    words.insert(0, "-R".to_owned());
    ls(call, words)
}

impl Listing {
    fn show_folder(&mut self, call: &mut Call<'_, '_>, folder: &Item) -> Result<(), FsError> {
        let mut items = folder.children(call.addresses())?;
        self.sort(&mut items);
        if !self.recursive && !self.paths_only && !items.is_empty() {
            call.line(&format!("Found {} items", items.len()))?;
        }
        let group = if self.recursive { GROUP_ITEMS } else { usize::MAX };
        items.chunks(group).try_for_each(|items| self.show(call, items))
    }

    fn sort(&self, items: &mut [Item]) {
        let time = |item: &Item| item.stat.as_ref().map_or(0, |stat| self.time(stat));
        let bytes = |item: &Item| item.stat.as_ref().map_or(0, |stat| stat.bytes);
        if self.by_time && self.reverse {
            items.sort_by_key(time);
        } else if self.by_time {
            items.sort_by_key(|item| Reverse(time(item)));
        } else if self.by_size && self.reverse {
            items.sort_by_key(bytes);
        } else if self.by_size {
            items.sort_by_key(|item| Reverse(bytes(item)));
        } else if self.reverse {
            items.reverse();
        }
    }

    fn time(&self, stat: &Stat) -> i64 {
        if self.time_of_reading { stat.read_ms } else { stat.modified_ms }
    }

    /// Lines of items that stand together, each with what is below it.
    fn show(&mut self, call: &mut Call<'_, '_>, items: &[Item]) -> Result<(), FsError> {
        for stat in items.iter().filter_map(|item| item.stat.as_ref()) {
            let accounts = &call.shell.accounts;
            let widths = &mut self.widths;
            widths.bytes = widths.bytes.max(stat.bytes.to_string().len());
            widths.owner = widths.owner.max(stat.owner(accounts).chars().count());
            widths.group = widths.group.max(stat.group(accounts).chars().count());
        }
        for item in items {
            call.attempt(|call| {
                let line = self.line(call, item)?;
                call.line(&line)?;
                if self.recursive && item.is_dir() {
                    self.show_folder(call, item)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn line(&self, call: &Call<'_, '_>, item: &Item) -> Result<String, FsError> {
        if self.paths_only {
            return Ok(item.shown.clone());
        }
        let (stat, accounts) = (item.stat()?, &call.shell.accounts);
        let Widths { copies, owner, group, bytes } = self.widths;
        let kind = if stat.is_dir { "d" } else { "-" };
        let copies_shown = if stat.is_dir { "-".to_owned() } else { stat.copies.to_string() };
        let shown = if self.hides_controls {
            item.shown.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
        } else {
            item.shown.clone()
        };
        Ok(format!(
            "{kind}{} {copies_shown:>copies$} {:<owner$} {:<group$} {:>bytes$} {} {shown}",
            stat.permission(),
            stat.owner(accounts),
            stat.group(accounts),
            size(stat.bytes, self.is_human),
            clock::local(self.time(stat), "%Y-%m-%d %H:%M"),
        ))
    }
}

pub(super) fn stat(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(1, usize::MAX, &["R"]);
    let mut given = FORMAT.parse(words)?;
    let format = if given.args[0].contains('%') { given.args.remove(0) } else { "%y".to_owned() };
    let recursive = given.has("R");
    let given = FORMAT.parse(given.args)?;
    call.each(&given.args, Purpose::Read, |call, item| {
        let mut show = |call: &mut Call<'_, '_>, item: &Item, _| {
            let text = facts(call, item, &format)?;
            call.line(&text)
        };
        if recursive { call.descend(item, 0, &mut show) } else { show(call, item, 0) }
    })
}

/// The facts of an item, by a format.
fn facts(call: &Call<'_, '_>, item: &Item, format: &str) -> Result<String, FsError> {
    let (stat, accounts) = (item.stat()?, &call.shell.accounts);
    let time = |ms: i64| clock::utc(ms, "%Y-%m-%d %H:%M:%S");
    let mut text = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            text.push(letter);
            continue;
        }
        // A percent sign at the end is dropped.
        let Some(letter) = letters.next() else { break };
        let fact = match letter {
            'a' => format!("{:o}", stat.mode),
            'A' => stat.permission(),
            'b' => stat.bytes.to_string(),
            'F' => (if stat.is_dir { "directory" } else { "regular file" }).to_owned(),
            'g' => stat.group(accounts),
            'n' => item.name(),
            'o' => stat.block_bytes.to_string(),
            'r' => stat.copies.to_string(),
            'u' => stat.owner(accounts),
            'x' => time(stat.read_ms),
            'X' => stat.read_ms.to_string(),
            'y' => time(stat.modified_ms),
            'Y' => stat.modified_ms.to_string(),
            other => other.to_string(),
        };
        text.push_str(&fact);
    }
    Ok(text)
}

pub(super) fn test(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(1, 1, &["e", "d", "f", "s", "z", "w", "r"]);
    let given = FORMAT.parse(words)?;
    let flag = match given.switches()[..] {
        [] => return Err(FsError::Usage("No test flag given".to_owned())),
        [flag] => flag,
        _ => return Err(FsError::Usage("Only one test flag is allowed".to_owned())),
    };
    for item in call.expand(&given.args, Purpose::Read)? {
        let may = |access| rustix::fs::access(&item.path, access).is_ok();
        let holds = item.stat.as_ref().is_some_and(|stat| match flag {
            "d" => stat.is_dir,
            "f" => !stat.is_dir,
            "s" => stat.bytes > 0,
            "z" => stat.bytes == 0,
            "r" => may(rustix::fs::Access::READ_OK),
            "w" => may(rustix::fs::Access::WRITE_OK),
            _ => true,
        });
        if !holds {
            call.code = FAILED;
        }
    }
    Ok(())
}
