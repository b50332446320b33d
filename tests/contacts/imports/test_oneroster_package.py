"""A roster as a whole: the zip it comes in, its manifest, files that are none. Whatever is wrong, nothing enters."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.errors import BeredskapError, ExitStatus, UsageError
from contacts.imports import roster_files, roster_package, roster_table
from contacts.imports.oneroster import open_oneroster
from contacts.imports.records import Record
from tests.contacts.imports.importing import TODAY, Importer
from tests.contacts.imports.oneroster_files import Files, changed, folder, manifest, small_roster, zip_bytes

_REUSES = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
PACKED = zip_bytes(small_roster())


def opened(path: Path) -> list[Record]:
    return list(open_oneroster((path,), TODAY).records)


def zipped(directory: Path, *members: tuple[zipfile.ZipInfo | str, bytes]) -> Path:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members:
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    path = directory / "roster.zip"
    path.write_bytes(buffer.getvalue())
    return path


def named(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x")
    info.filename = name
    info.external_attr = mode << 16
    return info


@pytest.mark.parametrize(
    "name",
    [
        "../users.csv",
        "a/../../users.csv",
        "/etc/users.csv",
        "..\\users.csv",
        "\\users.csv",
        "C:\\users.csv",
        "c:users.csv",
    ],
)
def test_paths_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path, (named(name), b"x"))
    with pytest.raises(UsageError, match="member 1 has a path that leads out of it"):
        open_oneroster((path,), TODAY)


def test_links_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path, (named("users.csv", stat.S_IFLNK | 0o777), b"/etc/passwd"))
    with pytest.raises(UsageError, match="member 1 is a link"):
        open_oneroster((path,), TODAY)


def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path) -> None:
    path = zipped(tmp_path, ("users.csv", b"0" * (2 * roster_package.RATIO_MATTERS_FROM)))
    with pytest.raises(UsageError, match="unpacks to more than 250 times its size"):
        open_oneroster((path,), TODAY)


@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [
        ("LARGEST_MEMBER", 200, "it unpacks to more than a roster holds"),
        (
            "LARGEST_TOTAL",
            sum(len(text.encode()) for text in small_roster().values()) - 1,
            "it unpacks to more than a roster holds",
        ),
        ("MOST_MEMBERS", 6, "holds 7 members"),
    ],
)
def test_limits_of_a_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, words: str) -> None:
    path = tmp_path / "roster.zip"
    path.write_bytes(PACKED)
    assert opened(path)
    monkeypatch.setattr(roster_package, limit, value)
    with pytest.raises(UsageError, match=words):
        open_oneroster((path,), TODAY)


def test_a_member_that_lies_about_its_size(sqlite_importer: Importer) -> None:
    """It is unpacked no further than it said, and then its checksum is wrong."""
    users = small_roster()["users.csv"].encode()
    size = len(users).to_bytes(4, "little")
    assert PACKED.count(size) == 2  # before the member, and in the directory at the end
    path = sqlite_importer.file("roster.zip", PACKED.replace(size, (len(users) - 40).to_bytes(4, "little")))
    with pytest.raises(UsageError, match="is damaged"):
        sqlite_importer.apply("oneroster", path)
    assert sqlite_importer.people() == {}


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ((("a/users.csv", b"x"), ("b/orgs.csv", b"x")), "in more than one folder"),
        ((("a/users.csv", b"x"), ("b/USERS.csv", b"x")), "holds users.csv twice"),
        ((("lesmeg.txt", b"x"),), "holds no .csv file"),
        ((("users.csv", b"x"),), "has no manifest.csv"),
    ],
)
def test_what_a_zip_must_hold(tmp_path: Path, members: tuple[tuple[str, bytes], ...], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        open_oneroster((zipped(tmp_path, *members),), TODAY)


def test_the_shadows_of_a_mac_are_passed_over(tmp_path: Path) -> None:
    files = [(name, text.encode()) for name, text in small_roster().items()]
    path = zipped(tmp_path, *files, ("__MACOSX/._users.csv", b"\x00\x05\x16\x07"), ("lesmeg.txt", b"hei"))
    assert opened(path) == opened(folder(tmp_path, small_roster()))


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("manifest.csv", "oneroster.version,1.1", "oneroster.version,1.0", "oneroster.version 1.1 or 1.2"),
        ("manifest.csv", "users,bulk", "users,all", "neither absent, bulk nor delta of users.csv"),
        ("manifest.csv", "file.roles,absent", "file.users,absent", "line 11, column propertyName: the same name"),
        (
            "manifest.csv",
            "source.systemName,Eksempel SAS\nsource.systemCode,sas\n",
            "",
            "which system the roster is from",
        ),
        ("manifest.csv", "source.systemCode,sas", "source.systemCode," + "x" * 76, "more than 75 characters"),
        ("manifest.csv", "propertyName,value", "name,value", "manifest.csv has no column propertyName in line 1"),
        ("users.csv", "agentSourcedIds", "agents", "users.csv has no column agentSourcedIds in line 1"),
        ("users.csv", ",role,", ",rolle,", "users.csv has no column role in line 1"),
        ("users.csv", "phone", "sms", "line 1, column 15 has the name of another one"),
        ("users.csv", "true,skole,student", 'true,"skole,student', "users.csv is no CSV|inside quotation marks"),
        ("orgs.csv", ",", ";", "orgs.csv has no column sourcedId in line 1"),
    ],
)
def test_unusable_rosters(sqlite_importer: Importer, name: str, old: str, new: str, words: str) -> None:
    before = sqlite_importer.everything()
    with pytest.raises(UsageError, match=words) as raised:
        sqlite_importer.apply("oneroster", folder(sqlite_importer.directory, changed(small_roster(), name, (old, new))))
    assert raised.value.exit_status is ExitStatus.UNUSABLE
    assert sqlite_importer.everything() == before


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"manifest.csv": manifest("1.1", "users")}, "says that there is a users.csv, and there is none"),
        ({"manifest.csv": manifest("1.1")}, "names no file of people"),
        ({"manifest.csv": manifest("1.2", "users"), "users.csv": "sourcedId\n"}, "nobody's role would be known"),
        ({"manifest.csv": manifest("1.1", delta=("users",)), "users.csv": "sourcedId\n"}, "has no column givenName"),
        ({"manifest.csv": manifest("1.1", "users"), "users.csv": ""}, r"users.csv is empty \(0 bytes\)"),
        ({"users.txt": ""}, "holds no .csv file"),
    ],
)
def test_files_that_are_missing(tmp_path: Path, files: Files, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        opened(folder(tmp_path, files))


def test_windows_1252_is_refused(tmp_path: Path) -> None:
    path = folder(tmp_path, small_roster())
    (path / "users.csv").write_bytes(small_roster()["users.csv"].encode("cp1252"))
    with pytest.raises(UsageError, match="is not UTF-8"):
        opened(path)


@pytest.mark.parametrize(
    ("module", "limit", "value", "words"),
    [
        (roster_table, "LONGEST_LINE", 150, "has a line that does not end"),
        (roster_files, "MOST_HELD", 2, "orgs.csv has more than 2 rows"),
    ],
)
def test_limits_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, limit: str, value: int, words: str
) -> None:
    path = folder(tmp_path, small_roster())
    assert opened(path)
    monkeypatch.setattr(module, limit, value)
    with pytest.raises(UsageError, match=words):
        opened(path)


def test_a_row_over_endless_lines(tmp_path: Path) -> None:
    rows = "\n".join(['"a', *('b","c' for _ in range(roster_table.MOST_LINES_A_ROW)), 'd"'])
    path = folder(tmp_path, small_roster())
    (path / "users.csv").write_text(small_roster()["users.csv"] + rows + "\n")
    with pytest.raises(UsageError, match="has a row that does not end"):
        opened(path)


def test_the_index_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    records = open_oneroster((folder(tmp_path, small_roster()),), TODAY).records
    next(records)
    (held,) = scratch.rglob("index")
    records.close()  # type: ignore[attr-defined]
    assert not held.exists()
    opened(folder(tmp_path, small_roster()))
    assert list(scratch.iterdir()) == []


@_REUSES
@given(cut=st.integers(0, len(PACKED) - 1))
def test_a_zip_cut_anywhere_never_changes_the_store(sqlite_importer: Importer, cut: int) -> None:
    before = sqlite_importer.everything()
    with pytest.raises(UsageError):
        sqlite_importer.apply("oneroster", sqlite_importer.file("roster.zip", PACKED[:cut]))
    assert sqlite_importer.everything() == before


_FIELD = st.one_of(
    st.sampled_from(
        ("", "nora", "kari", "skole", "2b", "student", "parent", "tobedeleted", "2026-08-17", "true", "t1")
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    name=st.sampled_from(sorted(set(small_roster("1.2")) - {"manifest.csv"})),
    fields=st.lists(_FIELD, min_size=1, max_size=20),
    version=st.sampled_from(("1.1", "1.2")),
)
def test_no_row_crashes_an_import(sqlite_importer: Importer, name: str, fields: list[str], version: str) -> None:
    """Any row at the end of any file is taken, refused with its place, or stops the import with a sentence."""
    files = small_roster(version)
    if name not in files:
        return
    width = files[name].splitlines()[0].count(",") + 1
    row = ",".join('"' + field.replace('"', '""') + '"' for field in (fields * width)[:width])
    try:
        path = folder(sqlite_importer.directory, {**files, name: files[name] + row + "\n"})
        with sqlite_importer.staged("oneroster", path) as staged:
            plan = staged.preview()
    except BeredskapError as error:
        assert error.exit_status is ExitStatus.UNUSABLE
    else:
        assert plan.records >= 20
        for each in plan.refusals:
            assert each.place.file in files
            assert each.place.record.startswith("line ")
