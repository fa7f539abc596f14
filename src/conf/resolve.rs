//! Options and configuration files to a job, in the order of Hadoop's `GenericOptionsParser` and
//! `StreamJob`.

use super::error::{ConfError, Warning};
use super::host::HostFacts;
use super::job_conf::JobConf;
use super::keys::{self, Default, Support};
use super::options::StreamOptions;
use super::properties::{Properties, Source};
use super::{ProcessorChoice, cache, path, stream_job, value, xml};
use crate::dfs::{self, Addresses, Scheme};
use crate::hint::{self, Facts, Stage};

/// Properties of Hadoop's newer interface that do not go with the older one: [`JobConf::new_api`] has those that are
/// refused.
pub(super) const NEW_API: [&str; 5] = [
    "mapreduce.job.inputformat.class",
    "mapreduce.job.map.class",
    "mapreduce.job.partitioner.class",
    "mapreduce.job.outputformat.class",
    "mapreduce.job.reduce.class",
];

/// A combiner of the newer interface, which counts where there is none of the older one.
pub(super) const NEW_COMBINER: &str = "mapreduce.job.combine.class";

/// Makes a job of what the user said. Reads the configuration files (a missing one is passed over) and
/// follows links of `-file`; apart from that a pure function.
///
/// What beats what, from weak to strong: Hadoop's defaults, `-conf` files in order,
/// `-additionalconfspec`, `-D`, `-jobconf`, the options for one purpose such as `-numReduceTasks`, and
/// `-reducer NONE`.
pub fn resolve(options: &StreamOptions, host: &HostFacts) -> Result<(JobConf, Vec<Warning>), ConfError> {
    let mut properties = Properties::new(host);
    let mut warnings = option_warnings(options);
    for file in options.conf_files.iter().chain(&options.additional_conf) {
        let path = path::conf_file(file, &host.current_dir);
        match xml::read_file(&path)? {
            Some(content) => warnings.extend(properties.add_file(&path, content)),
            None => warnings.push(Warning::MissingFile { path }),
        }
    }
    if options.fs.as_deref() == Some("") {
        return Err(ConfError::DefaultFs { uri: String::new() });
    }
    // What -files names may be in HDFS, and other options say where that is.
    let mut early = properties.clone();
    early.add_command_line(plain_properties(options));
    let given = command_line(options, &addresses(&early, host)?)?;
    warnings.extend(properties.add_command_line(given));
    let addresses = addresses(&properties, host)?;
    add_shipped_files(&mut properties, options, &addresses)?;
    warnings.extend(property_warnings(&properties)?);
    let addresses = stream_job::apply(&mut properties, options, host, addresses)?;
    check_refused(&properties)?;
    warnings.extend(cache::read(&properties, &addresses)?.1);
    let mut job = JobConf::read(properties, host)?;
    warnings.extend(hints(&job)?);
    job.output.shown = options.output.clone().unwrap_or_default();
    job.output.existing = options.existing;
    job.counters_json = options.counters_json.as_ref().map(|path| match path.to_str() {
        Some("-") => path.clone(),
        _ => host.current_dir.join(path),
    });
    job.packed = options.file.iter().map(|file| host.current_dir.join(file)).collect();
    job.verbose = options.verbose;
    job.background = options.background;
    Ok((job, warnings))
}

/// What verbs of `hadoop fs` want of a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct FsConf {
    /// What addresses mean.
    pub addresses: Addresses,
    /// Minutes that removed files stay in the trash; 0 or less: there is none.
    pub trash_minutes: f64,
}

/// Reads what verbs of `hadoop fs` want: generic options and configuration files alone.
pub fn resolve_fs(options: &StreamOptions, host: &HostFacts) -> Result<FsConf, ConfError> {
    let mut properties = Properties::new(host);
    for file in &options.conf_files {
        let path = path::conf_file(file, &host.current_dir);
        if let Some(content) = xml::read_file(&path)? {
            properties.add_file(&path, content);
        }
    }
    properties.add_command_line(plain_properties(options));
    let trash_minutes = properties.float("fs.trash.interval")?.unwrap_or_default();
    Ok(FsConf { addresses: addresses(&properties, host)?, trash_minutes })
}

/// What addresses mean to this job.
pub(super) fn addresses(properties: &Properties, host: &HostFacts) -> Result<Addresses, ConfError> {
    let uri = properties.text_or("fs.defaultFS", host.default_fs)?;
    let Some(default) = Scheme::from_default_fs(&uri) else { return Err(ConfError::DefaultFs { uri }) };
    let root = match properties.get(dfs::ROOT_PROPERTY)? {
        Some(root) => path::absolute(dfs::ROOT_PROPERTY, &root, &host.current_dir.to_string_lossy())?.into(),
        None => host.hdfs_root.clone(),
    };
    Ok(Addresses { root, user: host.job_user(), working_dir: host.current_dir.clone(), default })
}

/// What options set without regard to others.
fn plain_properties(options: &StreamOptions) -> Vec<(String, String, Source)> {
    let mut given = Vec::new();
    let mut set = |name: &str, text: &str, source: Source| {
        given.push((name.to_owned(), text.to_owned(), source));
    };
    if let Some(uri) = &options.fs {
        set("fs.defaultFS", uri, Source::Option("-fs"));
    }
    if let Some(address) = &options.jt {
        if address.eq_ignore_ascii_case("local") {
            set("mapreduce.framework.name", address, Source::Option("-jt"));
        }
        set("yarn.resourcemanager.address", address, Source::Option("-jt"));
    }
    for (name, text) in &options.properties {
        set(name, text, Source::CommandLine);
    }
    given
}

/// What the command line sets, in Hadoop's order.
fn command_line(
    options: &StreamOptions,
    addresses: &Addresses,
) -> Result<Vec<(String, String, Source)>, ConfError> {
    let mut given = plain_properties(options);
    let mut set = |name: &str, text: &str, source: Source| {
        given.push((name.to_owned(), text.to_owned(), source));
    };
    if let Some(jars) = &options.libjars {
        set("tmpjars", jars, Source::Option("-libjars"));
    }
    if let Some(list) = &options.files {
        set("tmpfiles", &cache::qualified("-files", list, addresses)?, Source::Option("-files"));
    }
    if let Some(list) = &options.archives {
        set("tmparchives", &cache::qualified("-archives", list, addresses)?, Source::Option("-archives"));
    }
    set("mapreduce.client.genericoptionsparser.used", "true", Source::Option("the command line"));
    for (name, text) in &options.jobconf {
        set(name, text, Source::Option("-jobconf"));
    }
    if let Some(folder) = &options.keep_failed {
        set("mrstream.keep.failed", folder, Source::Option("-keep-failed"));
    }
    Ok(given)
}

/// `-file` adds to what `-files` named.
fn add_shipped_files(
    properties: &mut Properties,
    options: &StreamOptions,
    addresses: &Addresses,
) -> Result<(), ConfError> {
    if options.file.is_empty() {
        return Ok(());
    }
    let mut list: Vec<String> = properties.get("tmpfiles")?.into_iter().collect();
    for file in &options.file {
        list.push(cache::qualified("-file", file, addresses)?);
    }
    properties.set("tmpfiles", list.join(","), "-file");
    Ok(())
}

/// Fails on what would change the result in a way that is not built in.
fn check_refused(properties: &Properties) -> Result<(), ConfError> {
    for property in keys::properties().iter().filter(|property| property.support == Support::Refused) {
        let value = properties.get(property.name)?.unwrap_or_default();
        let harmless = match property.default {
            Default::Unset => value.is_empty(),
            Default::File(default) | Default::Code(default) => value.trim() == default,
        };
        // -mapper sets a runner for its command, whatever the user set, as StreamJob does.
        let own = properties.source(property.name) == Source::Option("-mapper");
        let elsewhere = NEW_API.contains(&property.name) || property.name == NEW_COMBINER;
        if !harmless && !own && !elsewhere {
            let origin = properties.source(property.name);
            return Err(ConfError::Refused { name: property.name, value, origin, why: property.doc });
        }
    }
    Ok(())
}

/// Remarks on options that have successors, or no effect here.
fn option_warnings(options: &StreamOptions) -> Vec<Warning> {
    let outdated = [
        (!options.file.is_empty(), "-file", "-files"),
        (!options.cache_file.is_empty(), "-cacheFile", "-files"),
        (!options.cache_archive.is_empty(), "-cacheArchive", "-archives"),
        (!options.jobconf.is_empty(), "-jobconf", "-D"),
        (options.additional_conf.is_some(), "-additionalconfspec", "-conf"),
    ];
    let idle = [
        (options.libjars.is_some(), "-libjars", "no Java class can be loaded"),
        (options.map_debug.is_some(), "-mapdebug", "as in Hadoop's local mode the script is not run"),
        (options.reduce_debug.is_some(), "-reducedebug", "as in Hadoop's local mode the script is not run"),
    ];
    let outdated = outdated.into_iter().filter(|(given, ..)| *given);
    let outdated = outdated.map(|(_, given, present)| Warning::DeprecatedOption { given, present });
    let idle = idle.into_iter().filter(|(given, ..)| *given);
    outdated.chain(idle.map(|(_, given, why)| Warning::NoEffect { given, why })).collect()
}

/// Remarks on names that nobody knows and on values that count as unset. A value that matters and cannot
/// be read is an error later, when it is read.
fn property_warnings(properties: &Properties) -> Result<Vec<Warning>, ConfError> {
    let mut warnings = Vec::new();
    for name in properties.names_set() {
        if let Some(nearest) = keys::misspelt(name) {
            warnings.push(Warning::UnknownName { given: name.to_owned(), nearest });
        }
        let Some(property) = keys::property(name) else { continue };
        let lenient = property.kind == keys::Kind::Bool
            || property.support == Support::NoEffect
            || property.name == "mapreduce.job.maps";
        let value = properties.get(name)?.unwrap_or_default();
        if lenient && !value::fits(property.kind, &value) {
            let expected = value::expected(property.kind);
            warnings.push(Warning::Malformed { name: property.name, value, expected });
        }
    }
    Ok(warnings)
}

/// What in commands and properties was hardly meant so.
fn hints(job: &JobConf) -> Result<Vec<Warning>, ConfError> {
    let names: Vec<&str> = job.properties.names_set().collect();
    let values = names
        .iter()
        .map(|name| Ok(job.properties.get(name)?.unwrap_or_default()))
        .collect::<Result<Vec<String>, ConfError>>()?;
    let settings: Vec<(&str, &str)> = names.into_iter().zip(values.iter().map(String::as_str)).collect();
    let mut hints = hint::all(Stage::Warning, &Facts { settings: &settings, ..Facts::NONE });
    for choice in [Some(&job.mapper), job.combiner.as_ref(), Some(&job.reducer)] {
        if let Some(ProcessorChoice::Command(text)) = choice {
            hints.extend(hint::all(Stage::Warning, &Facts { text, ..Facts::NONE }));
        }
    }
    let once = (0..hints.len()).filter(|at| !hints[..*at].contains(&hints[*at])).map(|at| hints[at].clone());
    Ok(once.map(Warning::Hint).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(change: impl Fn(&mut StreamOptions)) -> StreamOptions {
        let mut options = StreamOptions {
            inputs: vec!["in".into()],
            output: Some("out".into()),
            mapper: Some("cat".into()),
            ..StreamOptions::default()
        };
        change(&mut options);
        options
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    fn reduces(change: impl Fn(&mut StreamOptions)) -> u32 {
        resolve(&options(change), &HostFacts::example()).unwrap().0.reduces
    }

    fn check_error(change: impl Fn(&mut StreamOptions), expect: &str) {
        let error = resolve(&options(change), &HostFacts::example()).unwrap_err().to_string();
        assert!(error.starts_with(expect), "{error}");
    }

    #[test]
    fn stronger_sources_win() {
        let name = "mapreduce.job.reduces";
        assert_eq!(reduces(|_| ()), 1);
        assert_eq!(reduces(|o| o.properties = pairs(&[(name, "5"), (name, "2")])), 2);
        assert_eq!(reduces(|o| o.properties = pairs(&[("mapred.reduce.tasks", "2")])), 2);
        assert_eq!(reduces(|o| o.properties = pairs(&[(name, "4"), ("mapred.reduce.tasks", "2")])), 4);
        let both = |o: &mut StreamOptions| {
            o.properties = pairs(&[(name, "4")]);
            o.jobconf = pairs(&[(name, "3")]);
        };
        assert_eq!(reduces(both), 3);
        let three = |o: &mut StreamOptions| {
            both(o);
            o.num_reduce_tasks = Some("2".into());
        };
        assert_eq!(reduces(three), 2);
        let four = |o: &mut StreamOptions| {
            three(o);
            o.reducer = Some("NONE".into());
        };
        assert_eq!(reduces(four), 0);
    }

    #[test]
    fn files_come_before_the_command_line() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, reduces: &str, end: &str| {
            let text = format!(
                "<configuration><property><name>mapred.reduce.tasks</name><value>{reduces}</value>{end}\
                 </property></configuration>"
            );
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        write("a.xml", "3", "<final>true</final>");
        write("b.xml", "2", "");
        let check = |files: &[&str], additional: Option<&str>, property: Option<&str>, expect: u32| {
            let host = HostFacts { current_dir: folder.path().into(), ..HostFacts::example() };
            let options = options(|o| {
                o.conf_files = files.iter().map(Into::into).collect();
                o.additional_conf = additional.map(Into::into);
                o.properties =
                    property.map(|n| ("mapreduce.job.reduces".into(), n.into())).into_iter().collect();
            });
            assert_eq!(resolve(&options, &host).unwrap().0.reduces, expect, "{files:?}");
        };
        check(&["b.xml"], None, None, 2);
        check(&["b.xml", "a.xml"], None, None, 3);
        check(&["a.xml", "b.xml"], None, None, 3);
        check(&["a.xml", "b.xml"], None, Some("5"), 5);
        check(&["b.xml"], Some("a.xml"), None, 3);
        check(&["gone.xml"], None, None, 1);
    }

    #[test]
    fn wrong_values_are_refused_by_name() {
        let property = |name: &'static str, text: &'static str| {
            move |o: &mut StreamOptions| o.properties = pairs(&[(name, text)])
        };
        check_error(
            property("mapred.reduce.tasks", "abc"),
            "property mapreduce.job.reduces = \"abc\" (from -D)",
        );
        check_error(
            property("mapred.mapper.new-api", "true"),
            "property mapred.mapper.new-api = \"true\" (from -D) is not supported",
        );
        check_error(
            property("fs.defaultFS", "s3://h"),
            "fs.defaultFS \"s3://h\": only the local file system",
        );
        check_error(|o| o.fs = Some("h:9000".into()), "fs.defaultFS \"h:9000\"");
        let filter = property("mapred.input.pathFilter.class", "org.example.Filter");
        check_error(
            filter,
            "property mapreduce.input.pathFilter.class = \"org.example.Filter\" (from -D) is not",
        );
        resolve(&options(property("mapred.mapper.new-api", "false")), &HostFacts::example()).unwrap();
        resolve(&options(|o| o.fs = Some("file:///".into())), &HostFacts::example()).unwrap();
    }

    #[test]
    fn addresses_follow_the_default_file_system() {
        let check = |set: &[(&str, &str)], default_fs: &'static str, inputs: &str, output: &str| {
            let host = HostFacts { default_fs, ..HostFacts::example() };
            let options = options(|o| {
                o.properties = pairs(set);
                o.inputs = vec!["/d/in".into(), "hdfs://h/x/*".into()];
                o.output = Some("/d/out".into());
                o.files = Some("/d/m.py,hdfs:///r.py#r".into());
            });
            let (job, _) = resolve(&options, &host).unwrap();
            assert_eq!(job.inputs.join(" "), inputs, "{set:?}");
            assert_eq!(job.output.dir.to_str().unwrap(), output, "{set:?}");
            assert_eq!(job.cache[0].path.to_str().unwrap(), "/d/m.py", "{set:?}");
            assert!(job.cache[1].path.ends_with("r.py") && job.cache[1].path.starts_with(&job.hdfs_root));
        };
        check(&[], "file:///", "/d/in /home/ann/dfs/x/*", "/d/out");
        check(&[("fs.defaultFS", "file:///")], "hdfs:///", "/d/in /home/ann/dfs/x/*", "/d/out");
        check(&[], "hdfs:///", "/home/ann/dfs/d/in /home/ann/dfs/x/*", "/home/ann/dfs/d/out");
        let set = [("fs.default.name", "hdfs://h"), ("mrstream.hdfs.root", "root")];
        check(&set, "file:///", "/start/root/d/in /start/root/x/*", "/start/root/d/out");
    }

    #[test]
    fn files_sent_along_are_joined() {
        let options = options(|o| {
            o.files = Some("a#x".into());
            o.file = vec!["b".into()];
            o.cache_file = vec!["c#y".into()];
        });
        let (job, warnings) = resolve(&options, &HostFacts::example()).unwrap();
        let seen: Vec<_> = job.cache.iter().map(|f| (f.path.to_str().unwrap(), f.link.as_str())).collect();
        assert_eq!(seen, [("/start/c", "y"), ("/start/a", "x"), ("/start/b", "b")]);
        let expect = [("-file", "-files"), ("-cacheFile", "-files")];
        let expect = expect.map(|(given, present)| Warning::DeprecatedOption { given, present });
        assert_eq!(warnings, expect);
    }

    #[test]
    fn slips_and_lost_values_are_remarked() {
        let set = [
            ("mapreduce.job.reduce", "2"),
            ("mapreduce.output.fileoutputformat.compress", "yes"),
            ("mapreduce.map.memory.mb", "1g"),
            ("mine", "x"),
            ("stream.num.map.output.key.fields", "1"),
        ];
        let (_, warnings) = resolve(&options(|o| o.properties = pairs(&set)), &HostFacts::example()).unwrap();
        let said: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        let expect = [
            "property mapreduce.job.reduce is unknown, did you mean mapreduce.job.reduces?",
            "property mapreduce.map.memory.mb = \"1g\" counts as unset: expected a whole number of 32 bits",
            "property mapreduce.output.fileoutputformat.compress = \"yes\" counts as unset: expected true or false",
        ];
        assert_eq!(said, expect);
    }
}
