//! Which keys are taken as a sample of all keys, and from which map tasks: Hadoop's `InputSampler`.
//!
//! A [`KeySampler`] says which map tasks to run ([`KeySampler::next_task`]) and is offered every key they
//! write ([`KeySampler::offer`]). It runs nothing itself. With the same seed and the same keys it takes the
//! same sample. What cut points follow from a sample is said in [`super::cut_points`].

use std::ops::ControlFlow;

/// How keys are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleMethod {
    /// Any key of randomly chosen splits. Hadoop: `InputSampler.RandomSampler`.
    Random,
    /// The first keys of each split, which is cheap and right for input in random order. Hadoop:
    /// `InputSampler.SplitSampler`.
    Split,
    /// Keys at regular distances, for sorted input. Hadoop: `InputSampler.IntervalSampler`.
    Interval,
}

/// What sample to take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleSpec {
    /// How keys are chosen.
    pub method: SampleMethod,
    /// Keys at most, at least 1. The interval method has no such bound.
    pub keys_max: usize,
    /// Splits to look at; 0 is all. The random method goes on to others while it has too few keys.
    pub splits_max: usize,
    /// The share of keys to take, above 0 and up to 1; the split method takes all until it has enough.
    pub frequency: f64,
    /// Seed of the random method.
    pub seed: u64,
}

impl SampleSpec {
    /// Hadoop's default sizes (`InputSampler.run`): ten thousand keys of ten splits at random. Hadoop keeps
    /// one key in ten of these splits; here the share is 1, which makes small inputs count whole and large
    /// ones no dearer, because every key is read in any case.
    pub const DEFAULT: Self =
        Self { method: SampleMethod::Random, keys_max: 10_000, splits_max: 10, frequency: 1.0, seed: 0 };
}

/// Takes a sample of keys, split by split.
#[derive(Debug)]
pub(crate) struct KeySampler {
    spec: SampleSpec,
    random: Random,
    /// Map tasks in the order in which they are looked at.
    tasks: Vec<u32>,
    /// How many of them have to be looked at.
    wanted: usize,
    /// How many of them were begun.
    begun: usize,
    /// Chance of the next key; falls while the random method replaces keys.
    frequency: f64,
    /// Keys offered.
    offered: u64,
    keys: Vec<Vec<u8>>,
}

impl KeySampler {
    /// A sampler for a job with these map tasks, in the order of its input.
    pub(crate) fn new(spec: SampleSpec, mut tasks: Vec<u32>) -> Self {
        let mut random = Random::new(spec.seed);
        let all = tasks.len();
        let wanted = if spec.splits_max == 0 { all } else { spec.splits_max.min(all) };
        match spec.method {
            SampleMethod::Random => shuffle(&mut tasks, &mut random),
            SampleMethod::Split | SampleMethod::Interval => {
                // The older of Hadoop's two interfaces spreads them, the newer one takes the first ones.
                let step = all.checked_div(wanted).unwrap_or(1).max(1);
                tasks = tasks.into_iter().step_by(step).take(wanted).collect();
            }
        }
        Self {
            spec,
            random,
            tasks,
            wanted,
            begun: 0,
            frequency: spec.frequency,
            offered: 0,
            keys: Vec::new(),
        }
    }

    /// The number of the map task whose keys are to be offered next; `None` when the sample is complete.
    pub(crate) fn next_task(&mut self) -> Option<u32> {
        let too_few = self.spec.method == SampleMethod::Random && self.keys.len() < self.spec.keys_max;
        if self.begun >= self.wanted && !too_few {
            return None;
        }
        let task = self.tasks.get(self.begun).copied()?;
        self.begun += 1;
        Some(task)
    }

    /// Takes or leaves a key of the task. A break says that no more keys of this task are of use.
    pub(crate) fn offer(&mut self, key: &[u8]) -> ControlFlow<()> {
        self.offered += 1;
        match self.spec.method {
            SampleMethod::Random => self.offer_at_random(key),
            SampleMethod::Split => {
                self.keys.push(key.to_vec());
                let quota = self.begun * (self.spec.keys_max / self.wanted);
                if self.offered >= quota as u64 {
                    return ControlFlow::Break(());
                }
            }
            SampleMethod::Interval => {
                if (self.keys.len() as f64) / (self.offered as f64) < self.spec.frequency {
                    self.keys.push(key.to_vec());
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn offer_at_random(&mut self, key: &[u8]) {
        if self.random.next_double() > self.frequency {
            return;
        }
        let max = self.spec.keys_max;
        if self.keys.len() < max {
            self.keys.push(key.to_vec());
        } else {
            let replaced = &mut self.keys[self.random.next_below(max as u32) as usize];
            replaced.clear();
            replaced.extend_from_slice(key);
            // A key that is taken may be replaced, so the later ones must be rarer for all to be alike.
            self.frequency *= (max - 1) as f64 / max as f64;
        }
    }

    /// Map tasks looked at.
    pub(crate) fn tasks_begun(&self) -> usize {
        self.begun
    }

    /// The sample, in no order.
    pub(crate) fn into_keys(self) -> Vec<Vec<u8>> {
        self.keys
    }
}

/// Brings map tasks into random order. Hadoop: `RandomSampler.getSample`.
fn shuffle(tasks: &mut [u32], random: &mut Random) {
    for place in 0..tasks.len() {
        let other = random.next_below(tasks.len() as u32);
        tasks.swap(place, other as usize);
    }
}

/// `java.util.Random`: the generator that Hadoop's sampler draws from, so that a seed means the same there.
#[derive(Debug)]
struct Random(u64);

impl Random {
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const MASK: u64 = (1 << 48) - 1;

    fn new(seed: u64) -> Self {
        Self((seed ^ Self::MULTIPLIER) & Self::MASK)
    }

    /// The next `bits`, 32 at most.
    fn next(&mut self, bits: u32) -> u32 {
        self.0 = self.0.wrapping_mul(Self::MULTIPLIER).wrapping_add(0xB) & Self::MASK;
        (self.0 >> (48 - bits)) as u32
    }

    /// A number from 0 to below `bound`, which is 1 to 2^31 - 1.
    fn next_below(&mut self, bound: u32) -> u32 {
        if bound.is_power_of_two() {
            return ((u64::from(bound) * u64::from(self.next(31))) >> 31) as u32;
        }
        loop {
            let bits = self.next(31);
            let value = bits % bound;
            // Numbers above the last multiple of the bound would make small results likelier.
            if bits - value + (bound - 1) < 1 << 31 {
                return value;
            }
        }
    }

    /// A number from 0 to below 1.
    fn next_double(&mut self) -> f64 {
        let bits = (u64::from(self.next(26)) << 27) + u64::from(self.next(27));
        bits as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys that a sample takes of tasks with so many keys each: task 2's fourth key is 2003.
    fn sample(spec: SampleSpec, lengths: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let mut sampler = KeySampler::new(spec, (0..lengths.len() as u32).collect());
        let mut tasks = Vec::new();
        while let Some(task) = sampler.next_task() {
            tasks.push(task);
            for number in 0..lengths[task as usize] {
                if sampler.offer(&(task * 1000 + number).to_be_bytes()).is_break() {
                    break;
                }
            }
        }
        assert_eq!(sampler.tasks_begun(), tasks.len());
        let keys = sampler.into_keys().into_iter().map(|key| u32::from_be_bytes(key.try_into().unwrap()));
        (tasks, keys.collect())
    }

    const fn spec(method: SampleMethod, keys_max: usize, splits_max: usize, frequency: f64) -> SampleSpec {
        SampleSpec { method, keys_max, splits_max, frequency, seed: 42 }
    }

    #[test]
    fn the_split_method_takes_the_first_keys_of_splits_that_are_spread() {
        let check = |keys_max, splits_max, lengths: &[u32], tasks: &[u32], keys: &[u32]| {
            let spec = spec(SampleMethod::Split, keys_max, splits_max, 1.0);
            assert_eq!(sample(spec, lengths), (tasks.to_vec(), keys.to_vec()), "{keys_max} {splits_max}");
        };
        check(4, 2, &[9, 9, 9, 9], &[0, 2], &[0, 1, 2000, 2001]);
        check(4, 2, &[9, 9, 9, 9, 9], &[0, 2], &[0, 1, 2000, 2001]);
        check(3, 0, &[9, 9, 9], &[0, 1, 2], &[0, 1000, 2000]);
        // A split that has too few leaves its share to the next ones.
        check(6, 0, &[1, 0, 9], &[0, 1, 2], &[0, 2000, 2001, 2002, 2003, 2004]);
        // Hadoop looks at its quota behind each key, so one key of a split always comes.
        check(1, 0, &[3, 3], &[0, 1], &[0, 1000]);
        check(5, 3, &[], &[], &[]);
    }

    #[test]
    fn the_interval_method_keeps_the_ratio() {
        let check = |splits_max, frequency, tasks: &[u32], keys: &[u32]| {
            let spec = spec(SampleMethod::Interval, 1, splits_max, frequency);
            assert_eq!(sample(spec, &[5, 5, 5]), (tasks.to_vec(), keys.to_vec()), "{frequency}");
        };
        check(0, 0.5, &[0, 1, 2], &[0, 2, 4, 1001, 1003, 2000, 2002, 2004]);
        check(0, 0.2, &[0, 1, 2], &[0, 1000, 2000]);
        check(2, 1.0, &[0, 1], &[0, 1, 2, 3, 4, 1000, 1001, 1002, 1003, 1004]);
    }

    #[test]
    fn the_random_method_goes_on_while_keys_are_few_and_repeats_itself() {
        let few = spec(SampleMethod::Random, 100, 1, 1.0);
        let (tasks, mut keys) = sample(few, &[10, 10, 10]);
        keys.sort_unstable();
        assert_eq!((tasks.len(), keys.len()), (3, 30));
        let enough = spec(SampleMethod::Random, 5, 1, 0.5);
        let (tasks, keys) = sample(enough, &[50; 8]);
        assert_eq!((tasks.len(), keys.len()), (1, 5));
        assert_eq!(sample(enough, &[50; 8]), (tasks.clone(), keys.clone()));
        assert_ne!(sample(SampleSpec { seed: 43, ..enough }, &[50; 8]), (tasks, keys));
    }

    /// Each of ten thousand keys is as likely as any other, early or late.
    #[test]
    fn a_random_sample_is_even() {
        let (_, keys) = sample(spec(SampleMethod::Random, 1000, 0, 1.0), &[1000; 10]);
        for task in 0..10 {
            let count = keys.iter().filter(|key| **key / 1000 == task).count();
            assert!((60..=140).contains(&count), "task {task}: {count} of 1000");
        }
    }

    /// What Java prints for `new Random(42)`.
    #[test]
    fn the_generator_is_java_s() {
        let mut random = Random::new(42);
        assert_eq!([random.next_below(10), random.next_below(10), random.next_below(10)], [0, 3, 8]);
        assert_eq!(Random::new(42).next_below(16), 11);
        assert!((Random::new(42).next_double() - 0.727_563_680_032_868_1).abs() < 1e-15);
        let mut random = Random::new(0);
        assert_eq!([random.next_below(100), random.next_below(100)], [60, 48]);
        // A bound for which Java draws again now and then.
        let mut random = Random::new(7);
        let numbers: Vec<u32> = (0..4).map(|_| random.next_below(1_500_000_000)).collect();
        assert_eq!(numbers, [1_371_249_164, 20_678_044, 747_989_380, 1_053_566_254]);
    }
}
