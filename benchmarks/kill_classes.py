#!/usr/bin/env python3
"""Kill a merge of classes over many masks, many times, and look whether all masks are old or all are new.

Usage: python benchmarks/kill_classes.py [--kills 50] [--masks 400] [--seed 0] [--json FILE]

Each kill is a SIGKILL at a random moment: of every two, one anywhere in the merge, and one after the merge was
decided, while files are moved. After every third, the opening that finishes the merge is killed too. Then the folder
is opened, and masks, records, originals and project file are compared with those before and after an undisturbed
merge: byte for byte, but for the inodes of the images in the records. ``half-way`` counts the folders that were
neither when they were killed: without them nothing would be tested. Needs fork, so not on Windows.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from fcn_studio.core.class_changes.change import ClassChange  # noqa: E402
from fcn_studio.core.sample import Status  # noqa: E402
from fcn_studio.core.with_result import result_of  # noqa: E402
from fcn_studio.formats.class_changes.change import change_classes  # noqa: E402
from fcn_studio.formats.project.project_folder import ProjectFolder  # noqa: E402
from fcn_studio.formats.project.records import read_record  # noqa: E402
from fcn_studio.formats.transaction import COMMITTED  # noqa: E402
from fcn_studio.formats.voc.masks import read_grey  # noqa: E402
from tests.formats.helpers import SIZE, make_project, painted  # noqa: E402

OURS = ("SegmentationClass", ".fcn-studio/provenance", ".fcn-studio/originals", "fcn-studio.toml")
Files = dict[str, str]


def made(folder: Path, masks: int) -> Path:
    """A project of which a quarter of the masks was there before, and the others are ours."""
    names = [f"{number:04}.png" for number in range(masks)]
    make_project(folder, names, {name.removesuffix(".png"): 1 for name in names[::4]})
    with ProjectFolder.open(folder, writable=True) as project:
        for number, sample in enumerate(project.samples):
            if number % 4:
                project.annotations.save(sample, painted(number % 3), Status.IN_PROGRESS)
    return folder


def files(folder: Path) -> Files:
    """Path -> digest of what a merge replaces."""
    return {
        path.relative_to(folder).as_posix(): digest(path)
        for name in OURS
        for path in ((folder / name).rglob("*") if (folder / name).is_dir() else [folder / name])
        if path.is_file() and not path.name.endswith(".tmp")
    }


def digest(path: Path) -> str:
    """Digest of a file; of a record without the inode and times of its image, which are others in each copy."""
    data = path.read_bytes()
    if "provenance" in path.parts:
        record = read_record(path)
        assert record is not None
        image = None if record.image is None else replace(record.image, state=(0, 0, 0, 0))
        data = repr(replace(record, image=image)).encode() + read_grey(path, SIZE).tobytes()
    return hashlib.sha256(data).hexdigest()


def merge(folder: Path) -> None:
    """Merge the second class into the third."""
    with ProjectFolder.open(folder, writable=True) as project:
        result_of(change_classes(project, ClassChange({1: 2})))


def opened(folder: Path) -> None:
    """Open a project, which finishes what was interrupted."""
    ProjectFolder.open(folder, writable=True).close()


def killed(act: Callable[[], None], after: Callable[[int], bool], seconds: float) -> bool:
    """Run an act in a process of its own and kill it; whether it was killed before its end.

    The seconds count from when ``after`` first returns True of the process's number.
    """
    child = os.fork()
    if not child:
        try:
            act()
        finally:
            os._exit(0)
    while not after(child) and not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        pass
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def killed_somewhere(folder: Path, number: int, whole: float, rng: random.Random) -> bool:
    """Kill a merge of a number at a moment of its own; whether that was before its end."""
    decided = folder / ".fcn-studio" / "class_change" / COMMITTED
    if number % 2:
        return killed(lambda: merge(folder), lambda _: decided.exists(), rng.uniform(0, whole / 8))
    return killed(lambda: merge(folder), lambda _: True, rng.uniform(0, whole))


def duration(act: Callable[[], None]) -> float:
    """Seconds of an act."""
    began = time.monotonic()
    act()
    return time.monotonic() - began


def main() -> int:
    """Print the counts; 1 if a folder was neither all old nor all new, or none was half-way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--masks", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="fcn-studio-kill-classes-") as name:
        first = made(Path(name, "first"), options.masks)
        old = files(first)
        done = Path(shutil.copytree(first, Path(name, "done")))
        whole = duration(lambda: merge(done))
        new = files(done)
        for number in range(options.kills):
            folder = Path(shutil.copytree(first, Path(name, str(number))))
            counts["killed before its end"] += killed_somewhere(folder, number, whole, rng)
            counts["half-way"] += files(folder) not in (old, new)
            if number % 3 == 0:
                counts["killed again"] += killed(partial(opened, folder), lambda _: True, rng.uniform(0, whole / 8))
            opened(folder)
            found = files(folder)
            counts["all old" if found == old else "all new" if found == new else "MIXED"] += 1
            shutil.rmtree(folder)
    report = {"kills": options.kills, "masks": options.masks, "merge_s": round(whole, 2), **counts}
    print(json.dumps(report, indent=2))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    return 1 if counts["MIXED"] or not counts["half-way"] else 0


if __name__ == "__main__":
    sys.exit(main())
