"""What was built, from what, and whether that is still so."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from warehouse import store
from warehouse.errors import DeclarationError
from warehouse.store import Manifest, Partition

Stamp = tuple[int, int, str]
"""Size, modification time in ns, and the sha256 that the file had then."""

CACHE = ".hashes.json"
_TOLD = ("fingerprint", "parameters", "inputs")


class Hashes:
    """Digests of files, remembered in `ROOT/.hashes.json` while size and modification time stay."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, Stamp] = _load(root / CACHE)
        self._changed = False

    def of(self, path: Path) -> str | None:
        """Hex digest of the bytes of a file; None where there is none."""
        try:
            stat = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        known = self._known.get(self._key(path))
        if known is not None and tuple(known[:2]) == (stat.st_size, stat.st_mtime_ns):
            return known[2]
        return self._remember(path, (stat.st_size, stat.st_mtime_ns, store.sha256(path)))

    def learn(self, path: Path, sha256: str) -> None:
        """Take the digest of a file that was just written, instead of reading it again."""
        stat = path.stat()
        self._remember(path, (stat.st_size, stat.st_mtime_ns, sha256))

    def save(self) -> None:
        """Write what was learnt; a cache that is lost costs time, never truth."""
        if self._changed:
            with store.temporary(self._root, ".json") as made:
                made.write_text(json.dumps(self._known, sort_keys=True))
                made.replace(self._root / CACHE)
            self._changed = False

    def forget(self) -> None:
        """Trust nothing: every file is read again when it is asked for."""
        self._known = {}

    def _remember(self, path: Path, stamp: Stamp) -> str:
        self._known[self._key(path)] = stamp
        self._changed = True
        return stamp[2]

    def _key(self, path: Path) -> str:
        return str(path.relative_to(self._root) if path.is_relative_to(self._root) else path.absolute())


def _load(path: Path) -> dict[str, Stamp]:
    found = store.mapping(path) or {}
    return {name: (*stamp,) for name, stamp in found.items() if _stamp(stamp)}


def _stamp(value: object) -> bool:
    return isinstance(value, list) and list(map(type, value)) == [int, int, str]


class Ledger:
    """Manifests of one root, held against the files that they speak of."""

    def __init__(self, root: Path) -> None:
        self.hashes, self._root = Hashes(root), root
        self._manifests: dict[Partition, Manifest | None] = {}

    def manifest(self, target: Partition) -> Manifest | None:
        """What a manifest says, or None where the partition is absent; read once."""
        if target not in self._manifests:
            self._manifests[target] = store.read_manifest(target)
        return self._manifests[target]

    def digest(self, target: Partition) -> str | None:
        """The sha256 of a partition that is whole; None where it is absent or not its manifest's."""
        said = self.manifest(target)
        found = self.hashes.of(target.path) if said else None
        return found if said and found == said.get("sha256") else None

    def current(self, table: str) -> list[Partition]:
        """A table's partitions that are whole."""
        return [part for part in store.partitions(self._root, table) if self.digest(part)]

    def placed(self, target: Partition) -> None:
        """Take note that a partition was just written."""
        self._manifests.pop(target, None)
        if said := self.manifest(target):
            self.hashes.learn(target.path, said["sha256"])

    def reread(self) -> None:
        """Look at every manifest afresh: partitions may have come or gone."""
        self._manifests.clear()

    def stale(self, outputs: Sequence[Partition], wanted: Manifest) -> str | None:
        """Why partitions must be made again; None where all are current.

        Args:
            outputs: What one task makes.
            wanted: Fingerprint, parameters and inputs (digest by name) as they are now.
        """
        return next((why for target in outputs if (why := self._stale(target, wanted))), None)

    def _stale(self, target: Partition, wanted: Manifest) -> str | None:
        said = self.manifest(target)
        if said is None:
            return "absent"
        if self.digest(target) is None:
            return "damaged: its bytes are not those of its manifest"
        changes = (_change(part, said.get(part), wanted[part]) for part in _TOLD if part in wanted)
        return next((change for change in changes if change), None)


def _change(part: str, then: object, now: object) -> str | None:
    if then == now:
        return None
    if part == "fingerprint":
        return "the code changed"
    if not isinstance(then, Mapping) or not isinstance(now, Mapping):
        return f"its {part} are unknown"
    names = [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    if part == "parameters":
        return f"`{names[0]}` was {then.get(names[0])}, is {now.get(names[0])}{more}"
    verb = "is new" if names[0] not in then else "is gone" if names[0] not in now else "changed"
    return f"{names[0]} {verb}{more}"


def code(*names: str) -> str:
    """Fingerprint of code: its syntax tree, so that comments and docstrings do not count.

    Args:
        names: Modules, packages, or `module:function`.

    Raises:
        DeclarationError: If a name is no module or function.
    """
    digest = hashlib.sha256()
    for name in names:
        digest.update(_tree(name).encode())
    return digest.hexdigest()[:16]


@functools.cache
def _tree(name: str) -> str:
    module, _, function = name.partition(":")
    trees = [_bare(ast.parse(path.read_text())) for path in _sources(module)]
    if not function:
        return "\n".join(ast.dump(tree) for tree in trees)
    nodes = [node for tree in trees for node in tree.body if getattr(node, "name", None) == function]
    if not nodes:
        raise DeclarationError(f"`{function}` is not defined in {module}")
    return "\n".join(ast.dump(node) for node in nodes)


def _sources(module: str) -> Iterable[Path]:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise DeclarationError(f"`{module}` has no source to take a fingerprint of")
    origin = Path(spec.origin)
    return sorted(origin.parent.glob("*.py")) if origin.name == "__init__.py" else [origin]


def _bare(tree: ast.Module) -> ast.Module:
    """Without texts that stand alone: docstrings, and those below a constant."""
    for node in ast.walk(tree):
        for part in ("body", "orelse", "finalbody"):
            if isinstance(lines := getattr(node, part, None), list):
                setattr(node, part, [line for line in lines if not _told(line)])
    return tree


def _told(line: ast.stmt) -> bool:
    return (
        isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Constant)
        and isinstance(line.value.value, str)
    )
