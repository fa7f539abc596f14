//! Several files in one map task. Hadoop: `CombineFileInputFormat` on a single machine.
//!
//! Pieces of files are collected in listing order until they reach the maximum; without one, everything is
//! one task. In Hadoop an empty file has a block of a rack and of no node: empty files join the pieces that are
//! left at the end, unless these have become the task of their node.

use super::listing::InputFile;
use crate::codec::Codec;
use crate::plan::{InputSplit, MapTask};

/// Packs files into tasks of about `task_bytes_max`; 0 is no limit. If that makes no task, what is not empty is one
/// from `node_bytes_min` on, unless that is 0. The tasks are not yet in Hadoop's order.
pub(super) fn plan_splits(files: &[InputFile], task_bytes_max: u64, node_bytes_min: u64) -> Vec<MapTask> {
    let limit = if task_bytes_max == 0 { u64::MAX } else { task_bytes_max };
    let pieces: Vec<InputSplit> = files.iter().flat_map(|file| cut_file(file, limit)).collect();

    // A task is closed by the piece that fills it. What no task took stays open until the end, and there the
    // empty files join it, each in its place of the listing.
    let mut tasks: Vec<MapTask> = Vec::new();
    let close = |open: &mut Vec<usize>, left_over: &mut [bool]| {
        for &taken in open.iter() {
            left_over[taken] = false;
        }
        MapTask { splits: open.drain(..).map(|taken| pieces[taken].clone()).collect() }
    };
    let mut open: Vec<usize> = Vec::new();
    let mut open_bytes = 0;
    let mut left_over = vec![true; pieces.len()];
    for (index, piece) in pieces.iter().enumerate().filter(|(_, piece)| piece.length > 0) {
        open.push(index);
        open_bytes += piece.length;
        if open_bytes >= limit {
            tasks.push(close(&mut open, &mut left_over));
            open_bytes = 0;
        }
    }
    if tasks.is_empty() && node_bytes_min > 0 && open_bytes >= node_bytes_min {
        tasks.push(close(&mut open, &mut left_over));
    }
    let rest = pieces.into_iter().zip(left_over).filter_map(|(piece, left)| left.then_some(piece));
    let rest: Vec<InputSplit> = rest.collect();
    if !rest.is_empty() {
        tasks.push(MapTask { splits: rest });
    }
    tasks
}

/// Cuts a file into pieces of at most `limit`. A rest of less than two pieces is halved, so that no tiny
/// piece is left; a compressed file stays whole unless its codec has blocks.
fn cut_file(file: &InputFile, limit: u64) -> Vec<InputSplit> {
    let codec = Codec::from_path(&file.path);
    let piece = |start, length| InputSplit {
        stamp: file.stamp,
        ..InputSplit::new(file.path.clone(), start, length, codec)
    };
    if codec.is_some_and(|codec| !codec.splittable()) {
        return vec![piece(0, file.length)];
    }
    let mut pieces = Vec::new();
    let (mut start, mut left) = (0, file.length);
    loop {
        let length = if left > limit && left < limit.saturating_mul(2) { left / 2 } else { left.min(limit) };
        pieces.push(piece(start, length));
        start += length;
        left -= length;
        if left == 0 {
            return pieces;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::file;
    use super::*;
    use std::path::Path;

    /// Tasks as lists of (file, start, length).
    fn check(files: &[(&str, usize)], limit: u64, expect: &[&[(&str, u64, u64)]]) {
        check_node(files, limit, 0, expect);
    }

    fn check_node(files: &[(&str, usize)], limit: u64, node_bytes_min: u64, expect: &[&[(&str, u64, u64)]]) {
        let listed: Vec<InputFile> =
            files.iter().map(|(name, length)| file(Path::new(name), *length)).collect();
        let tasks = plan_splits(&listed, limit, node_bytes_min);
        let tasks: Vec<Vec<(&str, u64, u64)>> = tasks
            .iter()
            .map(|task| {
                let splits = task.splits.iter();
                splits.map(|split| (split.path.to_str().unwrap(), split.start, split.length)).collect()
            })
            .collect();
        assert_eq!(tasks, expect, "{files:?} at most {limit}, of a node at least {node_bytes_min}");
    }

    #[test]
    fn files_are_packed_in_listing_order() {
        check(&[], 0, &[]);
        check(&[("a", 6), ("b", 3), ("c", 6)], 0, &[&[("a", 0, 6), ("b", 0, 3), ("c", 0, 6)]]);
        check(&[("a", 6), ("b", 3), ("c", 6)], 9, &[&[("a", 0, 6), ("b", 0, 3)], &[("c", 0, 6)]]);
        check(&[("a", 25)], 10, &[&[("a", 0, 10)], &[("a", 10, 7), ("a", 17, 8)]]);
        check(&[("a.bz2", 15)], 10, &[&[("a.bz2", 0, 7), ("a.bz2", 7, 8)]]);
        check(&[("a.gz", 25), ("b", 1)], 10, &[&[("a.gz", 0, 25)], &[("b", 0, 1)]]);
    }

    #[test]
    fn empty_files_join_what_is_left() {
        check(&[("e", 0)], 0, &[&[("e", 0, 0)]]);
        check(&[("e", 0), ("a", 9), ("b", 1)], 0, &[&[("e", 0, 0), ("a", 0, 9), ("b", 0, 1)]]);
        check(&[("a", 9), ("e", 0), ("b", 1)], 9, &[&[("a", 0, 9)], &[("e", 0, 0), ("b", 0, 1)]]);
    }

    #[test]
    fn empty_files_stay_alone_when_a_node_has_enough() {
        let (files, all) = ([("a", 2), ("e", 0), ("b", 2)], [("a", 0, 2), ("e", 0, 0), ("b", 0, 2)]);
        check_node(&files, 0, 4, &[&[("a", 0, 2), ("b", 0, 2)], &[("e", 0, 0)]]);
        check_node(&files, 0, 5, &[&all]);
        check_node(&files[..2], 0, 1, &[&[("a", 0, 2)], &[("e", 0, 0)]]);
        check_node(&files[1..2], 0, 1, &[&[("e", 0, 0)]]);
        // A node that has a task gets no second one below the maximum.
        check_node(&files, 2, 1, &[&[("a", 0, 2)], &[("b", 0, 2)], &[("e", 0, 0)]]);
        check_node(&[("a", 9), ("e", 0), ("b", 3)], 9, 1, &[&[("a", 0, 9)], &[("e", 0, 0), ("b", 0, 3)]]);
    }
}
