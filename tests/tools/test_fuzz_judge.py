"""The fuzzer's judge: what it lets pass, and that it would notice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from config.errors import UsageError
from contacts import tables
from contacts.imports import sds
from tests.contacts.imports.importing import Importer
from tools.fuzz_judge import judge_of
from tools.fuzz_seeds import TARGETS, bundle, unbundled


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_the_seeds_are_no_findings(tmp_path: Path, name: str) -> None:
    judge = judge_of(name, tmp_path)
    for seed in TARGETS[name].seeds():
        judge(seed)
        judge(seed[: len(seed) // 2])


def test_an_importer_that_crashes_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = judge_of("sds", tmp_path)

    def crash(*_: object) -> Any:
        raise KeyError

    monkeypatch.setattr(sds, "org_records", crash)
    with pytest.raises(KeyError):
        judge(next(TARGETS["sds"].seeds()))


def test_a_refusal_that_leaves_something_behind_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = judge_of("guardians", tmp_path)

    def half(importer: Importer, *_: object) -> Any:
        with importer.database.write() as connection:
            connection.execute(insert(tables.SCHOOL).values(ref="halv", name="Halv", source="test"))
        raise UsageError("Import stopped: half-way.", remedy="Nothing.")

    monkeypatch.setattr(Importer, "apply", half)
    with pytest.raises(AssertionError, match="not what it was"):
        judge(b"student;basis\n")


def test_a_bundle_is_taken_apart_as_it_was_put_together() -> None:
    files = {"users.csv": "sourcedId\nnora\n", "orgs.csv": ""}
    assert unbundled(bundle(files)) == {name: text.encode() for name, text in files.items()}
    assert unbundled(b"../users.csv\nx\x1e..\ny\x1eno end") == {}
