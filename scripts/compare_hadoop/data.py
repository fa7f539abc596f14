"""Bytes for random jobs: lines, compressed streams, sequence files, typed bytes; and the way back for comparing."""
import bz2
import gzip
import struct
import zlib

WORDS = [b"a", b"b", b"B", b"the", b"key", b"x1", b"10", b"9", b"-3", b"007", b"1.5", b"+4", b"1e3", b"0", b"", b" ", b"a b",
         "\u00e9t\u00e9".encode(), "\u4e2d".encode(), "\U0001f600".encode(), b"\xff\xfe", b"\x00", b"a\x00b", b"\xc3", b"z" * 130,
         b"Zoo", b"2", b"33", b"-", b"--5", b".5", b"1.2.3", b"12345678901234567890", b"'q'", b"#", b"\x0b", b"\xc2\xa0"]
PLAIN = [b"a", b"b", b"c", b"dog", b"cat", b"Cat", b"10", b"9", b"2", b"x", b"the", b"of"]


def word(rng, plain=False):
    if plain:
        return rng.choice(PLAIN)
    if rng.random() < 0.1:
        return bytes(rng.choice(b"abcxyz019 .-_") for _ in range(rng.randrange(1, 12)))
    return rng.choice(WORDS)


def line(rng, seps, fields=None, plain=False):
    """Fields with random separators between them; never a line end."""
    count = rng.choice([0, 1, 1, 2, 2, 3, 4, 6]) if fields is None else fields
    out = b"".join(word(rng, plain) + rng.choice(seps) for _ in range(count))
    # Now and then the last separator stays, or comes twice.
    ending = rng.random()
    return out + rng.choice(seps) if ending < 0.1 else out if ending < 0.2 else out + word(rng, plain)


def text(rng, lines, ends=None, final=None):
    """Lines under one kind of line end or a mixture, with or without the last one."""
    ends = ends or rng.choice([[b"\n"]] * 5 + [[b"\r\n"], [b"\r"], [b"\n", b"\r\n", b"\r"], [b"\n", b"\n\n"], [b"\r\r\n", b"\n"]])
    out = b"".join(one + rng.choice(ends) for one in lines)
    final = rng.random() < 0.7 if final is None else final
    return out if final else out.rstrip(b"\r\n")


# -- compressed streams ------------------------------------------------------------------------------------------

def gz(rng, data):
    """One gzip member or several."""
    cuts = sorted(rng.randrange(len(data) + 1) for _ in range(rng.choice([0, 0, 1, 2])))
    parts = [data[a:b] for a, b in zip([0] + cuts, cuts + [len(data)])]
    return b"".join(gzip.compress(part, mtime=0) for part in parts)


def bz(rng, data):
    cut = rng.randrange(len(data) + 1)
    parts = [data[:cut], data[cut:]] if rng.random() < 0.3 and 0 < cut < len(data) else [data]
    return b"".join(bz2.compress(part, rng.choice([1, 1, 9])) for part in parts)


def snappy(data):
    """A raw snappy stream of nothing but literals."""
    size, head = len(data), b""
    while True:
        head += bytes([size & 127 | (128 if size > 127 else 0)])
        size >>= 7
        if not size:
            break
    body = b"".join(bytes([61 << 2]) + struct.pack("<H", len(part) - 1) + part for part in blocks(data, 60000))
    return head + body


def lz4(data):
    """A raw lz4 block of nothing but literals."""
    size = len(data)
    if size < 15:
        return bytes([size << 4]) + data
    rest = size - 15
    return b"\xf0" + b"\xff" * (rest // 255) + bytes([rest % 255]) + data


def blocks(data, size):
    return [data[i:i + size] for i in range(0, len(data), size)]


def block_stream(data, pack, size):
    """Hadoop's framing of block codecs: length of a block, then its chunks, each with its packed length."""
    out = b""
    for block in blocks(data, size):
        packed = pack(block)
        out += struct.pack(">II", len(block), len(packed)) + packed
    return out


def unsnappy(data):
    i = 0
    while data[i] & 128:
        i += 1
    i, out = i + 1, bytearray()
    while i < len(data):
        tag, i = data[i], i + 1
        if tag & 3 == 0:
            size = tag >> 2
            if size >= 60:
                size, i = int.from_bytes(data[i:i + size - 59], "little"), i + size - 59
            out += data[i:i + size + 1]
            i += size + 1
            continue
        if tag & 3 == 1:
            size, back, i = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | data[i], i + 1
        else:
            width = 2 if tag & 3 == 2 else 4
            size, back, i = (tag >> 2) + 1, int.from_bytes(data[i:i + width], "little"), i + width
        for _ in range(size):
            out.append(out[-back])
    return bytes(out)


def unlz4(data):
    i, out = 0, bytearray()

    def more(size, i):
        while size >= 15:
            size, i = size + data[i], i + 1
            if data[i - 1] != 255:
                break
        return size, i

    while i < len(data):
        token, i = data[i], i + 1
        size, i = more(token >> 4, i)
        out += data[i:i + size]
        i += size
        if i >= len(data):
            break
        back, i = int.from_bytes(data[i:i + 2], "little"), i + 2
        size, i = more(token & 15, i)
        for _ in range(size + 4):
            out.append(out[-back])
    return bytes(out)


def unblock(data, unpack):
    i, out = 0, b""
    while i < len(data):
        want, i = int.from_bytes(data[i:i + 4], "big"), i + 4
        while want:
            size, i = int.from_bytes(data[i:i + 4], "big"), i + 4
            part, i = unpack(data[i:i + size]), i + size
            out, want = out + part, want - len(part)
    return out


def gunzip_all(data):
    return gzip.decompress(data)


PACKERS = {
    ".gz": gz,
    ".bz2": bz,
    ".deflate": lambda rng, data: zlib.compress(data),
    ".snappy": lambda rng, data: block_stream(data, snappy, rng.choice([100, 1000, 200000])),
    ".lz4": lambda rng, data: block_stream(data, lz4, rng.choice([100, 1000, 200000])),
}
UNPACKERS = {
    ".gz": gunzip_all,
    ".bz2": bz2.decompress,
    ".deflate": zlib.decompress,
    ".snappy": lambda data: unblock(data, unsnappy),
    ".lz4": lambda data: unblock(data, unlz4),
}


# -- sequence files ----------------------------------------------------------------------------------------------

def vint(value):
    """Hadoop's variable-length integer (WritableUtils)."""
    if -112 <= value <= 127:
        return struct.pack("b", value)
    first, value = (-120, ~value) if value < 0 else (-112, value)
    body = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return struct.pack("b", first - len(body)) + body


def read_vint(data, i):
    first = struct.unpack("b", data[i:i + 1])[0]
    if first >= -112:
        return first, i + 1
    size = -first - 112 if first >= -120 else -first - 120
    value = int.from_bytes(data[i + 1:i + 1 + size], "big")
    return (value if first >= -120 else ~value), i + 1 + size


# Classes of numbers: how each is written, and some values.
NUMBERS = {
    "IntWritable": (lambda value: struct.pack(">i", value), [0, 1, -1, 77, 2 ** 30]),
    "VIntWritable": (vint, [0, 1, -1, 77, -113, 128, 2 ** 30, -2 ** 31]),
    "VLongWritable": (vint, [0, 1, -112, 2 ** 40, -2 ** 63]),
    "ShortWritable": (lambda value: struct.pack(">h", value), [0, 1, -1, 2 ** 14]),
    "ByteWritable": (lambda value: struct.pack(">b", value), [0, 1, -1, 100]),
    "BooleanWritable": (lambda value: bytes([value]), [0, 1]),
    "FloatWritable": (lambda value: struct.pack(">f", value), [0.0, 1.5, -2.25, 3.4e10]),
    "DoubleWritable": (lambda value: struct.pack(">d", value), [0.0, 1.5, -2.25, 1e300, 0.1]),
}
SERIALISED = {
    "org.apache.hadoop.io.Text": lambda value: vint(len(value)) + value,
    "org.apache.hadoop.io.BytesWritable": lambda value: struct.pack(">i", len(value)) + value,
    "org.apache.hadoop.io.LongWritable": lambda value: struct.pack(">q", value),
    "org.apache.hadoop.io.NullWritable": lambda value: b"",
    "org.apache.hadoop.typedbytes.TypedBytesWritable": lambda value: struct.pack(">i", len(value)) + value,
} | {"org.apache.hadoop.io." + name: write for name, (write, _) in NUMBERS.items()}
CODECS = {
    "org.apache.hadoop.io.compress.DefaultCodec": zlib.compress,
    "org.apache.hadoop.io.compress.DeflateCodec": zlib.compress,
    "org.apache.hadoop.io.compress.GzipCodec": lambda data: gzip.compress(data, mtime=0),
    "org.apache.hadoop.io.compress.BZip2Codec": bz2.compress,
}
UNCODECS = {
    "org.apache.hadoop.io.compress.DefaultCodec": zlib.decompress,
    "org.apache.hadoop.io.compress.DeflateCodec": zlib.decompress,
    "org.apache.hadoop.io.compress.GzipCodec": gzip.decompress,
    "org.apache.hadoop.io.compress.BZip2Codec": bz2.decompress,
    "org.apache.hadoop.io.compress.SnappyCodec": lambda data: unblock(data, unsnappy),
    "org.apache.hadoop.io.compress.Lz4Codec": lambda data: unblock(data, unlz4),
}


def sequence_file(rng, key_class, value_class, pairs, kind, codec="org.apache.hadoop.io.compress.DefaultCodec"):
    """A sequence file: `kind` is none, record or block."""
    sync = bytes(rng.randrange(256) for _ in range(16))
    name = lambda text: vint(len(text)) + text.encode()
    out = b"SEQ\x06" + name(key_class) + name(value_class) + bytes([kind != "none", kind == "block"])
    if kind != "none":
        out += name(codec)
    out += struct.pack(">i", 0) + sync
    rows = [(SERIALISED[key_class](key), SERIALISED[value_class](value)) for key, value in pairs]
    if kind == "block":
        size = rng.choice([1, 3, 1000])
        for some in [rows[i:i + size] for i in range(0, len(rows), size)]:
            columns = [b"".join(vint(len(key)) for key, _ in some), b"".join(key for key, _ in some),
                       b"".join(vint(len(value)) for _, value in some), b"".join(value for _, value in some)]
            packed = [CODECS[codec](column) for column in columns]
            out += struct.pack(">i", -1) + sync + vint(len(some)) + b"".join(vint(len(p)) + p for p in packed)
        return out
    since = 0
    for key, value in rows:
        if since > rng.choice([100, 2000]):
            out += struct.pack(">i", -1) + sync
            since = 0
        value = CODECS[codec](value) if kind == "record" else value
        out += struct.pack(">ii", len(key) + len(value), len(key)) + key + value
        since += len(key) + len(value) + 8
    return out


def sequence_dump(data):
    """The header's names and each record in hex, a line each; sync marks and compressed sizes left out."""
    i, names = 4, []
    for _ in range(2):
        size, i = read_vint(data, i)
        names.append(data[i:i + size])
        i += size
    packed, block, i = data[i], data[i + 1], i + 2
    names.append(b"compressed %d block %d" % (packed, block))
    unpack = None
    if packed:
        size, i = read_vint(data, i)
        names.append(data[i:i + size])
        unpack = UNCODECS[data[i:i + size].decode()]
        i += size
    count, i = int.from_bytes(data[i:i + 4], "big"), i + 4
    for _ in range(2 * count):
        size, i = read_vint(data, i)
        i += size
    i += 16
    rows = []
    if block:
        while i < len(data):
            count, i = read_vint(data, i + 20)
            columns = []
            for _ in range(4):
                size, i = read_vint(data, i)
                columns.append(unpack(data[i:i + size]))
                i += size
            ki = kp = vi = vp = 0
            for _ in range(count):
                k, ki = read_vint(columns[0], ki)
                v, vi = read_vint(columns[2], vi)
                rows.append((columns[1][kp:kp + k], columns[3][vp:vp + v]))
                kp, vp = kp + k, vp + v
    else:
        while i < len(data):
            size = int.from_bytes(data[i:i + 4], "big", signed=True)
            i += 4
            if size == -1:
                i += 16
                continue
            k = int.from_bytes(data[i:i + 4], "big")
            i += 4
            value = data[i + k:i + size]
            rows.append((data[i:i + k], unpack(value) if packed else value))
            i += size
    return b"".join(name + b"\n" for name in names), [b"%s %s\n" % (k.hex().encode(), v.hex().encode()) for k, v in rows]


# -- typed bytes -------------------------------------------------------------------------------------------------

def typed(rng, depth=0):
    """One random typed-bytes value (org.apache.hadoop.typedbytes.Type)."""
    kind = rng.choice([0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 8, 9, 10, 50] if depth < 2 else [0, 1, 2, 3, 4, 5, 6, 7])
    small = rng.choice([0, 1, -1, 5, 77, -100, 127])
    if kind in (0, 7, 50):
        body = word(rng) if kind != 7 else rng.choice(["a", "key", "", "\u00e9", "10", "z z"]).encode()
        return bytes([kind]) + struct.pack(">i", len(body)) + body
    if kind == 1:
        return struct.pack(">bb", 1, small)
    if kind == 2:
        return struct.pack(">bb", 2, rng.choice([0, 1]))
    if kind == 3:
        return struct.pack(">bi", 3, rng.choice([small, 100000, -2 ** 31]))
    if kind == 4:
        return struct.pack(">bq", 4, rng.choice([small, 2 ** 40, -2 ** 63]))
    if kind == 5:
        return struct.pack(">bf", 5, rng.choice([0.0, 1.5, -2.25, 3.4e10, 0.1]))
    if kind == 6:
        return struct.pack(">bd", 6, rng.choice([0.0, 1.5, -2.25, 1e300, 0.1, 1e7, 1e-4, 100.0]))
    size = rng.randrange(3)
    values = [typed(rng, depth + 1) for _ in range(size * (2 if kind == 10 else 1))]
    if kind == 9:
        return b"\x09" + b"".join(values) + b"\xff"
    return bytes([kind]) + struct.pack(">i", size) + b"".join(values)
