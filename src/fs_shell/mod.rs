//! The verbs of `hadoop fs` and `hdfs dfs`, on the local disk and on the folder that stands for HDFS.
//!
//! A verb gets words and says what Hadoop's would say: output, messages and exit code alike. Each family of verbs has
//! a file; what they share is here and in [`item`], a path as the user calls it. Plain paths that are only read may
//! be on the local disk, those that are changed are in HDFS ([`crate::dfs`]). Here is no configuration and no
//! environment; they come in as [`Shell`]. Hadoop: `FsShell`, `org.apache.hadoop.fs.shell.Command`.

mod acl;
mod attributes;
mod change;
mod checksum;
mod concat;
mod copy;
mod delete;
mod display;
mod error;
mod find;
mod item;
mod list;
mod mode;
mod options;
mod snapshot;
mod stat;
mod table;
mod trash;
mod unfinished;
mod usage;
mod verbs;

pub use stat::Accounts;
pub use trash::TrashPolicy;
pub use unfinished::Unfinished;

use crate::dfs::{Addresses, Purpose};
use error::FsError;
use item::Item;
use std::io::{Read, Write};
use std::path::PathBuf;

/// The verb did what it should.
const OK: u8 = 0;
/// One of the paths made trouble. Hadoop: `Command.exitCodeForError`.
const FAILED: u8 = 1;
/// No such verb, or not with these words: -1 in Hadoop.
const MISUSED: u8 = 255;

/// Where verbs work and whom they talk to.
pub struct Shell<'a> {
    /// What addresses mean.
    pub addresses: Addresses,
    /// What becomes of files that are removed.
    pub trash: TrashPolicy,
    /// The user's home on the local disk.
    pub home: PathBuf,
    /// Names of owners.
    pub accounts: Accounts,
    /// What a signal undoes.
    pub unfinished: Unfinished,
    /// What `-` reads.
    pub input: &'a mut dyn Read,
    /// Results.
    pub out: &'a mut dyn Write,
    /// Messages.
    pub err: &'a mut dyn Write,
}

impl Shell<'_> {
    /// Runs a command line that begins with a verb; returns the exit code. Hadoop: `FsShell.run`.
    pub fn run(&mut self, words: Vec<String>) -> u8 {
        let mut words = words.into_iter();
        let Some(word) = words.next() else {
            self.complain(usage::all().trim_end());
            return MISUSED;
        };
        let Some(verb) = verbs::find(&word) else {
            self.complain(&format!("{word}: Unknown command"));
            if verbs::find(&format!("-{word}")).is_some() {
                self.complain(&format!("Did you mean -{word}?  This command begins with a dash."));
            }
            self.complain(usage::all().trim_end());
            return MISUSED;
        };
        let name = verb.name;
        let mut call = Call { shell: self, name, errors: 0, code: OK };
        if let Some(successor) = verb.successor {
            call.warn(&format!("DEPRECATED: Please use '{successor}' instead."));
        }
        let ended = (verb.run)(&mut call, words.collect());
        let flushed = call.shell.out.flush().map_err(|_| FsError::Output);
        match ended.and(flushed) {
            Err(FsError::Usage(text)) => {
                self.complain(&format!("-{name}: {text}"));
                self.complain(usage::of(verb).trim_end());
                return MISUSED;
            }
            Err(error) => call.fail(&error),
            Ok(()) => {}
        }
        if call.errors == 0 { call.code } else { FAILED }
    }

    fn complain(&mut self, text: &str) {
        // Nobody is left to tell when standard error is closed.
        drop(writeln!(self.err, "{text}"));
    }
}

/// One verb at work.
struct Call<'a, 'b> {
    shell: &'a mut Shell<'b>,
    name: &'static str,
    /// Paths that made trouble.
    errors: u32,
    /// The exit code if none did.
    code: u8,
}

impl Call<'_, '_> {
    fn addresses(&self) -> &Addresses {
        &self.shell.addresses
    }

    /// Prints a result.
    fn print(&mut self, text: &str) -> Result<(), FsError> {
        self.shell.out.write_all(text.as_bytes()).map_err(|_| FsError::Output)
    }

    /// Prints a line of a result.
    fn line(&mut self, text: &str) -> Result<(), FsError> {
        self.print(text)?;
        self.print("\n")
    }

    /// Says what is wrong with one path; the others are still seen to. Hadoop: `Command.displayError`.
    fn fail(&mut self, error: &FsError) {
        self.errors += 1;
        let text = error.to_string();
        self.warn(text.lines().next().unwrap_or_default());
    }

    fn warn(&mut self, text: &str) {
        let name = self.name;
        self.shell.complain(&format!("{name}: {text}"));
    }

    /// Does something for one path and says if it fails; without a reader nothing more has a point.
    fn attempt(&mut self, act: impl FnOnce(&mut Self) -> Result<(), FsError>) -> Result<(), FsError> {
        match act(self) {
            Err(error @ (FsError::Output | FsError::Usage(_))) => Err(error),
            Err(error) => {
                self.fail(&error);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// What the arguments stand for; what none can be found for is said. Hadoop: `Command.expandArguments`.
    fn expand(&mut self, args: &[String], purpose: Purpose) -> Result<Vec<Item>, FsError> {
        let mut items = Vec::new();
        for arg in args {
            match Item::expand(&self.shell.addresses, arg, purpose) {
                Ok(found) => items.extend(found),
                Err(error @ FsError::Usage(_)) => return Err(error),
                Err(error) => self.fail(&error),
            }
        }
        Ok(items)
    }

    /// Does something for all that the arguments stand for; what is not there is said.
    fn each(
        &mut self,
        args: &[String],
        purpose: Purpose,
        mut act: impl FnMut(&mut Self, &Item) -> Result<(), FsError>,
    ) -> Result<(), FsError> {
        for item in self.expand(args, purpose)? {
            self.attempt(|call| {
                item.stat()?;
                act(call, &item)
            })?;
        }
        Ok(())
    }

    /// Does something for an item and, if it is a folder, for all below it. Hadoop: `Command.processPaths`.
    fn descend(
        &mut self,
        item: &Item,
        depth: u32,
        act: &mut dyn FnMut(&mut Self, &Item, u32) -> Result<(), FsError>,
    ) -> Result<(), FsError> {
        act(self, item, depth)?;
        if item.is_dir() {
            for child in item.children(self.addresses())? {
                self.attempt(|call| call.descend(&child, depth + 1, act))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
