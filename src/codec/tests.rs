//! Every codec both ways, cut short at every byte, put together, and broken.

use super::*;
use proptest::prelude::*;

const ALL: [Codec; 6] = [Codec::Gzip, Codec::Deflate, Codec::Bzip2, Codec::Zstd, Codec::Snappy, Codec::Lz4];

fn encode(codec: Codec, data: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    let mut encoder = codec.encoder(Box::new(&mut encoded)).unwrap();
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap();
    encoded
}

fn decode(codec: Codec, encoded: &[u8]) -> io::Result<Vec<u8>> {
    let mut data = Vec::new();
    codec.decoder(Box::new(encoded)).read_to_end(&mut data)?;
    Ok(data)
}

fn check(codec: Codec, encoded: &[u8], data: &[u8]) {
    assert!(decode(codec, encoded).unwrap() == data, "{codec:?}");
    let mut whole = Vec::new();
    codec.decode(encoded, data.len(), &mut whole).unwrap();
    assert!(whole == data, "{codec:?} in one go");
    if !data.is_empty() {
        let error = codec.decode(encoded, data.len() - 1, &mut whole).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{codec:?} {error}");
    }
    // One byte at a time, so that every buffer inside runs full and empty.
    let mut bytes = Vec::new();
    let mut decoder = codec.decoder(Box::new(io::BufReader::with_capacity(1, encoded)));
    let mut byte = [0];
    while decoder.read(&mut byte).unwrap() == 1 {
        bytes.push(byte[0]);
    }
    assert!(bytes == data, "{codec:?} byte by byte");
    assert_eq!(decoder.read(&mut byte).unwrap(), 0, "{codec:?} after the end");
}

fn check_refused(codec: Codec, encoded: &[u8], kind: io::ErrorKind) {
    assert_eq!(decode(codec, encoded).unwrap_err().kind(), kind, "{codec:?} {encoded:?}");
}

/// Bytes that do not compress to nothing.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 60) as u8 + b'a'
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[test]
fn what_is_written_is_read() {
    for codec in ALL {
        for length in [0, 1, 1_000, 300_000, 600_000] {
            let data = noise(length);
            check(codec, &encode(codec, &data), &data);
        }
    }
}

#[test]
fn a_cut_anywhere_is_an_error() {
    let data = noise(500);
    for codec in ALL {
        let encoded = encode(codec, &data);
        for cut in 1..encoded.len() {
            check_refused(codec, &encoded[..cut], io::ErrorKind::UnexpectedEof);
        }
    }
}

#[test]
fn no_bytes_are_a_file_only_where_hadoop_says_so() {
    for codec in [Codec::Gzip, Codec::Deflate, Codec::Zstd] {
        check_refused(codec, b"", io::ErrorKind::UnexpectedEof);
    }
    check(Codec::Bzip2, b"", b"");
    for codec in [Codec::Snappy, Codec::Lz4] {
        check(codec, b"", b"");
        assert_eq!(encode(codec, b""), [0; 4]);
        check(codec, b"\0\0\0\0after the end", b"");
    }
}

#[test]
fn files_put_together_are_read_to_the_end() {
    for codec in ALL {
        let mut encoded = encode(codec, b"one ");
        encoded.extend(encode(codec, b"two"));
        check(codec, &encoded, b"one two");
        if !matches!(codec, Codec::Snappy | Codec::Lz4) {
            encoded.extend(encode(codec, b""));
            encoded.extend(encode(codec, b" three"));
            check(codec, &encoded, b"one two three");
        }
        for cut in 1..6 {
            check_refused(codec, &encoded[..encoded.len() - cut], io::ErrorKind::UnexpectedEof);
        }
    }
}

#[test]
fn bytes_that_are_no_stream_are_refused() {
    for codec in ALL {
        check_refused(
            codec,
            b"\xf0 just some text, long enough to be any header",
            io::ErrorKind::InvalidData,
        );
    }
    for codec in [Codec::Gzip, Codec::Deflate, Codec::Bzip2, Codec::Zstd] {
        let mut encoded = encode(codec, b"data");
        encoded.extend(b"garbage behind it");
        check_refused(codec, &encoded, io::ErrorKind::InvalidData);
    }
}

#[test]
fn a_changed_byte_does_not_go_unseen() {
    let data = noise(500);
    for codec in [Codec::Gzip, Codec::Deflate, Codec::Bzip2] {
        let mut encoded = encode(codec, &data);
        let middle = encoded.len() / 2;
        encoded[middle] ^= 0x10;
        assert!(decode(codec, &encoded).is_err(), "{codec:?}");
    }
}

#[test]
fn block_lengths_that_lie_are_refused() {
    let block = encode(Codec::Snappy, b"0123456789");
    let with_length = |length: u32| {
        let mut block = block.clone();
        block[..4].copy_from_slice(&length.to_be_bytes());
        block
    };
    check_refused(Codec::Snappy, &with_length(9), io::ErrorKind::InvalidData);
    check_refused(Codec::Snappy, &with_length(11), io::ErrorKind::UnexpectedEof);
    check_refused(Codec::Snappy, &with_length(0x8000_0000), io::ErrorKind::InvalidData);
    // A gigabyte, says a chunk of six bytes.
    let gigabyte = b"\x40\0\0\0\0\0\0\x06\x80\x80\x80\x80\x04x";
    let error = decode(Codec::Snappy, gigabyte).unwrap_err();
    assert!(error.to_string().contains("no more than 1536 are possible"), "{error}");
    let mut block = encode(Codec::Lz4, b"0123456789");
    block[3] = 5;
    check_refused(Codec::Lz4, &block, io::ErrorKind::InvalidData);
}

#[test]
fn a_block_of_several_chunks_is_read() {
    let mut encoded = 7_u32.to_be_bytes().to_vec();
    for part in [&b"abc"[..], b"defg"] {
        let chunk = snap::raw::Encoder::new().compress_vec(part).unwrap();
        encoded.extend((chunk.len() as u32).to_be_bytes());
        encoded.extend(chunk);
    }
    check(Codec::Snappy, &encoded, b"abcdefg");
}

#[test]
fn other_tools_snappy_is_read() {
    let data = noise(200_000);
    let mut framed = snap::write::FrameEncoder::new(Vec::new());
    framed.write_all(&data).unwrap();
    let framed = framed.into_inner().unwrap();
    check(Codec::Snappy, &framed, &data);
    assert!(decode(Codec::Snappy, &framed[..framed.len() - 1]).is_err());

    let chunk = snap::raw::Encoder::new().compress_vec(b"java").unwrap();
    let mut java = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
    java.extend((chunk.len() as u32).to_be_bytes());
    java.extend(&chunk);
    check(Codec::Snappy, &java, b"java");
    check(Codec::Snappy, &[java.clone(), java.clone()].concat(), b"javajava");
    check_refused(Codec::Snappy, &java[..java.len() - 1], io::ErrorKind::UnexpectedEof);
    check_refused(Codec::Snappy, &java[..18], io::ErrorKind::UnexpectedEof);
}

#[test]
fn lz4_frames_are_read_and_must_end() {
    let data = noise(200_000);
    let mut frame = lz4_flex::frame::FrameEncoder::new(Vec::new());
    frame.write_all(&data).unwrap();
    let frame = frame.finish().unwrap();
    check(Codec::Lz4, &frame, &data);
    check(Codec::Lz4, &[frame.clone(), frame.clone()].concat(), &[data.clone(), data].concat());
    // Without the end mark, which the decoder itself does not miss.
    check_refused(Codec::Lz4, &frame[..frame.len() - 4], io::ErrorKind::UnexpectedEof);
    for cut in [5, 6, 7, 8, 11, 500, frame.len() - 1] {
        check_refused(Codec::Lz4, &frame[..cut], io::ErrorKind::UnexpectedEof);
    }
}

/// Where a file is said to be wrong, and the file is right up to there.
fn fault(codec: Codec, encoded: &[u8]) -> u64 {
    let error = decode(codec, encoded).unwrap_err();
    fault_offset(&error).unwrap_or_else(|| panic!("{codec:?}: no place: {error}"))
}

#[test]
fn the_place_of_a_bad_header_is_known() {
    let rubbish = b"just some text, long enough to be any header\n".repeat(9_000);
    for codec in ALL {
        assert_eq!(fault(codec, &rubbish), 0, "{codec:?}");
        assert_eq!(fault(codec, &rubbish[..45]), 0, "{codec:?}, short");
        for length in [1, 300_000] {
            let first = encode(codec, &noise(length));
            let both = [&first[..], &rubbish].concat();
            assert_eq!(fault(codec, &both), first.len() as u64, "{codec:?} behind {length} bytes");
        }
    }
}

#[test]
fn the_place_of_a_bad_block_is_known() {
    let data = noise(900_000);
    // In the second block: the bytes behind its header.
    let zstd = encode(Codec::Zstd, &data);
    let bytes_at = |at: usize| [zstd[at], zstd[at + 1], zstd[at + 2], 0];
    // Of this writer's frames the header has 6 bytes: magic, descriptor, window.
    let first_block = 6 + 3 + (u32::from_le_bytes(bytes_at(6)) >> 3) as usize;
    let mut broken = zstd.clone();
    broken[first_block + 3..][..200].fill(0xff);
    assert_eq!(fault(Codec::Zstd, &broken), first_block as u64);

    for codec in [Codec::Snappy, Codec::Lz4] {
        let encoded = encode(codec, &data);
        let chunk = u32::from_be_bytes(encoded[4..8].try_into().unwrap()) as usize;
        let mut broken = encoded.clone();
        broken[8 + chunk + 8..][..200].fill(0xff);
        assert_eq!(fault(codec, &broken), 8 + chunk as u64, "{codec:?}");
    }

    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(&data).unwrap();
    let mut broken = encoder.finish().unwrap();
    let bits = |at: u64| {
        (0..48).fold(0_u64, |bits, bit| {
            let bit = at + bit;
            bits << 1 | u64::from(broken[bit as usize / 8] >> (7 - bit % 8) & 1)
        })
    };
    let marks: Vec<u64> =
        (32..broken.len() as u64 * 8 - 48).filter(|at| bits(*at) == 0x3141_5926_5359).collect();
    assert!(marks.len() > 3, "several blocks");
    let block = marks[2] / 8;
    broken[block as usize + 5_000..][..20].fill(0x55);
    let found = fault(Codec::Bzip2, &broken);
    assert!((block.saturating_sub(8)..=block).contains(&found), "{found}, and the block is at {block}");

    for codec in [Codec::Gzip, Codec::Deflate] {
        let mut broken = encode(codec, &data);
        let middle = broken.len() / 2;
        broken[middle..][..200].fill(0xff);
        let found = fault(codec, &broken);
        assert!(found >= middle as u64, "{codec:?}: {found} of {middle}");
    }
}

#[test]
fn other_tools_blocks_have_places_too() {
    let rubbish = b"just some text, long enough to be any header";
    let mut framed = snap::write::FrameEncoder::new(Vec::new());
    framed.write_all(&noise(200_000)).unwrap();
    let framed = framed.into_inner().unwrap();
    assert_eq!(fault(Codec::Snappy, &[&framed[..], rubbish].concat()), framed.len() as u64);

    let mut frame = lz4_flex::frame::FrameEncoder::new(Vec::new());
    frame.write_all(&noise(200_000)).unwrap();
    let frame = frame.finish().unwrap();
    assert_eq!(fault(Codec::Lz4, &[&frame[..], rubbish].concat()), frame.len() as u64);

    let chunk = snap::raw::Encoder::new().compress_vec(b"java").unwrap();
    let mut java = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
    java.extend((chunk.len() as u32).to_be_bytes());
    java.extend(&chunk);
    assert_eq!(fault(Codec::Snappy, &[&java[..], rubbish].concat()), java.len() as u64);
}

#[test]
fn names_lead_to_codecs() {
    let named = |name: &str| Codec::from_path(Path::new(name));
    for codec in ALL {
        assert_eq!(named(&format!("dir.x/a{}", codec.extension())), Some(codec));
        assert_eq!(Codec::from_class(codec.class_name()), Some(codec));
    }
    assert_eq!(Codec::from_class("org.apache.hadoop.io.compress.DeflateCodec"), Some(Codec::Deflate));
    for name in ["a.GZ", "agz", ".gz", "a.gz.txt", "a.bz", "", "a.gz/b"] {
        assert_eq!(named(name), None, "{name}");
    }
    assert_eq!(Codec::from_class("GzipCodec"), None);
    assert_eq!(ALL.map(Codec::splittable), [false, false, true, false, false, false]);
}

#[test]
fn files_of_hadoop_jobs_are_read() {
    let read = |codec: Codec, name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/formats").join(name);
        let mut data = Vec::new();
        codec.decoder(Box::new(std::fs::File::open(path).unwrap())).read_to_end(&mut data)?;
        io::Result::Ok(data)
    };
    assert_eq!(read(Codec::Gzip, "hadoop.gz").unwrap(), b"zipped\t1\nlines\t2\n");
    assert_eq!(read(Codec::Bzip2, "hadoop.bz2").unwrap(), b"bzipped\t1\nlines\t2\n");
    assert_eq!(read(Codec::Deflate, "hadoop.deflate").unwrap(), b"deflated\t1\nlines\t2\n");
    assert_eq!(read(Codec::Gzip, "written.gz").unwrap(), read(Codec::Bzip2, "written.bz2").unwrap());
    assert_eq!(read(Codec::Gzip, "truncated.gz").unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_bytes_come_back_or_are_refused(data: Vec<u8>, at: usize, change: u8) {
        for codec in ALL {
            let mut encoded = encode(codec, &data);
            prop_assert_eq!(&decode(codec, &encoded).unwrap(), &data);
            let at = at % encoded.len();
            encoded[at] ^= change;
            // Whatever it says, it must end without a panic.
            let _unused = decode(codec, &encoded);
        }
    }
}
