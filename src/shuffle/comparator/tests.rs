use super::*;
use crate::plan::parse_key_specs;
use proptest::prelude::*;

fn fields(options: &str, separator: &str, kind: &WritableKind) -> Order {
    let specs = parse_key_specs(options).unwrap();
    Order::new(&KeyOrderSpec::KeyFields { specs, separator: separator.as_bytes().to_vec() }, kind)
}

fn natural(kind: &WritableKind) -> Order {
    Order::new(&KeyOrderSpec::Natural, kind)
}

fn prefix(order: &Order, key: &[u8]) -> u64 {
    match order {
        Order::Bytes(order) => order.prefix(key),
        Order::Number(order) => order.prefix(key),
        Order::Fields(order) => order.prefix(key),
    }
}

/// What is asked of every order: the same from both sides, and prefixes that agree with it.
fn check_pair(order: &Order, a: &[u8], b: &[u8]) -> Ordering {
    let ordering = order.compare(a, b);
    assert_eq!(order.compare(b, a), ordering.reverse(), "{a:?} and {b:?} in {order:?}");
    let by_prefix = prefix(order, a).cmp(&prefix(order, b));
    assert!(by_prefix.is_eq() || by_prefix == ordering, "prefixes of {a:?} and {b:?} in {order:?}");
    ordering
}

/// Sorts a golden job's keys; keys that are equal in the order stay as they are in `keys`.
fn check_sorted(options: &str, keys: &[&str], expected: &[&str]) {
    let order = fields(options, "\t", &WritableKind::Text);
    let mut sorted = keys.to_vec();
    sorted.sort_by(|a, b| check_pair(&order, a.as_bytes(), b.as_bytes()));
    assert_eq!(sorted, expected, "{options}");
}

#[test]
fn golden_jobs_are_sorted() {
    let numbers = ["10", "9", "-3", "2.5", "2.45", "100", "-30", "0.5", "-2.5"];
    check_sorted("-n", &numbers, &["-30", "-3", "-2.5", "0.5", "2.45", "2.5", "9", "10", "100"]);
    let numbers = ["10", "9", "-3", "2.5", "100", "0"];
    check_sorted("-nr", &numbers, &["100", "10", "9", "2.5", "0", "-3"]);
    check_sorted("-n", &["12", "3", "-4", "7x"], &["-4", "3", "7x", "12"]);
    check_sorted("", &["b", "a", "ab", "B", "é", "10", "9"], &["10", "9", "B", "a", "ab", "b", "é"]);
    let letters = ["zza1", "yyb1", "xxa0", "wwc", "vvb0"];
    check_sorted("-k1.3", &letters, &["xxa0", "zza1", "vvb0", "yyb1", "wwc"]);
    let inside = ["a30x", "b04y", "c11z", "d99w", "e10v"];
    check_sorted("-k1.2,1.3n", &inside, &["b04y", "e10v", "c11z", "a30x", "d99w"]);
    let pairs = ["a\t10", "b\t9", "c\t100", "d\t-1"];
    check_sorted("-k2,2n", &pairs, &["d\t-1", "b\t9", "a\t10", "c\t100"]);
    check_sorted("-k2,2nr", &pairs, &["c\t100", "a\t10", "b\t9", "d\t-1"]);
    let pairs = ["b\t1", "b\t20", "a\t3", "a\t100", "b\t3", "a\t20"];
    check_sorted("-k1,1 -k2,2nr", &pairs, &["a\t100", "a\t20", "a\t3", "b\t20", "b\t3", "b\t1"]);
}

#[test]
fn specs_that_call_keys_equal_leave_them_equal() {
    check_sorted("-k1,1", &["b\t2", "a\t3", "b\t1", "a\t1"], &["a\t3", "a\t1", "b\t2", "b\t1"]);
    check_sorted("-k1,1r", &["b\t2", "a\t3", "b\t1"], &["b\t2", "b\t1", "a\t3"]);
}

#[test]
fn a_missing_field_comes_first_and_ends_the_comparison() {
    check_sorted("-k2,2 -k1,1", &["b\tx", "c", "a\t1", "b"], &["c", "b", "a\t1", "b\tx"]);
    check_sorted("-k2,2r -k1,1", &["c", "b\tx", "b"], &["b\tx", "c", "b"]);
    // An end before the beginning: the wider the gap, the smaller.
    check_sorted("-k3,1", &["a\tb\tc", "a\tbbb\tc", "a\tbb\tc"], &["a\tbbb\tc", "a\tbb\tc", "a\tb\tc"]);
}

/// What Hadoop's own class says with `-n` for each pair of these texts.
const HADOOP_NUMERIC: [(&str, &str); 30] = [
    ("-30", "=<<<<><<<<<<<<<<<<<<<<<<<<<<<<"),
    ("-3", ">=<<<><<<<<<<<<<<<<<<<<<<<<<<<"),
    ("-2.5", ">>=<<><<<<<<<<<<<<<<<<<<<<<<<<"),
    ("-0", ">>>==>==<<<<<<<<<<<<<<=>=<<<<="),
    ("-0.0", ">>>==>==<<<<<<<<<<<<<<===<<<<="),
    ("", "<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<"),
    ("0", ">>>==>==<<<<<<<<<<<<<<<=><<<<>"),
    ("0.0", ">>>==>==<<<<<<<<<<<<<<===<<<<="),
    (".5", ">>>>>>>>==<<<<<<<<<<<<>>><<<<>"),
    ("0.5", ">>>>>>>>==<<<<<<<<<<<<>>><<<<>"),
    ("2.45", ">>>>>>>>>>=<<<<<<<<<<<>>><>>>>"),
    ("2.5", ">>>>>>>>>>>==<<<<<<<<<>>><>>>>"),
    ("2.50", ">>>>>>>>>>>==<<<<<<<<<>>><>>>>"),
    ("3", ">>>>>>>>>>>>>=<<<<<<<<>>><>>>>"),
    ("7", ">>>>>>>>>>>>>>=>=<<<<<>>>>>>>>"),
    ("07", ">>>>>>>>>>>>>><==<<<<<>>>>>>>>"),
    ("7.0", ">>>>>>>>>>>>>>====<<<<>>>>>>>>"),
    ("7x", ">>>>>>>>>>>>>>>>==<<<<>>>>>>>>"),
    ("9", ">>>>>>>>>>>>>>>>>>=<<<>>>>>>>>"),
    ("10", ">>>>>>>>>>>>>>>>>>>=><>>>>>>>>"),
    ("010", ">>>>>>>>>>>>>>>>>>><=<>>>>>>>>"),
    ("100", ">>>>>>>>>>>>>>>>>>>>>=>>>>>>>>"),
    ("abc", ">>>==>>=<<<<<<<<<<<<<<==><<<<>"),
    ("-x", ">>><=>==<<<<<<<<<<<<<<===<<<<="),
    (" 8", ">>>==><=<<<<<<<<<<<<<<<==<<<<<"),
    ("5.x", ">>>>>>>>>>>>>><<<<<<<<>>>=>>>>"),
    ("1.0.3", ">>>>>>>>>><<<<<<<<<<<<>>><=>=>"),
    ("1.0.12", ">>>>>>>>>><<<<<<<<<<<<>>><<==>"),
    ("1e3", ">>>>>>>>>><<<<<<<<<<<<>>><===>"),
    ("+4", ">>>==><=<<<<<<<<<<<<<<<=><<<<="),
];

#[test]
fn what_hadoop_calls_less_is_less() {
    let (forth, back) = (fields("-n", "\t", &WritableKind::Text), fields("-nr", "\t", &WritableKind::Text));
    for (row, (a, signs)) in HADOOP_NUMERIC.iter().enumerate() {
        for (column, (b, _)) in HADOOP_NUMERIC.iter().enumerate().filter(|(column, _)| *column != row) {
            let ordering = check_pair(&forth, a.as_bytes(), b.as_bytes());
            match signs.as_bytes()[column] {
                b'<' => assert_eq!(ordering, Ordering::Less, "{a:?} {b:?}"),
                b'>' => assert_eq!(ordering, Ordering::Greater, "{a:?} {b:?}"),
                _ => {}
            }
            assert_eq!(check_pair(&back, b.as_bytes(), a.as_bytes()), ordering, "{a:?} {b:?} reversed");
        }
    }
}

#[test]
fn plain_numbers_that_hadoop_calls_equal_are_equal() {
    let order = fields("-n", "\t", &WritableKind::Text);
    for (a, b) in [
        ("7", "7.0"),
        ("7.", "7.00"),
        ("0", "-0"),
        ("0.0", "-0"),
        ("2.5", "2.50"),
        (".5", "00.5"),
        ("-7", "-07.0"),
    ] {
        assert_eq!(check_pair(&order, a.as_bytes(), b.as_bytes()), Ordering::Equal, "{a} {b}");
    }
}

#[test]
fn an_empty_field_is_a_number_by_the_byte_behind_it() {
    let check = |separator: &str, a: &str, b: &str, expected| {
        let order = fields("-k2,2n", separator, &WritableKind::Text);
        assert_eq!(check_pair(&order, a.as_bytes(), b.as_bytes()), expected, "{a:?} {b:?}");
    };
    check("\t", "a\t\tx", "a\t0\tx", Ordering::Less); // a tab is below the digit
    check("x", "axxb", "ax0xb", Ordering::Greater); // an x above it
    check(".", "a..b", "a.5.b", Ordering::Less);
    check(".", "a..b", "a.+5.b", Ordering::Less); // unless it is a point: then nothing is below
    check("-", "a--b", "a-5-b", Ordering::Less);
    check("5", "a55b", "a55c", Ordering::Equal);
}

#[test]
fn field_order_of_other_classes_takes_a_length_off_the_front() {
    let check = |options: &str, kind: &WritableKind, a: &[u8], b: &[u8], expected| {
        assert_eq!(check_pair(&fields(options, "\t", kind), a, b), expected, "{options} {a:?} {b:?}");
    };
    // Of the four length bytes of BytesWritable three stay in front of the key.
    check("", &WritableKind::Bytes, b"b", b"aa", Ordering::Less);
    check("-k1", &WritableKind::Bytes, b"b", b"aa", Ordering::Less);
    check("-k1.4", &WritableKind::Bytes, b"b", b"aa", Ordering::Greater);
    // Of a long's eight bytes the first is gone.
    check("-k1", &WritableKind::Long, &1_i64.to_be_bytes(), &2_i64.to_be_bytes(), Ordering::Less);
    check("-k1", &WritableKind::Long, &(-1_i64).to_be_bytes(), &2_i64.to_be_bytes(), Ordering::Greater);
    check("-k1", &WritableKind::Null, b"", b"", Ordering::Equal);
    // Character 0 of text is the last byte of its length.
    check("-k1.0", &WritableKind::Text, b"b", b"aa", Ordering::Less);
    check("-k1.0", &WritableKind::Text, &[b'a'; 256], b"b", Ordering::Less);
}

fn number_kind() -> impl Strategy<Value = (WritableKind, usize)> {
    prop_oneof![
        Just((WritableKind::Long, 8)),
        Just((WritableKind::Int, 4)),
        Just((WritableKind::Short, 2)),
        Just((WritableKind::Byte, 1)),
        Just((WritableKind::Double, 8)),
        Just((WritableKind::Float, 4)),
        Just((WritableKind::VLong, 9)),
    ]
}

/// Bytes of few values, so that keys share beginnings.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![Just(0), Just(1), Just(b'a'), Just(0xFF)], 0..12)
}

fn text(alphabet: &'static str) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(alphabet.as_bytes()), 0..24)
}

#[test]
fn equal_floats_and_zeros_are_told_apart_as_java_does() {
    let order = natural(&WritableKind::Double);
    let sorted = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, f64::MIN_POSITIVE, 2.0, f64::INFINITY, f64::NAN];
    for pair in sorted.windows(2) {
        let ordering = check_pair(&order, &pair[0].to_be_bytes(), &pair[1].to_be_bytes());
        assert_eq!(ordering, Ordering::Less, "{pair:?}");
    }
    assert_eq!(check_pair(&order, &f64::NAN.to_be_bytes(), &(-f64::NAN).to_be_bytes()), Ordering::Equal);
}

proptest! {
    #[test]
    fn bytes_sort_as_bytes(a in key(), b in key()) {
        let order = natural(&WritableKind::Text);
        prop_assert_eq!(check_pair(&order, &a, &b), a.cmp(&b));
        let decides = ByteOrder.prefix_decides(a.len(), b.len());
        prop_assert!(!decides || ByteOrder.prefix(&a) != ByteOrder.prefix(&b) || a == b);
        prop_assert_eq!(decides, a.len() == b.len() && a.len() <= 8);
    }

    #[test]
    fn a_decreasing_order_is_the_reverse(a: i64, b: i64) {
        let order = Order::new(&KeyOrderSpec::Decreasing, &WritableKind::Long);
        prop_assert_eq!(check_pair(&order, &a.to_be_bytes(), &b.to_be_bytes()), b.cmp(&a));
    }

    #[test]
    fn numbers_sort_as_their_class_does((kind, len) in number_kind(), a: [u8; 9], b: [u8; 9], same: bool) {
        let (a, b) = (&a[..len], if same { &a[..len] } else { &b[..len] });
        prop_assert_eq!(check_pair(&natural(&kind), a, b), kind.compare(a, b));
    }

    #[test]
    fn fields_have_an_order(
        options in prop::sample::select(vec![
            "-n", "-nr", "-k2,2n", "-k2nr -k1", "-k1.2,2.1", "-k2,1r", "-k3,2 -n", "-k1.0", "-k1,1 -k2,2n",
        ]),
        separator in prop::sample::select(vec!["\t", ".", "-", "00", "x"]),
        keys in prop::array::uniform3(text("0012--.x\t")),
    ) {
        let order = fields(options, separator, &WritableKind::Text);
        let [a, b, c] = &keys;
        let (ab, bc, ac) = (check_pair(&order, a, b), check_pair(&order, b, c), check_pair(&order, a, c));
        // Transitive, equality included.
        prop_assert!(ab.is_gt() || bc.is_gt() || ac == ab.then(bc), "{:?}", keys);
        prop_assert_eq!(order.compare(a, a), Ordering::Equal);
    }

    #[test]
    fn integers_as_text_sort_as_numbers(a in -1_000_000_i64.., b: i64) {
        let order = fields("-n", "\t", &WritableKind::Text);
        prop_assert_eq!(check_pair(&order, a.to_string().as_bytes(), b.to_string().as_bytes()), a.cmp(&b));
    }

    #[test]
    fn long_numerals_sort_as_numbers(a in "[1-9][0-9]{10,80}", b in "[1-9][0-9]{10,80}", point in 0_usize..10) {
        let order = fields("-n", "\t", &WritableKind::Text);
        let cut = |digits: &str| format!("{}.{}1", &digits[..=point], &digits[point + 1..]);
        let expected = a.len().cmp(&b.len()).then_with(|| a.cmp(&b));
        prop_assert_eq!(check_pair(&order, a.as_bytes(), b.as_bytes()), expected);
        let same_length = a.len().min(b.len());
        let expected = a[..same_length].cmp(&b[..same_length]);
        let (a, b) = (cut(&a[..same_length]), cut(&b[..same_length]));
        prop_assert_eq!(check_pair(&order, a.as_bytes(), b.as_bytes()), expected);
    }
}
