import datetime as dt
import itertools
import random
import warnings

import numpy as np
import pytest
import real
import tapes
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse import dbn
from warehouse.errors import DamagedFileError, DataError

LAYOUTS = {"mbp-10": dbn.MBP_10, "mbo": dbn.MBO}
CASES = [(schema, version) for schema in ("mbp-10", "mbo", "definition") for version in (1, 2, 3)]


def records(schema, version=3, n=100):
    if schema == "definition":
        return np.concatenate([tapes.definition("SIMM5", version=version, instrument=i) for i in range(n)])
    return tapes.walk(n) if schema == "mbp-10" else tapes.mbo(n)


def joined(path, size=65536):
    return b"".join(batch.tobytes() for batch in dbn.read(path, size))


def zipped(raw, **kwargs):
    return zstandard.ZstdCompressor(write_checksum=True, **kwargs).compress(raw)


@pytest.mark.parametrize("name", ["x.dbn", "x.dbn.zst"])
@pytest.mark.parametrize(("schema", "version"), CASES)
def test_what_is_written_is_read(tmp_path, schema, version, name):
    sent = records(schema, version)
    path = tapes.write(tmp_path / name, schema, [sent[:30], sent[30:31], sent[31:]], version=version)
    assert joined(path) == sent.tobytes()
    assert next(dbn.read(path)).dtype == sent.dtype
    header = dbn.read_header(path)
    assert (header.version, header.schema, header.dataset) == (version, schema, "XSIM.MDP3")
    assert header.start == tapes.at("2025-06-04") and header.end == tapes.at("2025-06-05")
    assert [(str(a), str(b), n) for a, b, n in header.mappings["SIMM5"]] == [("2025-06-04", "2025-06-05", 5)]
    assert path.read_bytes()[: len(header.raw)] == header.raw or name.endswith(".zst")


@pytest.mark.parametrize("size", [1, 7, 100, 101])
def test_batches_are_bounded_and_fresh(tmp_path, size):
    sent = records("mbp-10")
    path = tapes.write(tmp_path / "x.dbn.zst", "mbp-10", [sent])
    batches = list(dbn.read(path, size))
    assert max(map(len, batches)) <= size
    assert np.concatenate(batches).tobytes() == sent.tobytes()


def test_a_file_without_records_is_whole(tmp_path):
    assert list(dbn.read(tapes.write(tmp_path / "x.dbn.zst", "mbo", []))) == []


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tapes.write(tmp_path / "x.dbn.zst", "mbo", [records("mbo")])
    before = path.read_bytes()

    def broken():
        yield records("mbo", n=10)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        tapes.write(path, "mbo", broken())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_frames_may_be_cut_anywhere(tmp_path):
    sent = records("mbp-10")
    raw = tapes.head("mbp-10", {"SIMM5": 5}) + sent.tobytes()
    cuts = [0, 5, 11, 400, 401, 5000, len(raw)]
    path = tmp_path / "x.dbn.zst"
    path.write_bytes(b"".join(zipped(raw[a:b]) for a, b in itertools.pairwise(cuts)))
    assert joined(path, 9) == sent.tobytes()


def test_compression_is_seen_in_the_bytes_not_in_the_name(tmp_path):
    sent = records("mbo")
    plain = tapes.write(tmp_path / "a.dbn", "mbo", [sent])
    packed = tapes.write(tmp_path / "b.dbn.zst", "mbo", [sent])
    plain, packed = plain.rename(tmp_path / "one"), packed.rename(tmp_path / "two.txt")
    assert dbn.is_dbn(plain) and dbn.is_dbn(packed)
    assert joined(plain) == joined(packed) == sent.tobytes()
    for content in (b"", b"DB", b"PAR1....", zipped(b"hello"), b"\x28\xb5\x2f\xfd garbage"):
        plain.write_bytes(content)
        assert not dbn.is_dbn(plain)


def poke(raw, offset, value):
    return raw[:offset] + value + raw[offset + len(value) :]


HEAD = tapes.head("mbp-10", {"SIMM5": 5})
PLAIN = HEAD + records("mbp-10").tobytes()
SIZE = dbn.MBP_10.itemsize
TS_OUT = 8 + 16 + 2 + 8 + 8 + 8 + 1 + 1  # after the prefix: dataset, schema, start, end, limit, stypes
DAMAGE = {
    "empty": (b"", "empty file", "0 bytes"),
    "other": (b"PAR1" + PLAIN, "not a DBN file", "begins with b'PAR1'"),
    "three bytes": (b"DBN", "truncated header", "3 bytes where 8 belong"),
    "truncated header": (PLAIN[:100], "truncated header", f"100 bytes where {len(HEAD)} belong"),
    "newer": (poke(PLAIN, 3, b"\x09"), "DBN version 9", "at byte 3"),
    "older": (poke(PLAIN, 3, b"\x00"), "DBN version 0", "at byte 3"),
    "header length": (poke(PLAIN, 4, b"\xff\xff\xff\xff"), "damaged header", "at byte 4"),
    "header text": (poke(PLAIN, 8, b"\xff\xfe\xff"), "damaged header", "within its first"),
    "ts_out": (poke(PLAIN, TS_OUT, b"\x01"), "records carry ts_out", "in the header"),
    "truncated record": (PLAIN[:-1], f"truncated record (367 bytes of {SIZE})", "in record 100"),
    "garbage behind": (PLAIN + b"\0" * 5, f"truncated record (5 bytes of {SIZE})", "in record 101"),
    "length": (poke(PLAIN, len(HEAD) + 50 * SIZE, b"\x00"), "record of 0 bytes and rtype 10", "in record 51"),
    "length 2": (poke(PLAIN, len(HEAD) + 99 * SIZE, b"\x5d"), "record of 372 bytes", "in record 100"),
    "rtype": (poke(PLAIN, len(HEAD) + 7 * SIZE + 1, b"\x01"), "rtype 1 where 368 and 10", "in record 8"),
    "other schema": (
        tapes.head("mbo", {"SIMM5": 5}) + PLAIN[len(HEAD) :],
        "record of 368 bytes",
        "in record 1",
    ),
    "joined": (PLAIN + PLAIN, "a second DBN header (two files joined)", "in record 101"),
    "zst truncated": (zipped(PLAIN)[:-1], "truncated zstd frame", "unfinished at the end"),
    "zst checksum": (zipped(PLAIN)[:-4] + b"\0\0\0\0", "damaged zstd frame", "before byte"),
    "zst half": (zipped(PLAIN)[: len(zipped(PLAIN)) // 2], "truncated zstd frame", "unfinished at the end"),
    "zst garbage behind": (zipped(PLAIN) + b"12345", "damaged zstd frame or bytes after it", "before byte"),
    "zst little behind": (zipped(PLAIN) + b"\x28", "truncated zstd frame", "at the end"),
    "zst joined": (zipped(PLAIN) * 2, "a second DBN header (two files joined)", "in record 101"),
    "zst second frame": (
        zipped(PLAIN[:5000]) + zipped(PLAIN[5000:])[:-9],
        "truncated zstd frame",
        "at the end",
    ),
    "zst of another": (zipped(b"hello world"), "not a DBN file", "begins with b'hell' once decompressed"),
    "zst of nothing": (zipped(b""), "truncated header", "0 bytes where 8 belong"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_refused_in_one_line_with_file_fault_and_place(tmp_path, case):
    content, what, where = DAMAGE[case]
    path = tmp_path / "x.dbn.zst"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError) as caught:
        joined(path, 16)
    line = str(caught.value)
    assert line.startswith(f"{path}: ") and what in line and where in line
    assert "\n" not in line


def test_a_schema_that_is_not_read_is_named(tmp_path):
    path = tmp_path / "x.dbn"
    path.write_bytes(tapes.head("trades", {"SIMM5": 5}))
    assert dbn.read_header(path).schema == "trades"
    with pytest.raises(DataError, match=r"schema trades are not read, only definition, mbo, mbp-10"):
        list(dbn.read(path))


def outcome(path):
    """The bytes of the records, or None where the file is refused."""
    try:
        return joined(path, 64)
    except DamagedFileError:
        return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_cut_file_is_refused_wherever_it_is_cut(folder, data):
    raw = data.draw(st.sampled_from([PLAIN, zipped(PLAIN), zipped(PLAIN[:9000]) + zipped(PLAIN[9000:])]))
    cut = data.draw(st.integers(0, len(raw) - 1))
    path = folder / "cut"
    path.write_bytes(raw[:cut])
    got = outcome(path)
    at_boundary = raw is PLAIN and cut >= len(HEAD) and (cut - len(HEAD)) % SIZE == 0
    assert got == (PLAIN[len(HEAD) : cut] if at_boundary else None)


def test_a_flipped_bit_is_refused_or_changes_nothing(folder):
    rng, good, path = random.Random(1), zipped(PLAIN), folder / "flip"
    refused = 0
    for _ in range(1500):
        raw, bit = bytearray(good), rng.randrange(len(good) * 8)
        raw[bit // 8] ^= 1 << bit % 8
        path.write_bytes(raw)
        got = outcome(path)
        assert got in {None, PLAIN[len(HEAD) :]}, f"bit {bit}"
        refused += got is None
    assert refused > 1400


def test_a_flipped_bit_in_a_plain_header_is_refused_or_read(folder):
    path, lines = folder / "header", set()
    for version in (1, 2, 3):
        head = tapes.head("mbp-10", {"SIMM5": 5, "SIMU5": 6}, version=version)
        for bit in range(0, len(head) * 8, 3):
            raw = bytearray(head)
            raw[bit // 8] ^= 1 << bit % 8
            path.write_bytes(raw)
            try:
                dbn.read_header(path)
            except DamagedFileError as error:
                lines.add(str(error).count("\n"))
    assert lines == {0}


@real.needs_real
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", real.files(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_databento_reads_the_same(path):
    with warnings.catch_warnings():
        import databento

    store = databento.DBNStore.from_bytes(path.read_bytes())
    header = dbn.read_header(path)
    assert header.schema == str(store.schema or "mixed")
    assert (header.version, header.dataset, header.end) == (
        store.metadata.version,
        store.dataset,
        store.metadata.end,
    )
    assert {symbol: [i[2] for i in spans] for symbol, spans in header.mappings.items()} == {
        symbol: [int(i["symbol"]) for i in spans] for symbol, spans in store.mappings.items()
    }
    if header.schema not in dbn.RTYPES:
        with pytest.raises(DataError, match="are not read"):
            list(dbn.read(path))
    else:
        assert joined(path, 1000) == store.to_ndarray().tobytes()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("schema", "version"), CASES)
def test_databento_reads_what_we_write(tmp_path, schema, version):
    with warnings.catch_warnings():
        import databento

    sent = records(schema, version)
    path = tapes.write(tmp_path / "x.dbn.zst", schema, [sent], version=version)
    store = databento.DBNStore.from_bytes(path.read_bytes())
    assert store.to_ndarray().tobytes() == sent.tobytes()
    assert store.metadata.version == version and store.mappings["SIMM5"][0]["symbol"] == "5"


def test_symbols_come_in_one_order(tmp_path):
    """The decoder hands mappings over in an order of chance: with twelve, a wrong one shows all but surely."""
    day = dt.date(2025, 6, 12)
    span = ((day, day + dt.timedelta(days=1), 7),)
    names = [f"ES{month}{year}" for year in (7, 6, 5) for month in "ZUMH"]
    path = tmp_path / "a.dbn"
    dbn.write(path, dbn.header_bytes("XSIM.MDP3", "mbp-10", dict.fromkeys(names, span), 0, None), [])
    assert list(dbn.read_header(path).mappings) == sorted(names)
