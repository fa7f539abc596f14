//! How one memory budget is shared out. Pure arithmetic.

use super::arena::ARENA_BYTES_MAX;
use super::sort_buffer::BufferLimits;
use crate::plan::ResourceSpec;
use crate::record_room::RECORD_COPIES;

/// What a merge reads of a segment at once: large enough for one disk request, small enough that a merge of hundreds
/// fits.
const READ_BYTES: std::ops::RangeInclusive<u64> = 4 << 10..=256 << 10;

/// Blocks of spills, which ranges of keys begin with: the smaller, the less is read twice.
const BLOCK_BYTES: std::ops::RangeInclusive<u64> = 4 << 10..=16 << 10;

/// This part of the budget, one in so many, is set aside for what nobody counts: blocks on their way to and from
/// pipes, runs that come while others are written out, what the allocator keeps.
const UNCOUNTED_PART: u64 = 8;

/// Readers and writers have buffers of this size anyway.
const COPIED_BYTES_MIN: u64 = 256 << 10;

/// Tables of all tasks take this part of what is held, one in so many: when they are sorted, the same again.
const SHARED_TABLES_PART: u64 = 4;
/// A smaller one would be full all the time.
const SHARED_TABLE_BYTES_MIN: u64 = 64 << 10;

/// The parts of the budget of one engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryPlan {
    /// One of the two sort buffers that a map attempt has, in bytes. Half of the budget goes to all of
    /// them, so that a buffer can be sorted and spilled while its twin fills.
    pub(crate) sort_buffer_bytes: u64,
    /// One record may take so much.
    pub(crate) record_bytes_max: u64,
    /// One record may have so many bytes where there are several copies of it.
    pub(crate) copied_bytes_max: u64,
    /// The part of that that every attempt may take at the same time.
    pub(crate) own_copied_bytes: u64,
    /// Finished map output kept in memory: the other half, but for what is set aside.
    pub(crate) held_bytes: u64,
    /// A table in which folded output of tasks is put together: one for each slot, a quarter of what is held. 0 when
    /// that is too little, and then each task's is a run of its own.
    pub(crate) shared_table_bytes: u64,
    /// Block of a spill, in bytes.
    pub(crate) block_bytes: u64,
    /// What a merge reads ahead per segment, in bytes.
    pub(crate) read_bytes: u64,
    /// Segments on disk that one merge may read.
    pub(crate) merge_width_max: usize,
}

impl MemoryPlan {
    /// Shares out `resources`. `merge_width` is `mapreduce.task.io.sort.factor` when the user set it;
    /// `open_files_max` bounds it since each spill is an open file.
    pub(crate) fn new(resources: &ResourceSpec, merge_width: Option<u32>, open_files_max: usize) -> Self {
        let budget = resources.memory_bytes;
        let slots = u64::from(resources.map_slots.max(1));
        let per_slot = resources.sort_buffer_bytes.unwrap_or(budget / 2 / slots);
        let block_bytes = (budget / 16_384).clamp(*BLOCK_BYTES.start(), *BLOCK_BYTES.end());
        let read_bytes = (budget / 256).clamp(*READ_BYTES.start(), *READ_BYTES.end());
        // While reducers merge, mappers are done: half of the budget is free for read-ahead.
        let readers = u64::from(resources.reduce_slots.max(1)) * read_bytes;
        let by_memory = usize::try_from(budget / 2 / readers).unwrap_or(usize::MAX);
        let by_files = open_files_max / resources.map_slots.max(resources.reduce_slots).max(1) as usize;
        let by_user = merge_width.map_or(usize::MAX, |width| width as usize);
        let held_bytes = (budget - budget / UNCOUNTED_PART).saturating_sub(per_slot * slots);
        let shared_table_bytes = held_bytes / SHARED_TABLES_PART / slots;
        let record_bytes_max = budget.max(per_slot);
        let copied = |bytes: u64| bytes.max(COPIED_BYTES_MIN).min(record_bytes_max);
        let copied_bytes_max = budget / RECORD_COPIES;
        Self {
            sort_buffer_bytes: (per_slot / 2).max(1),
            record_bytes_max,
            copied_bytes_max: copied(copied_bytes_max),
            own_copied_bytes: copied(copied_bytes_max / slots),
            held_bytes,
            shared_table_bytes: if shared_table_bytes < SHARED_TABLE_BYTES_MIN {
                0
            } else {
                shared_table_bytes
            },
            block_bytes,
            read_bytes,
            merge_width_max: by_memory.min(by_files).min(by_user).max(2),
        }
    }

    pub(crate) fn buffer_limits(&self) -> BufferLimits {
        let in_arena = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX).min(ARENA_BYTES_MAX);
        BufferLimits {
            bytes: in_arena(self.sort_buffer_bytes),
            record_bytes_max: in_arena(self.record_bytes_max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources(memory_bytes: u64, slots: u32) -> ResourceSpec {
        ResourceSpec {
            memory_bytes,
            sort_buffer_bytes: None,
            map_slots: slots,
            reduce_slots: slots,
            archive_bytes_max: 0,
            archive_entries_max: 0,
            checkpoint_seconds: 60,
            local_dirs: vec![],
        }
    }

    #[test]
    fn the_parts_stay_within_the_budget() {
        for budget in [1 << 16, 1 << 20, 200 << 20, 8 << 30] {
            for slots in [1, 2, 64] {
                let plan = MemoryPlan::new(&resources(budget, slots), None, 1 << 20);
                let buffers = 2 * plan.sort_buffer_bytes * u64::from(slots);
                assert!(buffers + plan.held_bytes <= budget + 2 * u64::from(slots), "{budget} {slots}");
                let reads = plan.merge_width_max as u64 * plan.read_bytes * u64::from(slots);
                assert!(reads <= budget || plan.merge_width_max == 2, "{budget} {slots}");
            }
        }
    }

    #[test]
    fn no_buffer_outgrows_an_arena() {
        let limits = MemoryPlan::new(&resources(64 << 30, 1), None, 1000).buffer_limits();
        assert_eq!((limits.bytes, limits.record_bytes_max), (ARENA_BYTES_MAX, ARENA_BYTES_MAX));
    }

    #[test]
    fn width_is_bounded_by_the_user_and_by_open_files() {
        let wide = resources(8 << 30, 2);
        assert_eq!(MemoryPlan::new(&wide, Some(10), 1000).merge_width_max, 10);
        assert_eq!(MemoryPlan::new(&wide, None, 16).merge_width_max, 8);
        assert_eq!(MemoryPlan::new(&wide, Some(1), 1000).merge_width_max, 2);
    }

    #[test]
    fn a_sort_buffer_set_by_the_user_is_taken_from_what_is_held() {
        let mut set = resources(80 << 20, 2); // 10 of it are set aside
        set.sort_buffer_bytes = Some(30 << 20);
        let plan = MemoryPlan::new(&set, None, 1000);
        assert_eq!((plan.sort_buffer_bytes, plan.held_bytes), (15 << 20, 10 << 20));
    }
}
