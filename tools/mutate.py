"""The mutation check: change the program in one small place, and see whether a test notices. Run by hand.

    make mutation                                                            # everything; about two hours
    .venv-mutation/bin/python tools/mutate.py dispatcher/outbox/claim.py     # one file
    .venv-mutation/bin/python tools/mutate.py --survivors FILE               # those once more, and on PostgreSQL
    .venv-mutation/bin/python tools/mutate.py --report                       # what was found so far

mutmut's own runner is not used: it leaves out decorated functions and tables at the top of a module, and here these
are the SQL of the outbox and the moves that are allowed. How a mutant is judged stands in `loaded.py` (a change within
functions) and `judging.py` (any other); the files on disk are never changed. SQLite judges first, and PostgreSQL those
that survived. Results stand in `.mutation/`, and a run that was ended is gone on with.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from judges import BELOW, JUDGES, PURE
from judging import ROOT, be_silent, is_ours, judge_anew, module_name
from loaded import Changes, judge_loaded
from mutants import Mutant, mutants_of
from swapping import functions_changed, locks_alone

RESULTS = ROOT / ".mutation"


def main() -> None:
    options = _options()
    RESULTS.mkdir(exist_ok=True)
    # The tests are read by each process anew; compiled once, whatever the surroundings say, that takes half the time.
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(RESULTS / "compiled")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # In the order of the rooms: what lies below a file stays loaded.
    files = sorted(options.files or JUDGES, key=list(JUDGES).index)
    if not options.report:
        os.chdir(ROOT)
        sys.path.insert(0, str(ROOT))
        for file in files:
            try_file(file, options.every, options.survivors, options.lines)
    _print_report(files, options.changes)


def try_file(file: str, every: int, survivors_only: bool, lines: set[int]) -> None:
    """Try every `every`th mutant of a file that was not tried before, or once more those that survived.

    `lines`: only changes that begin there; empty: wherever.
    """
    known = _results(file)
    untried = []
    for mutant in mutants_of(ROOT / file)[::every]:
        before = known.get((mutant.line, mutant.change))
        tried_enough = (before is None) == survivors_only or (before and before["fate"] == "killed")
        if not tried_enough and (not lines or mutant.line in lines):
            untried.append(mutant)
    if not untried:
        return
    _load_what_lies_below(file)
    digest = _digest(file)
    on_both = survivors_only and file not in PURE
    with _results_file(file).open("a", encoding="utf-8") as results:

        def note(mutant: Mutant, fate: str, judge: str, seconds: float) -> None:
            one = {
                "digest": digest,
                "line": mutant.line,
                "change": mutant.change,
                "fate": fate,
                "by": judge,
                "seconds": round(seconds, 1),
            }
            print(json.dumps(one), file=results, flush=True)
            print(f"{file}:{mutant.line} {fate} {judge} {one['seconds']}", flush=True)

        print(f"{file}: {len(untried)} mutants", flush=True)
        left = []
        for mutant, fate, judge, seconds in _try(file, untried, "sqlite"):
            if fate == "survived" and on_both:
                left.append(mutant)
            else:
                note(mutant, fate, judge, seconds)
        for tried in _try(file, left, "postgresql") if left else ():
            note(*tried)


def _try(file: str, mutants: Sequence[Mutant], database: str) -> Iterator[tuple[Mutant, str, str, float]]:
    """What became of each mutant: killed, survived or timeout; the test that noticed; in how many seconds."""
    anew: list[Mutant] = []
    loaded: list[tuple[Mutant, Changes]] = [(Mutant(0, "", ""), {})]  # unchanged: the tests must pass
    for mutant in mutants:
        about_locks = "with_for_update" in mutant.change
        if database == "sqlite" and about_locks and locks_alone(ROOT / file, mutant.source):
            yield mutant, "survived", "", 0.0
        elif (changes := functions_changed(ROOT / file, mutant.source)) is None:
            anew.append(mutant)
        else:
            loaded.append((mutant, changes))
    began = time.monotonic()
    verdicts = judge_loaded(file, [changes for _mutant, changes in loaded], database)
    for (mutant, _changes), verdict in zip(loaded, verdicts, strict=True):
        if verdict is None:
            anew.append(mutant)
        elif mutant.source:
            yield mutant, *verdict, time.monotonic() - began
        began = time.monotonic()
    for mutant in anew:
        began = time.monotonic()
        yield mutant, *judge_anew(file, mutant.source, database), time.monotonic() - began


def _load_what_lies_below(file: str) -> None:
    """Load the libraries and the rooms that the file's tests use and that cannot know the file."""
    names = _names_loaded_by(JUDGES[file])
    below = BELOW.get(file) or BELOW[file.split("/")[0]]
    for name in names:
        if not is_ours(name, but=below):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    assert module_name(file) not in sys.modules, f"{file} was loaded before it could be changed"


def _names_loaded_by(tests: Sequence[str]) -> list[str]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        be_silent()
        pytest.main(["-q", "--collect-only", "-p", "no:cacheprovider", *tests])
        with os.fdopen(writing, "w") as names:
            names.write("\n".join(name for name in sys.modules if not name.startswith(("_pytest", "pytest", "__"))))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as names:
        loaded = names.read().split("\n")
    os.waitpid(child, 0)
    return loaded


def _results_file(file: str) -> Path:
    return RESULTS / f"{module_name(file)}.jsonl"


def _digest(file: str) -> str:
    return hashlib.sha256((ROOT / file).read_bytes()).hexdigest()


def _results(file: str) -> dict[tuple[int, str], dict[str, Any]]:
    """The last word on each mutant of a file as it stands now, by its line and its change."""
    if not _results_file(file).exists():
        return {}
    lines = _results_file(file).read_text(encoding="utf-8").splitlines()
    found = [one for one in map(json.loads, lines) if one["digest"] == _digest(file)]
    return {(one["line"], one["change"]): one for one in found}


def _print_report(files: Sequence[str], changes: bool) -> None:
    print(f"{'file':36} mutants  killed  ended  survived  minutes")
    for file in files:
        found = sorted(_results(file).values(), key=lambda one: one["line"])
        fates = Counter(one["fate"] for one in found)
        minutes = sum(one["seconds"] for one in found) / 60
        print(f"{file:36} {len(found):7} {fates['killed']:7} {fates['timeout']:6} {fates['survived']:9} {minutes:8.0f}")
        for one in found if changes else ():
            if one["fate"] != "killed":
                print(f"\n  {file}:{one['line']} ({one['fate']})")
                print("    " + one["change"].replace("\n", "\n    "))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Change the program in small places, and see whether tests notice.")
    parser.add_argument("files", nargs="*", metavar="FILE", help="files to change; without any: all of them")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="try only every Nth change")
    parser.add_argument("--survivors", action="store_true", help="try those once more that survived")
    parser.add_argument(
        "--lines",
        type=lambda text: set(map(int, text.split(","))),
        default=set(),
        metavar="N,N",
        help="try only changes of these lines",
    )
    parser.add_argument("--report", action="store_true", help="try nothing; show what was found so far")
    parser.add_argument("--changes", action="store_true", help="show each change that no test noticed, too")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
