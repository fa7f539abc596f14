use super::*;
use crate::plan::{KeyOrderSpec, parse_key_specs};
use proptest::prelude::*;

/// Checks where a golden job put its keys: `expected[p]` are keys found in part p.
fn check(spec: &PartitionerSpec, kind: &WritableKind, reduces: u32, expected: &[&[&str]]) {
    let partitioner = Partitioner::new(spec, kind, reduces);
    for (partition, keys) in expected.iter().enumerate() {
        for key in *keys {
            assert_eq!(partitioner.partition(key.as_bytes()), partition as u32, "{key:?} by {spec:?}");
        }
    }
}

fn check_hash(reduces: u32, expected: &[&[&str]]) {
    check(&PartitionerSpec::Hash, &WritableKind::Text, reduces, expected);
}

fn key_fields(options: &str, separator: &str) -> PartitionerSpec {
    let specs = parse_key_specs(options).unwrap();
    PartitionerSpec::KeyFields { specs, separator: separator.as_bytes().to_vec() }
}

fn check_fields(options: &str, separator: &str, reduces: u32, expected: &[&[&str]]) {
    check(&key_fields(options, separator), &WritableKind::Text, reduces, expected);
}

#[test]
fn text_is_spread_by_the_hash_of_its_bytes() {
    check_hash(
        5,
        &[
            &["-1", "8B.0i104b", "f4t1", "kC", "tmoX"],
            &["0C", "Y5Zaez1XCpgo", "i_018n", "myqo6aa2tX", "qp"],
            &[" ti8q18B.hg", "3pbA", "BxoZc.v Ax_", "hv6", "nbqn"],
            &[" ", "8izwdiae8qBk", "ben7yj8qw6", "h xoZ", "prB"],
            &[".9", "9j76Y-wj", "g", "l", "w_yojfl"],
        ],
    );
    check_hash(
        4,
        &[
            &["a", "a😀ü", "ü日本ü😀", "жaж本éжb", "🐍ж→→aéüa"],
            &["a→ßéü🐍b", "üéb語д日😀", "жé🐍b", "本a日語😀語ß", "🐍"],
            &["a→üa", "b😀ßß日ж", "ü本🐍語😀a", "дü", "ж→→ßa→bд"],
            &["ßж🐍д", "д語дßд", "→é", "日🐍", "本語"],
        ],
    );
    check_hash(
        3,
        &[
            &["k0\t0", "k1\t11", "k2\t22", "k3\t18", "k4\t14"],
            &["k0\t10", "k1\t21", "k2\t17", "k3\t13", "k4\t24"],
            &["k0\t20", "k1\t1", "k2\t12", "k3\t23", "k4\t19"],
        ],
    );
    // One reduce task: nothing is asked, be the rule what it may.
    check_hash(1, &[&["a", "b", ""]]);
    check_fields("-k5", ".", 0, &[&["a", "b", ""]]);
}

#[test]
fn other_classes_are_spread_by_their_own_hash() {
    let partitioner = Partitioner::new(&PartitionerSpec::Hash, &WritableKind::Long, 3);
    for (key, partition) in [(0_i64, 0), (16, 1), (32, 2), (432, 0), (544, 1), (656, 2), (928, 1)] {
        assert_eq!(partitioner.partition(&key.to_be_bytes()), partition, "{key}");
    }
}

#[test]
fn fields_are_spread_by_the_hash_of_their_bytes() {
    check_fields(
        "-k1,1",
        ".",
        3,
        &[&["12.0.0.78", "12.3.2.61"], &["10.0.4.69", "13.3.0.79"], &["11.0.1.35", "14.1.2.82"]],
    );
    check_fields(
        "-k2,2",
        ".",
        3,
        &[&["10.0.4.69", "13.0.3.55"], &["10.1.4.77", "14.1.2.82"], &["10.2.1.65", "10.2.8.43"]],
    );
    check_fields(
        "-k1,2",
        ".",
        4,
        &[
            &["10.3.6.40", "11.2.6.87", "13.0.0.9"],
            &["10.0.4.69", "10.4.5.81", "11.3.8.21"],
            &["10.1.4.77", "11.0.1.35", "11.4.4.59"],
            &["10.2.1.65", "10.2.5.31", "12.0.0.78"],
        ],
    );
    check_fields(
        "-k2",
        ".",
        4,
        &[
            &["10.0.9.41", "11.1.3.66", "11.4.4.59"],
            &["10.2.8.43", "11.0.1.35", "12.3.9.63"],
            &["10.1.7.82", "11.3.7.4", "12.0.6.62"],
            &["10.0.4.69", "10.3.6.40", "11.3.8.97"],
        ],
    );
    check_fields(
        "-k2,2",
        "\t",
        3,
        &[&["10\t0\t4", "13\t3\t2"], &["10\t1\t4", "14\t1\t7"], &["10\t2\t1", "11\t2\t6"]],
    );
    check_fields(
        "-k2,2",
        ".",
        3,
        &[
            &["0.本éд.x.y", "16.дbü🐍日.x.y", "20.語b.x.y"],
            &["1.🐍.x.y", "25.😀д.x.y", "28.дü.x.y"],
            &["11.д日日b語éa本.x.y", "13.本.x.y", "18.жжéb→🐍.x.y"],
        ],
    );
}

#[test]
fn characters_of_fields_may_be_missing() {
    check_fields(
        "-k1.2,1.3",
        "\t",
        4,
        &[&["x00p", "x04r"], &["x01p", "z05r"], &["x02p", "y06r"], &["x03s", "z03s"]],
    );
    let keys = ["a.bcd.x.y", "b.c.x.y", "c..x.y", "f.xcd.q.r"];
    check_fields("-k2.2,2.3", ".", 3, &[&["d.cde", "e", ""], &keys]);
    // One spec goes on with the hash of the one before, and one that is missing changes nothing.
    let number = |options: &str, key: &str| {
        Partitioner::new(&key_fields(options, "."), &WritableKind::Text, 1 << 30).partition(key.as_bytes())
    };
    assert_eq!(number("-k1,1 -k3,3", "ab.-.c"), number("-k1,1", "abc"));
    assert_eq!(number("-k1,1 -k4,4 -k3,3", "ab.-.c"), number("-k1,1", "abc"));
    assert_eq!(number("-k1.0 -k2,2", "ab.c"), number("-k1,1", "c"));
    assert_eq!(number("-k2,1", "ab.c"), 0);
}

#[test]
fn keys_without_options_are_spread_as_java_strings() {
    check_fields(
        "",
        "\t",
        5,
        &[
            &["-Z2z0t.", "8B.0i104b", "Z", "gyC3d8", "ovm "],
            &["- 6", "8", "Ymvn", "iB_qz", "rwb"],
            &[" ", "3XC by", "Cwxfog", "h4t3_lg54", "o-o"],
            &["0", "2BuX5Xxtpl.", "cab03", "i.079_", "l"],
            &["9j76Y-wj", "ben7yj8qw6", "kC", "mxg3 e4d7nZ", "vCs6eh0A"],
        ],
    );
    let number = |kind: &WritableKind, key: &[u8]| {
        Partitioner::new(&key_fields("", "\t"), kind, 1 << 30).partition(key)
    };
    assert_eq!(number(&WritableKind::Text, "é".as_bytes()), 0xE9);
    assert_eq!(number(&WritableKind::Text, "😀".as_bytes()), 0xD83D * 31 + 0xDE00);
    assert_eq!(number(&WritableKind::Long, &12_i64.to_be_bytes()), number(&WritableKind::Text, b"12"));
    assert_eq!(number(&WritableKind::Bytes, b"\x01\xFF"), number(&WritableKind::Text, b"01 ff"));
}

#[test]
fn binary_partitions_take_a_range_of_bytes() {
    let number = |left, right, key: &[u8]| {
        Partitioner::new(&PartitionerSpec::Binary { left, right }, &WritableKind::Bytes, 1 << 30)
            .partition(key)
    };
    let hash = |bytes: &[u8]| hash_from(1, bytes) as u32 & 0x7FFF_FFFF & ((1 << 30) - 1);
    assert_eq!(number(0, -1, b"abcde"), hash(b"abcde"));
    assert_eq!(number(1, 3, b"abcde"), hash(b"bcd"));
    assert_eq!(number(-2, -1, b"abcde"), hash(b"de"));
    assert_eq!(number(5, 5, b"abcde"), hash(b"a"));
    assert_eq!(number(3, 1, b"abcde"), hash(b""));
    // Hadoop's task would die of these.
    assert_eq!(number(0, -1, b""), hash(b""));
    assert_eq!(number(-7, -1, b"abcde"), hash(b"abcde"));
}

#[test]
fn cut_points_part_the_keys() {
    let total_order = |cuts: &[&[u8]]| PartitionerSpec::TotalOrder {
        cuts: cuts.iter().map(|cut| cut.to_vec()).collect(),
        by_bytes: true,
    };
    let spec = total_order(&[b"g", b"p"]);
    check(
        &spec,
        &WritableKind::Text,
        3,
        &[&["G", "a", "fz", ""], &["g", "ga", "m", "oz"], &["p", "pa", "z", "é"]],
    );
    let spec = total_order(&[b"longprefix1", b"longprefix2"]);
    let keys: [&[&str]; 3] = [&["longprefix"], &["longprefix1", "longprefix11"], &["longprefix2"]];
    check(&spec, &WritableKind::Text, 3, &keys);
    let partitioner = Partitioner::new(
        &total_order(&[&(-5_i64).to_be_bytes(), &7_i64.to_be_bytes()]),
        &WritableKind::Long,
        3,
    );
    for (key, partition) in [(-6_i64, 0), (-5, 1), (6, 1), (7, 2)] {
        assert_eq!(partitioner.partition(&key.to_be_bytes()), partition, "{key}");
    }
}

#[test]
fn cut_points_must_fit_the_job() {
    let numeric =
        KeyOrderSpec::KeyFields { specs: parse_key_specs("-n").unwrap(), separator: b"\t".to_vec() };
    let (bytes, numbers) = (KeyOrderSpec::Natural, numeric);
    let check = |cuts: &[&str], order: &KeyOrderSpec, reduces, expected| {
        let cuts: Vec<_> = cuts.iter().map(|cut| cut.as_bytes().to_vec()).collect();
        assert_eq!(check_cuts(&cuts, &Order::new(order, &WritableKind::Text), reduces), expected, "{cuts:?}");
    };
    check(&["g", "p"], &bytes, 3, Ok(()));
    check(&["g", "p"], &bytes, 4, Err(CutError::Count { found: 2, expected: 3 }));
    check(&["g", "p"], &bytes, 1, Ok(()));
    check(&["g", "p", "p"], &bytes, 4, Err(CutError::Order { number: 3 }));
    check(&["9", "10"], &bytes, 3, Err(CutError::Order { number: 2 }));
    check(&["9", "10"], &numbers, 3, Ok(()));
}

proptest! {
    #[test]
    fn the_fast_hash_is_the_slow_one(start: i32, bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let slow = |hash: i32, byte: &u8| hash.wrapping_mul(31).wrapping_add(i32::from(*byte as i8));
        prop_assert_eq!(hash_from(start, &bytes), bytes.iter().fold(start, slow));
    }

    #[test]
    fn partitions_are_below_the_number_of_reduces(
        key in prop::collection::vec(any::<u8>(), 0..20),
        reduces in 1_u32..50,
        (left, right) in (-9..9, -9..9),
    ) {
        let specs = [PartitionerSpec::Hash, key_fields("-k2.0,1", "a"), key_fields("", "a"), PartitionerSpec::Binary { left, right }];
        for spec in specs {
            for kind in [WritableKind::Text, WritableKind::Bytes, WritableKind::TypedBytes, WritableKind::Long] {
                prop_assert!(Partitioner::new(&spec, &kind, reduces).partition(&key) < reduces);
            }
        }
    }

    #[test]
    fn cut_points_are_found_as_by_counting(
        mut cuts in prop::collection::vec("[ab]{0,12}", 1..20),
        key in "[ab]{0,12}",
    ) {
        cuts.sort();
        cuts.dedup();
        let slow = cuts.iter().filter(|cut| **cut <= key).count() as u32;
        let cut_bytes = cuts.iter().map(|cut| cut.clone().into_bytes()).collect();
        let spec = PartitionerSpec::TotalOrder { cuts: cut_bytes, by_bytes: true };
        let reduces = cuts.len() as u32 + 1;
        prop_assert_eq!(Partitioner::new(&spec, &WritableKind::Text, reduces).partition(key.as_bytes()), slow);
    }
}
