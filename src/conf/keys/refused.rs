//! The properties that would change the result in a way this engine cannot follow.

use super::Default::{Code, Unset};
use super::Kind::{Bool, Class, Int, Text};
use super::Row;

/// In alphabetical order.
pub(super) const ROWS: &[Row] = &[
    Row(
        "mapred.map.runner.class",
        &[],
        Class,
        Code("org.apache.hadoop.mapred.MapRunner"),
        "Map runner; only the plain one and streaming's are built in.",
    ),
    Row(
        "mapred.mapper.new-api",
        &[],
        Bool,
        Code("false"),
        "Mappers of the newer Java interface; streaming has none.",
    ),
    Row(
        "mapred.output.committer.class",
        &[],
        Class,
        Code("org.apache.hadoop.mapred.FileOutputCommitter"),
        "Output committer; only FileOutputCommitter is built in.",
    ),
    Row(
        "mapred.reducer.new-api",
        &[],
        Bool,
        Code("false"),
        "Reducers of the newer Java interface; streaming has none.",
    ),
    Row(
        "mapreduce.aggregate.descriptor.num",
        &[],
        Int,
        Code("0"),
        "User-defined aggregators; no Java class can be loaded.",
    ),
    Row(
        "mapreduce.input.multipleinputs.dir.formats",
        &["mapred.input.dir.formats"],
        Text,
        Unset,
        "MultipleInputs; no Java class can be loaded.",
    ),
    Row(
        "mapreduce.input.multipleinputs.dir.mappers",
        &["mapred.input.dir.mappers"],
        Text,
        Unset,
        "MultipleInputs; no Java class can be loaded.",
    ),
    Row(
        "mapreduce.input.pathFilter.class",
        &["mapred.input.pathFilter.class"],
        Class,
        Unset,
        "Filter of input paths; no Java class can be loaded.",
    ),
    Row(
        "mapreduce.job.combine.class",
        &["mapreduce.combine.class"],
        Class,
        Unset,
        "Combiner of Hadoop's newer interface, unless there is one of the older; no Java class can be loaded.",
    ),
    Row(
        "mapreduce.job.combiner.group.comparator.class",
        &[],
        Class,
        Unset,
        "Groups of the combiner; only the order's own are built in.",
    ),
    Row(
        "mapreduce.job.inputformat.class",
        &["mapreduce.inputformat.class"],
        Class,
        Unset,
        "Input format of Hadoop's newer interface, which streaming does not use: use -inputformat.",
    ),
    Row(
        "mapreduce.job.map.class",
        &["mapreduce.map.class"],
        Class,
        Unset,
        "Mapper of Hadoop's newer interface, which streaming does not use: use -mapper.",
    ),
    Row(
        "mapreduce.job.outputformat.class",
        &["mapreduce.outputformat.class"],
        Class,
        Unset,
        "Output format of Hadoop's newer interface, which streaming does not use: use -outputformat.",
    ),
    Row(
        "mapreduce.job.partitioner.class",
        &["mapreduce.partitioner.class"],
        Class,
        Unset,
        "Partitioner of Hadoop's newer interface, which streaming does not use: use -partitioner; not looked at without reduce tasks.",
    ),
    Row(
        "mapreduce.job.reduce.class",
        &["mapreduce.reduce.class"],
        Class,
        Unset,
        "Reducer of Hadoop's newer interface, which streaming does not use: use -reducer; not looked at without reduce tasks.",
    ),
    Row(
        "stream.io.identifier.resolver.class",
        &[],
        Class,
        Code("org.apache.hadoop.streaming.io.IdentifierResolver"),
        "Resolver of -io names; no Java class can be loaded.",
    ),
];
