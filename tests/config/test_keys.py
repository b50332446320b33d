"""The key file: made once, closed to others, and a clear word when it cannot be used."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import BeredskapError, UsageError
from config.keys import Keys, create_key_file, load_keys


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    path = tmp_path_factory.mktemp("keys") / "beredskap.key"
    create_key_file(path)
    return load_keys(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "beredskap.key"
    create_key_file(path)
    return path


def test_the_file_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_key_file(tmp_path / "new" / "beredskap.key")
    finally:
        os.umask(before)
    assert (tmp_path / "new" / "beredskap.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["beredskap.key"]


def test_a_key_file_is_never_overwritten(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(UsageError, match="There is a key file already"):
        create_key_file(path)
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 1


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no key file at .*absent\.key") as caught:
        load_keys(tmp_path / "absent.key")
    assert "beredskap init" in caught.value.remedy


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_file_open_to_others_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(UsageError, match=f"mode {mode:04o}") as caught:
        load_keys(path)
    assert "chmod 600" in caught.value.remedy


def test_a_directory_in_its_place_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_keys(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: "ø",
        lambda text: text.replace("beredskap-keys", "other-keys"),
        lambda text: json.dumps({**json.loads(text), "lookup": "c2hvcnQ="}),
        lambda text: json.dumps({**json.loads(text), "codes": "*" * 44}),
        lambda text: json.dumps({**json.loads(text), "encryption": []}),
        lambda text: json.dumps({**json.loads(text), "encryption": None}),
        lambda text: json.dumps({key: value for key, value in json.loads(text).items() if key != "codes"}),
    ],
    ids=["empty", "cut", "no object", "no ASCII", "other", "short", "no base64", "no key", "null", "missing key"],
)
def test_a_damaged_file_is_told_without_its_content(path: Path, damage) -> None:
    text = path.read_text()
    path.write_text(damage(text), encoding="utf-8")
    with pytest.raises(UsageError, match="damaged") as caught:
        load_keys(path)
    assert json.loads(text)["lookup"] not in str(caught.value)


def test_a_file_of_a_later_version_is_not_called_damaged(path: Path) -> None:
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(UsageError, match="another version"):
        load_keys(path)


def test_an_older_encryption_key_still_reads_what_it_wrote(path: Path, tmp_path: Path) -> None:
    token = load_keys(path).encrypt("03851598730")
    create_key_file(tmp_path / "new.key")
    old, new = json.loads(path.read_text()), json.loads((tmp_path / "new.key").read_text())
    path.write_text(json.dumps({**old, "encryption": [*new["encryption"], *old["encryption"]]}))
    assert load_keys(path).decrypt(token) == "03851598730"


def test_a_token_of_other_keys_is_told_without_its_content(keys: Keys, path: Path) -> None:
    token = keys.encrypt("03851598730")
    with pytest.raises(BeredskapError, match="cannot be read with this key file") as caught:
        load_keys(path).decrypt(token)
    assert token not in str(caught.value)


@given(text=st.text())
def test_what_is_encrypted_comes_back_and_looks_different_each_time(keys: Keys, text: str) -> None:
    first, second = keys.encrypt(text), keys.encrypt(text)
    assert first != second
    assert first.isascii()
    assert keys.decrypt(first) == keys.decrypt(second) == text


@given(a=st.tuples(st.text(), st.text()), b=st.tuples(st.text(), st.text()))
def test_look_up_hashes_are_equal_for_equal_values_of_one_scheme_only(
    keys: Keys, a: tuple[str, str], b: tuple[str, str]
) -> None:
    one, other = keys.lookup_hash(*a), keys.lookup_hash(*b)
    assert (one == other) == (a == b)
    assert len(one) == 64


@given(a=st.lists(st.text()), b=st.lists(st.text()))
def test_code_macs_keep_the_borders_of_their_parts(keys: Keys, a: list[str], b: list[str]) -> None:
    assert (keys.code_mac(*a) == keys.code_mac(*b)) == (a == b)


def test_other_keys_make_other_hashes(keys: Keys, path: Path) -> None:
    other = load_keys(path)
    assert keys.lookup_hash("03851598730", "id") != other.lookup_hash("03851598730", "id")
    assert keys.code_mac(1, "n") != other.code_mac(1, "n")
    assert keys.code_mac("x") != bytes.fromhex(keys.lookup_hash("x", "x"))


def test_keys_show_nothing_of_themselves(path: Path) -> None:
    shown = repr(load_keys(path)) + str(load_keys(path)) + f"{load_keys(path)}"
    content = json.loads(path.read_text())
    assert shown == "Keys(…)" * 3
    assert content["lookup"] not in shown
