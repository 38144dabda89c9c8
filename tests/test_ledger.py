"""What is current, what is stale and why."""

import os
import textwrap

import polars as pl
import pytest

from warehouse import ledger, store
from warehouse.errors import DeclarationError
from warehouse.ledger import Hashes, Ledger

MANIFEST = {"fingerprint": "f1", "parameters": {"x": 1}, "inputs": {"bronze/a": "s1", "bronze/b": "s2"}}


@pytest.fixture
def target(tmp_path):
    placed = store.partition(tmp_path, "silver.thing", symbol="SIMU5", date="2025-06-18")
    store.write(placed, pl.DataFrame({"a": [1, 2]}), MANIFEST)
    return placed


def stale(target, **changes):
    return Ledger(target.root).stale([target], {**MANIFEST, **changes})


def test_what_was_just_written_is_current(target):
    assert stale(target) is None
    assert Ledger(target.root).digest(target) == store.sha256(target.path)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"fingerprint": "f2"}, "the code changed"),
        ({"parameters": {"x": 2}}, "`x` was 1, is 2"),
        ({"parameters": {"x": 1, "y": 0}}, "`y` was None, is 0"),
        ({"inputs": {"bronze/a": "s1", "bronze/b": "s9"}}, "bronze/b changed"),
        ({"inputs": {"bronze/a": "s1", "bronze/b": "s2", "bronze/c": "s3"}}, "bronze/c is new"),
        ({"inputs": {"bronze/a": "s1"}}, "bronze/b is gone"),
        ({"inputs": {"bronze/a": "s0"}}, "bronze/a changed and 1 more"),
    ],
)
def test_why_it_is_stale(target, changes, why):
    assert stale(target, **changes) == why


def test_absent_without_manifest_or_file(target):
    manifest = target.manifest_path.read_bytes()
    target.manifest_path.unlink()
    assert stale(target) == "absent"
    target.manifest_path.write_bytes(manifest[:20])
    assert stale(target) == "absent"
    target.manifest_path.write_bytes(manifest)
    target.path.unlink()
    assert stale(target).startswith("damaged")


def test_a_partition_is_seen_anew_once_it_is_damaged_or_removed(target):
    before = store.seen(target.root, target.table)
    assert before == store.seen(target.root, target.table) == store.sight(target)
    target.path.write_bytes(target.path.read_bytes()[:-1])
    damaged = store.seen(target.root, target.table)
    assert len(damaged) == 1 and damaged != before
    target.manifest_path.unlink()
    assert store.seen(target.root, target.table) == () and store.sight(target) not in {before, damaged}
    lost = store.sight(target)
    target.path.unlink()
    assert store.sight(target) != lost


def test_the_latest_partition_is_the_last_placed_one_up_to_a_date(tmp_path):
    placed = {
        day: store.partition(tmp_path, "silver.thing", product="ES", date=f"2025-06-{day}")
        for day in (17, 18, 20)
    }
    other = store.partition(tmp_path, "silver.thing", product="NQ", date="2025-06-19")
    for target in (*placed.values(), other):
        store.write(target, pl.DataFrame({"a": [1]}), MANIFEST)

    def latest(until):
        return store.latest(tmp_path, "silver.thing", "product=ES", until)

    assert latest("2025-06-19") == latest("2025-06-18") == store.sight(placed[18])
    assert latest("2025-07-01") == store.sight(placed[20]) and latest("2025-06-16") == ()
    placed[18].manifest_path.unlink()
    assert latest("2025-06-19") == store.sight(placed[17])
    store.write(placed[18], pl.DataFrame({"a": [1, 2]}), MANIFEST)
    assert latest("2025-06-19") == store.sight(placed[18])


def test_bytes_that_are_not_the_manifests_are_absent(target):
    made = bytearray(target.path.read_bytes())
    made[10] ^= 1
    target.path.write_bytes(made)
    assert stale(target).startswith("damaged")
    assert Ledger(target.root).digest(target) is None


def test_all_outputs_must_be_current(target):
    other = store.partition(target.root, "silver.other", symbol="SIMU5", date="2025-06-18")
    assert Ledger(target.root).stale([target, other], MANIFEST) == "absent"


def test_a_digest_is_remembered_until_the_stamp_changes(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"one")
    hashes = Hashes(tmp_path)
    first = hashes.of(path)
    hashes.save()
    again = Hashes(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(store, "sha256", lambda _: pytest.fail("read again"))
        assert again.of(path) == first
    os.utime(path, ns=(1, 1))
    path.write_bytes(b"two")
    assert again.of(path) == store.sha256(path) != first
    again.forget()
    assert again.of(path) == store.sha256(path)


def test_a_lost_cache_is_no_harm(tmp_path):
    (tmp_path / ledger.CACHE).write_text('{"half')
    (tmp_path / "file").write_bytes(b"one")
    assert Hashes(tmp_path).of(tmp_path / "file") == store.sha256(tmp_path / "file")
    assert Hashes(tmp_path).of(tmp_path / "nothing") is None


BODY = '''
"""What it is."""
def double(x):
    """Twice."""
    return x * 2  # why
def triple(x):
    return x * 3
FACTOR = 3
"""How much."""
'''


@pytest.fixture
def fingerprint(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))

    def of(text, what="probe_of_code"):
        (tmp_path / "probe_of_code.py").write_text(textwrap.dedent(text))
        ledger._tree.cache_clear()
        return ledger.code(what)

    return of


def test_the_fingerprint_of_code_is_its_syntax(fingerprint):
    first = fingerprint(BODY)
    assert (
        fingerprint(
            BODY.replace("Twice", "2 x")
            .replace("What it is", "Else")
            .replace("why", "so")
            .replace("How", "So")
        )
        == first
    )
    assert fingerprint(BODY.replace("x * 2", "x  *  2")) == first
    assert fingerprint(BODY.replace("x * 3", "x * 4")) != first
    one = fingerprint(BODY, "probe_of_code:double")
    assert fingerprint(BODY.replace("x * 3", "x * 4"), "probe_of_code:double") == one
    assert fingerprint(BODY.replace("x * 2", "2 * x"), "probe_of_code:double") != one
    with pytest.raises(DeclarationError, match="`half` is not defined"):
        fingerprint(BODY, "probe_of_code:half")


@pytest.mark.parametrize("junk", ["[1]", "7", '{"a": 7, "b": [1, 2], "c": [1, "2", "s"]}', "{", "\x00"])
def test_a_cache_that_is_none_counts_as_empty(target, junk):
    (target.root / ledger.CACHE).write_text(junk)
    assert stale(target) is None
    (target.root / ledger.CACHE).write_bytes(bytes([0, 255]))
    assert stale(target) is None


def test_an_entry_of_the_wrong_type_is_forgotten(target):
    name = str(target.path.relative_to(target.root))
    (target.root / ledger.CACHE).write_text(f'{{"{name}": 7}}')
    assert Hashes(target.root).of(target.path) == store.sha256(target.path)


@pytest.mark.parametrize("junk", [b"[]", b"7", bytes([0, 255])])
def test_a_manifest_that_is_no_mapping_is_absent(target, junk):
    target.manifest_path.write_bytes(junk)
    assert stale(target) == "absent"
