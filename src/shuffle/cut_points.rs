//! From a sample of keys to the cut points of a total order: Hadoop's `InputSampler.writePartitionFile`.
//!
//! ```text
//!   sample, sorted   a a b c d e f f g      3 reduce tasks
//!   ranks 3, 6             c     f          <c | c to <f | f and above
//! ```

use super::comparator::Order;

/// A sample that has too few different keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the sample of {keys} keys has {different} different ones, {reduces} reduce tasks need at least {}; ask for \
     fewer reduce tasks or a larger sample",
    reduces - 1
)]
pub struct TooFewKeys {
    /// Keys of the sample.
    pub keys: usize,
    /// Keys that are not equal to another one in the job's order.
    pub different: usize,
    /// Reduce tasks of the job.
    pub reduces: u32,
}

/// Chooses one cut point less than `reduces` from `sample`: keys that cut it into parts as equal as possible,
/// each greater than the one before.
///
/// Where keys repeat so often that Hadoop would repeat a cut point, put one in the wrong order or run out of
/// keys, which its partitioner then refuses, the next or the last possible keys are taken. Every other choice
/// is Hadoop's.
pub(crate) fn choose_cuts(
    mut sample: Vec<Vec<u8>>,
    order: &Order,
    reduces: u32,
) -> Result<Vec<Vec<u8>>, TooFewKeys> {
    sample.sort_by(|a, b| order.compare(a, b));
    let keys = sample.len();
    // Where each different key stands first.
    let begins_run = |at: &usize| *at == 0 || order.compare(&sample[at - 1], &sample[*at]).is_ne();
    let firsts: Vec<usize> = (0..keys).filter(begins_run).collect();
    let wanted = reduces.saturating_sub(1) as usize;
    if firsts.len() < wanted {
        return Err(TooFewKeys { keys, different: firsts.len(), reduces });
    }
    // Hadoop counts in single precision.
    let step = keys as f32 / reduces as f32;
    let mut cuts = Vec::with_capacity(wanted);
    let mut least = 0;
    for number in 1..=wanted {
        let rank = (step * number as f32).round() as usize;
        let run = firsts.partition_point(|first| *first <= rank).saturating_sub(1);
        // Each cut still to come needs a key of its own.
        let most = firsts.len() - 1 - (wanted - number);
        let allowed = run.clamp(least, most);
        // Keys that are equal in the job's order may differ in bytes: keep to the one that Hadoop takes.
        let at = if allowed == run { rank.min(keys - 1) } else { firsts[allowed] };
        cuts.push(std::mem::take(&mut sample[at]));
        least = allowed + 1;
    }
    Ok(cuts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{KeyOrderSpec, parse_key_specs};
    use crate::shuffle::partitioner::check_cuts;
    use crate::writable::WritableKind;
    use proptest::prelude::*;

    fn bytes() -> Order {
        Order::new(&KeyOrderSpec::Natural, &WritableKind::Text)
    }

    /// The cut points of letters.
    fn cuts(sample: &str, order: &Order, reduces: u32) -> Result<String, TooFewKeys> {
        let sample = sample.bytes().map(|byte| vec![byte]).collect();
        choose_cuts(sample, order, reduces).map(|cuts| String::from_utf8(cuts.concat()).unwrap())
    }

    #[test]
    fn cuts_make_parts_of_equal_size() {
        let check = |sample: &str, reduces, expect: &str| {
            assert_eq!(cuts(sample, &bytes(), reduces).unwrap(), expect, "{sample} {reduces}");
        };
        check("abcdef", 2, "d");
        check("fedcba", 3, "ce");
        check("aabcdeffg", 3, "cf");
        check("abcde", 3, "cd");
        check("", 1, "");
        check("", 0, "");
        // As Hadoop: nothing is below the first cut.
        check("aaaaabc", 3, "ab");
        check("aaabbb", 3, "ab");
        // Hadoop would say z twice, or look behind the end.
        check("abcdzzzzz", 4, "cdz");
        check("aaaaaaaz", 3, "az");
        check("a", 2, "a");
        check("ab", 3, "ab");
    }

    #[test]
    fn cuts_follow_the_job_s_order() {
        let specs = parse_key_specs("-r").unwrap();
        let reversed = KeyOrderSpec::KeyFields { specs, separator: b"\t".to_vec() };
        let reversed = Order::new(&reversed, &WritableKind::Text);
        assert_eq!(cuts("abcdef", &reversed, 3).unwrap(), "db");
    }

    #[test]
    fn too_few_different_keys_are_an_error() {
        let check = |sample: &str, reduces, different| {
            let expect = TooFewKeys { keys: sample.len(), different, reduces };
            assert_eq!(cuts(sample, &bytes(), reduces), Err(expect));
        };
        check("", 2, 0);
        check("aaaa", 3, 1);
        check("abab", 4, 2);
        let text = cuts("aaaa", &bytes(), 3).unwrap_err().to_string();
        assert!(
            text.starts_with("the sample of 4 keys has 1 different ones, 3 reduce tasks need at least 2;")
        );
    }

    /// `InputSampler.writePartitionFile` as its source reads; `None` where it ends with an exception.
    fn hadoop_cuts(sample: &[u8], reduces: u32) -> Option<Vec<Vec<u8>>> {
        let mut samples = sample.to_vec();
        samples.sort_unstable();
        let step_size = samples.len() as f32 / reduces as f32;
        let mut last: i64 = -1;
        let mut written = Vec::new();
        for i in 1..reduces {
            let mut k = (step_size * i as f32 + 0.5).floor() as i64;
            while last >= k && samples.get(last as usize)? == samples.get(k as usize)? {
                k += 1;
            }
            written.push(vec![*samples.get(k as usize)?]);
            last = k;
        }
        Some(written)
    }

    proptest! {
        #[test]
        fn cuts_are_hadoop_s_wherever_its_partitioner_takes_them(
            sample in prop::collection::vec(b'a'..=b'k', 0..40),
            reduces in 2_u32..12,
        ) {
            let keys: Vec<Vec<u8>> = sample.iter().map(|byte| vec![*byte]).collect();
            let different = keys.iter().collect::<std::collections::BTreeSet<_>>().len();
            let ours = choose_cuts(keys, &bytes(), reduces);
            prop_assert_eq!(ours.is_ok(), different + 1 >= reduces as usize);
            if let Ok(ours) = &ours {
                prop_assert_eq!(check_cuts(ours, &bytes(), reduces), Ok(()));
            }
            let usable = |cuts: &Vec<Vec<u8>>| check_cuts(cuts, &bytes(), reduces).is_ok();
            if let Some(hadoops) = hadoop_cuts(&sample, reduces).filter(usable) {
                prop_assert_eq!(ours, Ok(hadoops));
            }
        }
    }
}
