//! What an earlier run of the job did, as far as it is still good: tasks that need not run, and map output on disk.

use crate::counters::Counters;
use crate::ids::{AttemptId, TaskId, TaskKind};
use crate::output::committer::Earlier;
use crate::output::journal::{Committed, MapOutput};
use crate::plan::JobPlan;
use crate::shuffle::comparator::Order;
use crate::shuffle::outputs::MapOutputs;
use crate::shuffle::spill::Spill;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;

/// Tasks that need not run, and what is left of their output.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// The attempts that were committed, and what they counted.
    pub(super) tasks: Vec<(AttemptId, Counters)>,
    /// Tasks without which the job goes on.
    pub(super) given_up: Vec<TaskId>,
    /// Map output for the reduce tasks that are to run, by the pieces in it.
    outputs: Vec<(Vec<(u32, u32)>, Spill)>,
}

impl Done {
    /// Finds out what is still good of what an earlier run left, and takes the rest out of it.
    ///
    /// All is read once and compared with its checksums: a machine that crashed may have lost what was last
    /// written, though not that it was written.
    pub(super) fn of(plan: &JobPlan, earlier: &mut Earlier) -> Self {
        let committed = |task: TaskId| earlier.tasks.iter().any(|found| found.attempt.task == task);
        let reduced = (0..plan.reduces).all(|number| committed(TaskId::reduce(number)));
        let mut spills = BTreeMap::new();
        if reduced {
            earlier.outputs.clear();
        } else {
            let order = Order::new(&plan.shuffle.order, &plan.shuffle.key_kind);
            earlier.outputs.retain(|output| {
                let spill = open(plan, &order, output);
                spill.is_some_and(|spill| spills.insert(output.path.clone(), spill).is_none())
            });
            drop_parts(&mut earlier.tasks, &mut earlier.outputs);
        }
        let with_spill = |output: &MapOutput| Some((output.pieces.clone(), spills.remove(&output.path)?));
        let outputs = earlier.outputs.iter().filter_map(with_spill).collect();
        let tasks = earlier.tasks.iter().map(|task| (task.attempt, task.counters.clone())).collect();
        Self { tasks, given_up: earlier.given_up.clone(), outputs }
    }

    /// How many map tasks and reduce tasks are done.
    pub(super) fn numbers(&self) -> (u32, u32) {
        let maps = self.maps().count();
        (maps as u32, (self.tasks.len() - maps) as u32)
    }

    /// Hands the map output over to those who merge it.
    pub(super) fn restore(&mut self, into: &MapOutputs<'_>) {
        self.maps().for_each(|map| into.restore_task(map));
        for (pieces, spill) in take(&mut self.outputs) {
            into.restore(&pieces, spill);
        }
    }

    fn maps(&self) -> impl Iterator<Item = u32> {
        let tasks = self.tasks.iter().map(|(attempt, _)| attempt.task);
        tasks.filter(|task| task.kind == TaskKind::Map).map(|task| task.number)
    }
}

/// The file of map output, if it is as it was written.
fn open(plan: &JobPlan, order: &Order, output: &MapOutput) -> Option<Spill> {
    let spill = Spill::open(output.path.clone()).ok()?;
    let same = spill.bytes() == output.bytes && spill.partitions() == plan.reduces;
    (same && spill.check(order).is_ok()).then_some(spill)
}

/// Leaves out map tasks of whose output a piece is missing, and files that have pieces of such tasks. A piece that is
/// in two files, because its task was run again and somebody else still wrote out what it had left before, counts as
/// missing: no record may come twice.
fn drop_parts(tasks: &mut Vec<Committed>, outputs: &mut Vec<MapOutput>) {
    let mut found: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    outputs.iter().flat_map(|output| &output.pieces).for_each(|piece| *found.entry(*piece).or_default() += 1);
    outputs.retain(|output| output.pieces.iter().all(|piece| found[piece] == 1));
    loop {
        let before = (tasks.len(), outputs.len());
        let pieces: BTreeSet<_> = outputs.iter().flat_map(|output| output.pieces.iter().copied()).collect();
        tasks.retain(|task| {
            let TaskId { kind, number } = task.attempt.task;
            kind == TaskKind::Reduce || (0..task.pieces).all(|piece| pieces.contains(&(number, piece)))
        });
        let whole: BTreeSet<_> = tasks.iter().map(|task| task.attempt.task).collect();
        let is_whole = |(map, _): &(u32, u32)| whole.contains(&TaskId::map(*map));
        outputs.retain(|output| output.pieces.iter().all(is_whole));
        if before == (tasks.len(), outputs.len()) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::AttemptId;

    /// Map tasks by their number of pieces, and files by the pieces in them; what is left of both.
    fn check(maps: &[u32], files: &[&[(u32, u32)]], maps_left: &[u32], files_left: &[usize]) {
        let task = |(number, pieces): (usize, &u32)| {
            let attempt = AttemptId { task: TaskId::map(number as u32), attempt: 0 };
            Committed { attempt, counters: Counters::new(), files: Vec::new(), pieces: *pieces }
        };
        let mut tasks: Vec<_> = maps.iter().enumerate().map(task).collect();
        let file = |(number, pieces): (usize, &&[(u32, u32)])| MapOutput {
            pieces: pieces.to_vec(),
            path: number.to_string().into(),
            bytes: 0,
        };
        let mut outputs: Vec<_> = files.iter().enumerate().map(file).collect();
        drop_parts(&mut tasks, &mut outputs);
        let numbers: Vec<_> = tasks.iter().map(|task| task.attempt.task.number).collect();
        let paths: Vec<usize> =
            outputs.iter().map(|file| file.path.to_str().unwrap().parse().unwrap()).collect();
        assert_eq!((numbers.as_slice(), paths.as_slice()), (maps_left, files_left), "{maps:?} {files:?}");
    }

    #[test]
    fn a_map_task_is_done_while_all_its_pieces_are_there() {
        check(&[0, 1, 2], &[&[(1, 0)], &[(2, 0)], &[(2, 1)]], &[0, 1, 2], &[0, 1, 2]);
        check(&[0, 1, 2], &[&[(1, 0)], &[(2, 0)]], &[0, 1], &[0]);
        // The file that holds a piece of a task that runs again goes, and with it its other tasks.
        check(&[1, 2, 1], &[&[(0, 0), (1, 0)], &[(2, 0)]], &[2], &[1]);
        check(&[1, 2, 1], &[&[(0, 0)], &[(1, 0)], &[(1, 1), (2, 0)]], &[0, 1, 2], &[0, 1, 2]);
        check(&[1, 2, 1], &[&[(0, 0)], &[(1, 1), (2, 0)]], &[0], &[0]);
        // A piece that is there twice.
        check(&[1, 2, 1], &[&[(0, 0), (1, 0)], &[(0, 0)], &[(1, 1)], &[(2, 0)]], &[2], &[3]);
        // A piece of a task that was not committed.
        check(&[1], &[&[(0, 0), (1, 0)]], &[], &[]);
    }
}
