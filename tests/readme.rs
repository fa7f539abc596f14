//! What the README counts and lists is what the code has.

use crate::harness::{JobDir, repository};
use std::fmt::Write as _;

const BEGIN: &str =
    "<!-- counted in the code: MRSTREAM_README_UPDATE=1 cargo test readme rewrites what follows -->\n";
const END: &str = "<!-- end of what is counted -->\n";

/// What a command of ours prints.
fn printed(args: &str) -> String {
    JobDir::new().run(args).expect_code(0).stdout
}

/// A table of tab-separated lines without its head.
fn table(args: &str) -> Vec<Vec<String>> {
    let fields = |line: &str| line.split('\t').map(str::to_owned).collect();
    printed(args).lines().skip(1).map(fields).collect()
}

/// The rows of Java classes: place, those that are built in, those that are refused.
fn class_rows() -> String {
    let classes = table("classes");
    let mut places: Vec<&String> = classes.iter().map(|class| &class[0]).collect();
    places.dedup();
    let mut rows = String::from("| Java classes | built in | refused |\n|---|---|---|\n");
    for place in places {
        let names = |support: &str| {
            let mut names: Vec<&str> = Vec::new();
            for class in classes.iter().filter(|class| class[0] == *place && class[1] == support) {
                let name = class[2].rsplit('.').next().unwrap();
                // Some classes are in both of Hadoop's interfaces.
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            names.join(", ")
        };
        writeln!(rows, "| {place}s | {} | {} |", names("built in"), names("refused")).unwrap();
    }
    rows
}

/// The options under a title of the help.
fn options(help: &str, title: &str) -> Vec<String> {
    let (_, section) = help.split_once(&format!("\n{title}\n")).unwrap();
    let lines = section.lines().take_while(|line| line.starts_with("  -"));
    lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

/// The sentences that count options and properties.
fn counts() -> String {
    let help = printed("-help");
    let count = |title: &str| options(&help, title).len();
    let hadoops = ["Options", "Generic options", "Deprecated options", "Options without effect"];
    let all: usize = hadoops.map(count).iter().sum();
    let idle = options(&help, "Options without effect");
    let idle = idle.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let properties = table("properties");
    let support = |support: &str| properties.iter().filter(|property| property[1] == support).count();
    format!(
        "Of {all} options of Hadoop's all are understood; these do nothing here: {idle}.\n\n\
         Of {} properties {} are honoured, {} change nothing here, and {} are refused when they are set to\n\
         anything but their default, because what they ask for is not built in.\n",
        properties.len(),
        support("honoured"),
        support("no effect"),
        support("refused")
    )
}

#[test]
fn what_the_readme_counts_is_what_the_code_has() {
    let path = repository().join("README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    let expect = format!("\n{}\n{}\n", class_rows(), counts());
    if std::env::var_os("MRSTREAM_README_UPDATE").is_some() {
        std::fs::write(&path, [before, BEGIN, &expect, END, after].concat()).unwrap();
    } else {
        assert_eq!(found, expect, "MRSTREAM_README_UPDATE=1 cargo test readme rewrites it");
    }
}

/// Differences that `scripts/compare_hadoop.sh` expects are rows of the compatibility table.
#[test]
fn the_readme_names_the_differences_that_the_comparison_expects() {
    let text = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let jobs = std::fs::read_to_string(repository().join("scripts/compare_hadoop/jobs.py")).unwrap();
    let block =
        jobs.split("compatibility table that says so.\n").nth(1).unwrap().split("\n\n").next().unwrap();
    for line in block.lines() {
        let row = line.split('"').nth(1).unwrap_or_else(|| panic!("{line}: expected NAME = \"row\""));
        assert!(text.contains(&format!("\n| {row} | ")), "the compatibility table has no row {row:?}");
    }
}

#[test]
fn the_readme_knows_how_many_jobs_hadoop_made() {
    let jobs = std::fs::read_dir(repository().join("testdata/jobs")).unwrap().count();
    let text = std::fs::read_to_string(repository().join("README.md")).unwrap();
    assert!(text.contains(&format!("`testdata/jobs` holds {jobs} jobs")), "there are {jobs}");
}
