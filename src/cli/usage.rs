//! The texts of `-help`, `-info` and `-version`. The option lists come from the table in [`super::args`], so
//! they cannot disagree with the parser; the rest is prose. Nothing is printed here.

use super::args::{Class, OPTIONS, Opt, Support};
use super::commands;

/// Width of the column with an option's name and argument.
const NAME_COLUMN: usize = 32;

/// How a job is started, and the subcommands.
const SYNOPSIS: &str = "\
Usage: mr-stream [generic options] -input PATH... -output FOLDER -mapper CMD [-reducer CMD] [options]
       mr-stream COMMAND ...
       mr-stream -help | -info | -version
";

/// What the short help ends with.
const MORE: &str = "
Use -info for records, commands, properties, exit codes and examples, and help COMMAND for a command.
";

/// The facts that `-info` adds to the lists of options.
const DETAILS: &str = r#"
Input
  -input takes files, folders and globs: * ? [a-z] {a,b}. It takes several values and may be repeated.
  In folders and globs, names that start with _ or . are left out.
  Files that end in .gz .bz2 .zst .deflate and other known extensions are decompressed.
  A line is a record: LF, CR LF or a lone CR ends it, and the mapper gets the line.

Records
  Of each line that a command writes, the key ends at the first tab; the rest is the value. A line without
  a tab is all key. A reducer reads key, tab, value, sorted by the bytes of the keys; it sees where one key
  ends and the next begins by comparing lines.
  For other separators and longer keys:
    -D stream.map.output.field.separator=.   -D stream.num.map.output.key.fields=2
    -D stream.reduce.output.field.separator=.   -D mapreduce.output.textoutputformat.separator=,

Commands
  No shell reads a command: pipes, redirections, variables and globs are plain arguments. Single and double
  quotes group words. For a shell, say so: -mapper "sh -c 'grep x | cut -f 2'".
  A program is looked for among the files of -files first, then in PATH. Shipped programs need no run bit.
  A command fails its task with any exit code but 0, unless stream.non.zero.exit.is.failure=false.
  Lines on standard error are passed on, except these:
    reporter:counter:GROUP,COUNTER,AMOUNT   adds to a counter
    reporter:status:TEXT                    sets the task's status
  Every property of the job is an environment variable, with _ for each character that is not a letter or
  digit of ASCII: mapreduce_task_partition, mapreduce_map_input_file.

Reduce tasks
  -numReduceTasks 10 writes part-00000 to part-00009; a key's hash decides which.
  -numReduceTasks 0 and -reducer NONE leave out sorting: what the mappers write is the output.
  -reducer aggregate sums lines such as LongValueSum:KEY<tab>NUMBER.

Sorting and partitions
  By the second field as a number, largest first:
    -D mapreduce.job.output.key.comparator.class=org.apache.hadoop.mapred.lib.KeyFieldBasedComparator
    -D stream.num.map.output.key.fields=2 -D mapreduce.partition.keycomparator.options=-k2,2nr
  Equal first fields to the same reduce task:
    -partitioner org.apache.hadoop.mapred.lib.KeyFieldBasedPartitioner
    -D mapreduce.partition.keypartitioner.options=-k1,1
  Parts that are sorted as one, part-00000 first:
    -partitioner org.apache.hadoop.mapred.lib.TotalOrderPartitioner -numReduceTasks 4
    -D mapreduce.totalorderpartitioner.path=cuts
  The file cuts says where parts begin. mr-stream sample ARGS writes it: it runs the mapper over some splits
  and chooses from the keys. With -D mrstream.totalorder.sample=true a job without that file does so itself.

Properties
  -D and -conf set them, -numReduceTasks and the like win over them. Old names (mapred.reduce.tasks) work.
  mr-stream properties   lists every property that is known, with its default and what it does here
  mr-stream classes      lists the Java classes that options and properties can name, and which are built in
  mr-stream plan ARGS    shows how a job would be cut into tasks, without running it
  mr-stream sample ARGS  writes the partition file of a total order; see above

Runs
  mr-stream jobs         lists the runs on this machine; jobs show ID, jobs wait ID and jobs kill ID do that;
                         last stands for the newest ID
  With -background the command returns once the job is under way, and prints the job's ID.
  mr-stream install-commands PREFIX   makes hadoop, hdfs, mapred and yarn, by which scripts find this program

Values and order
  A value is what follows an option, unless it is the name of an option. One double quote is dropped from
  each end of it. Of an option that has one value, the first one given counts.
  Generic options may stand anywhere here; a Hadoop cluster wants them before all others.

Exit codes
  0  the job succeeded, or runs in the background
  1  the job failed, or the command line or a property cannot be used
  5  the job could not start: an input is missing or the output exists

Examples
  Word count:
    mr-stream -files split.py -input books -output counts -numReduceTasks 4 \
      -mapper 'python3 split.py' -reducer 'uniq -c'
  Lines that match, compressed, without sorting:
    mr-stream -D mapreduce.output.fileoutputformat.compress=true \
      -D mapreduce.output.fileoutputformat.compress.codec=org.apache.hadoop.io.compress.GzipCodec \
      -input 'logs/2024-*' -output errors -mapper 'sed -n /ERROR/p' -reducer NONE
"#;

/// The text of `-help`, and of a command line that cannot be understood.
pub fn help() -> String {
    options() + &commands_text() + MORE
}

fn commands_text() -> String {
    let line = |(name, about)| format!("  {name:<NAME_COLUMN$} {about}\n");
    std::iter::once("\nCommands\n".to_owned()).chain(commands::list().into_iter().map(line)).collect()
}

/// The text of `-info`.
pub fn info() -> String {
    options() + DETAILS
}

/// The text of `-version`.
pub fn version() -> String {
    concat!("mr-stream ", env!("CARGO_PKG_VERSION"), "\n").to_owned()
}

fn options() -> String {
    let mut text = SYNOPSIS.to_owned();
    let honoured = |class| move |opt: &Opt| opt.support == Support::Honoured && opt.class == class;
    section(&mut text, "Options", honoured(Class::StreamJob));
    section(&mut text, "Options that Hadoop does not have", honoured(Class::Own));
    section(&mut text, "Generic options", honoured(Class::GenericOptionsParser));
    section(&mut text, "Deprecated options", |opt| matches!(opt.support, Support::Deprecated(_)));
    section(&mut text, "Options without effect", |opt| matches!(opt.support, Support::NoEffect(_)));
    text
}

fn section(text: &mut String, title: &str, belongs: impl Fn(&Opt) -> bool) {
    text.push('\n');
    text.push_str(title);
    text.push('\n');
    for opt in OPTIONS.iter().filter(|opt| belongs(opt)) {
        text.push_str(&line(opt));
    }
}

fn line(opt: &Opt) -> String {
    let argument = opt.argument.name().map(|argument| format!(" <{argument}>")).unwrap_or_default();
    let remark = match opt.support {
        Support::Honoured => String::new(),
        Support::Deprecated(instead) => format!("; use -{instead}"),
        Support::NoEffect(why) => format!("; {why}"),
    };
    let name = format!("-{}{argument}", opt.name);
    format!("  {name:<NAME_COLUMN$} {}{remark}\n", opt.help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_texts_have_one_line_for_every_option() {
        let list = options();
        assert!(help().starts_with(&list) && info().starts_with(&list));
        for opt in OPTIONS {
            let start = format!("  -{} ", opt.name);
            let lines: Vec<&str> = list.lines().filter(|line| line.starts_with(&start)).collect();
            assert_eq!(lines.len(), 1, "-{}", opt.name);
            assert!(lines[0].contains(opt.help) && lines[0].contains(opt.argument.name().unwrap_or("")));
        }
    }

    #[test]
    fn the_help_lists_the_commands() {
        let (help, commands) = (help(), commands::list());
        assert!(commands.len() > 5);
        for (name, about) in commands {
            assert!(help.contains(&format!("\n  {name} ")) && help.contains(&about), "{name}");
        }
        assert!(!help.contains("\n  task "), "engines call it, people do not");
    }

    #[test]
    fn no_line_is_too_wide_for_a_terminal() {
        for line in info().lines().chain(help().lines()) {
            assert!(line.chars().count() <= 110, "{line}");
        }
    }

    #[test]
    fn the_exit_codes_told_are_those_answered() {
        use crate::cli::exit;
        for (code, words) in [
            (exit::OK, "the job succeeded"),
            (exit::JOB_FAILED, "the job failed"),
            (exit::USAGE, "the job failed, or the command line"),
            (exit::NOT_STARTED, "the job could not start"),
        ] {
            assert!(info().contains(&format!("\n  {code}  {words}")), "{code}");
        }
    }

    #[test]
    fn the_version_is_the_package_s() {
        assert_eq!(version(), format!("mr-stream {}\n", env!("CARGO_PKG_VERSION")));
    }
}
