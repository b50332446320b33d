"""How the tests judge mutants that differ within functions: without loading anything anew.

One process has loaded everything, the tests too. It forks a child for each mutant, and puts the change in there. Only
those tests are run that run one of the changed functions when the program is unchanged, since no others can notice;
those that have noticed most so far come first.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest
from judges import BELOW, JUDGES
from judging import (
    PLACES,
    ROOT,
    Changed,
    Verdict,
    Watch,
    be_silent,
    end_after,
    in_a_child,
    is_ours,
    module_name,
    options_in,
)
from swapping import loaded_functions, note_in, noting, swap

Changes = dict[str, CodeType]


def judge_loaded(file: str, all_changes: Sequence[Changes], database: str) -> Iterator[Verdict | None]:
    """What became of each of these changes of functions, one after the other; None for one that must be loaded anew.

    Ends the program when the tests of the file do not pass unchanged. Broken off when its process is.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            be_silent()
            with os.fdopen(writing, "w") as answers:
                _Loaded(
                    file, all_changes, database, lambda said: print(json.dumps(said), file=answers, flush=True)
                ).run()
        finally:
            os._exit(0)
    os.close(writing)
    try:
        with os.fdopen(reading) as answers:
            for _change, line in zip(all_changes, answers, strict=False):
                verdict = json.loads(line)
                if isinstance(verdict, str):
                    sys.exit(f"{file}: the tests do not even pass unchanged: {verdict}. Nothing was tried.")
                yield verdict and (verdict[0], verdict[1])
    except BaseException:
        os.kill(child, signal.SIGTERM)  # when we are told to end: its servers end with it
        raise
    finally:
        os.waitpid(child, 0)


class _Loaded(Watch):
    """A session of pytest that has loaded all tests of a file, and runs them in children, each with another change."""

    def __init__(self, file: str, all_changes: Sequence[Changes], database: str, tell: Callable[[Any], None]) -> None:
        super().__init__(database)
        self._file, self._all_changes, self._tell = file, all_changes, tell
        self._ran: set[str] = set()
        self._noticed: Counter[str] = Counter()
        self._work: dict[str, float] = {}

    def run(self) -> None:
        note_in(self._ran)
        sys.meta_path.insert(0, Changed(self._file, noting((ROOT / self._file).read_text(encoding="utf-8"))))
        _compile_statements_once()
        importlib.import_module(module_name(self._file))
        with tempfile.TemporaryDirectory(dir=PLACES) as self._place:
            pytest.main([*options_in(self._place), "--capture=no", *JUDGES[self._file]], plugins=[self])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._items = session.items
        # What these have made for some module that is loaded stays as it is.
        ran_while_loaded = set(self._ran)
        runs = {} if self.failed else self._which_run_what()
        if self.failed:
            self._tell(self.failed)
            return True
        functions = loaded_functions(ROOT / self._file)
        self._servers = [one for one in gc.get_objects() if isinstance(one, subprocess.Popen)]
        gc.freeze()
        for changes in self._all_changes:
            if changes.keys() & ran_while_loaded or not changes.keys() <= functions.keys():
                self._tell(None)
                continue
            judges = [item for item in session.items if changes.keys() & runs[item.nodeid]]
            judges.sort(key=lambda item: -self._noticed[item.nodeid])
            fate, noticed = "survived", ""
            if judges:
                fate, noticed = self._apart(functools.partial(self._changed, functions, changes, judges))
            self._noticed[noticed] += fate == "killed"
            self._tell((fate, noticed))
        return True

    def _which_run_what(self) -> dict[str, Collection[str]]:
        """The functions that each test runs in the unchanged program, up to the first test that fails.

        What all tests share (a server, a database to copy) is made by that, too, and statements are compiled.
        """
        runs: dict[str, Collection[str]] = {}
        caches = list(_caches(BELOW[self._file.split("/")[0]]))
        for place, item in enumerate(self._items):
            self._ran.clear()
            _clear(caches)
            began = time.process_time()
            self._run(item, self._items[place + 1] if place + 1 < len(self._items) else None)
            self._work[item.nodeid] = time.process_time() - began
            runs[item.nodeid] = set(self._ran)
            if self.failed:
                break
        _clear(_caches(BELOW[self._file.split("/")[0]]))
        return runs

    def _apart(self, work: Callable[[], Verdict]) -> Verdict:
        with tempfile.TemporaryDirectory(dir=self._place, ignore_cleanup_errors=True) as place:

            def there() -> Verdict:
                for server in self._servers:
                    server.poll = lambda: None  # it runs, though it is not our child
                self._items[0].config._tmp_path_factory._basetemp = Path(place)
                return work()

            return in_a_child(there)

    def _changed(
        self, functions: Mapping[str, FunctionType], changes: Changes, judges: Sequence[pytest.Item]
    ) -> Verdict:
        swap(functions, changes)
        judges[0].session._setupstate.teardown_exact(judges[0])
        try:
            for place, item in enumerate(judges):
                end_after(5 + 10 * self._work[item.nodeid])
                self._run(item, judges[place + 1] if place + 1 < len(judges) else None)
                if self.failed:
                    return "killed", self.failed
        except KeyboardInterrupt:
            return "timeout", self.began
        return "survived", ""

    def _run(self, item: pytest.Item, following: pytest.Item | None) -> None:
        # Without a test to follow, what all share would go.
        following = following or next((other for other in self._items if other is not item), None)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def _caches(below: Collection[str]) -> Iterator[Any]:
    """Where functions keep what they have made, in all that may know the file."""
    for one in gc.get_objects():
        if isinstance(one, functools._lru_cache_wrapper) and is_ours(one.__module__ or "", but=below):
            yield one


def _clear(caches: Iterable[Any]) -> None:
    for one in caches:
        one.cache_clear()


def _compile_statements_once() -> None:
    """Let the tests' databases share what SQLAlchemy compiles, by what each statement is made of: it takes long."""
    module = importlib.import_module("config.database")
    make = module.create_engine
    first: dict[str, Any] = {}

    def create_engine(*arguments: Any, **options: Any) -> Any:
        engine = make(*arguments, **options)
        known = first.setdefault(engine.dialect.name, engine)
        engine.dialect, engine._compiled_cache = known.dialect, known._compiled_cache
        return engine

    vars(module)["create_engine"] = create_engine
