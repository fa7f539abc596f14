//! `-find`. Hadoop: `org.apache.hadoop.fs.shell.find.Find`.

use super::Call;
use super::error::FsError;
use super::item::Item;
use super::options::Format;
use crate::dfs::Purpose;
use crate::glob::Component;

/// One test of a path, or what to do with it.
enum Step {
    Name { pattern: Component, ignores_case: bool },
    Print(&'static str),
}

pub(super) fn find(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format { lenient: true, ..Format::new(1, usize::MAX, &["L", "H"]) };
    let mut given = FORMAT.parse(words)?;
    let paths = given.args.iter().take_while(|word| !word.starts_with('-') && *word != "(").count();
    let mut steps = parse(given.args.split_off(paths))?;
    if given.args.is_empty() {
        given.args.push(".".to_owned());
    }
    if !steps.iter().any(|step| matches!(step, Step::Print(_))) {
        steps.push(Step::Print("\n"));
    }
    call.each(&given.args, Purpose::Read, |call, item| {
        call.descend(item, 0, &mut |call, item, _| apply(call, &steps, item))
    })
}

/// All expressions are joined by "and", so that parentheses change nothing.
fn parse(words: Vec<String>) -> Result<Vec<Step>, FsError> {
    let mut steps = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "(" | ")" | "-a" | "-and" => {}
            "-print" => steps.push(Step::Print("\n")),
            "-print0" => steps.push(Step::Print("\0")),
            "-name" | "-iname" => {
                let ignores_case = word == "-iname";
                let given = words.next().ok_or_else(|| FsError::Usage(format!("{word} needs a pattern")))?;
                let given = if ignores_case { given.to_lowercase() } else { given };
                let pattern = Component::new(given.as_bytes())
                    .map_err(|bad| FsError::Other(format!("Illegal file pattern: {}", bad.0)))?;
                steps.push(Step::Name { pattern, ignores_case });
            }
            _ => return Err(FsError::Other(format!("Unexpected argument: {word}"))),
        }
    }
    Ok(steps)
}

fn apply(call: &mut Call<'_, '_>, steps: &[Step], item: &Item) -> Result<(), FsError> {
    for step in steps {
        match step {
            Step::Name { pattern, ignores_case } => {
                let name = item.name();
                let name = if *ignores_case { name.to_lowercase() } else { name };
                let fits = match pattern {
                    Component::Name(only) => only == name.as_bytes(),
                    Component::Pattern(regex) => regex.is_match(&name),
                };
                if !fits {
                    return Ok(());
                }
            }
            Step::Print(end) => call.print(&format!("{}{end}", item.shown))?,
        }
    }
    Ok(())
}
