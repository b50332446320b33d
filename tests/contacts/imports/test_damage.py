"""Damaged files: whatever is cut off, shuffled or thrown at an importer, nothing half-enters and nothing crashes."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.errors import BeredskapError, ExitStatus, UsageError
from tests.contacts.imports.fint_files import PERSONS, PLACEMENTS, PUPILS, page, roster
from tests.contacts.imports.fint_files import SCHOOL as FINT_SCHOOL
from tests.contacts.imports.freg_files import document, responsible
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.oneroster_files import folder, small_roster, zip_bytes
from tests.contacts.imports.pifu_files import (
    CLASS,
    EMIL,
    KARI,
    NORA,
    OLE,
    SCHOOL,
    TEACHER,
    export,
    members,
    small_school,
)
from tests.contacts.imports.sds_files import small_sds

# The importer keeps one store on purpose: the examples are to leave it as it is.
_REUSES = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
PIFU = small_school().encode()
NORAS = document(NORA.nin, custody=[responsible(NORA.nin, KARI.nin)])
FREG = json.dumps({"oppslag": [{"foedselsEllerDNummer": NORA.nin, "folkeregisterperson": NORAS}]}).encode()
ROSTER = zip_bytes(small_roster())
SDS = zip_bytes(small_sds())
# Of all resources at once: which is which, each entry says itself.
FINT = json.dumps(page(*PUPILS, *PLACEMENTS, FINT_SCHOOL, *PERSONS)).encode()
CSV = 'student;family_name;basis;phone\n2B-017;Bjørn Ås;foster;91234567\n2B-018;"Ås; Liv";foster;91234568\n'.encode()


@_REUSES
@given(cut=st.integers(0, len(PIFU) - 1))
def test_pifu_cut_anywhere_never_changes_the_store(sqlite_importer: Importer, cut: int) -> None:
    # The end of the document is the end of its last tag: what follows is blank.
    whole = len(PIFU.rstrip())
    before = sqlite_importer.everything()
    if cut >= whole:
        return
    with pytest.raises(UsageError) as raised:
        sqlite_importer.apply("pifu", sqlite_importer.file("elever.xml", PIFU[:cut]))
    assert raised.value.exit_status is ExitStatus.UNUSABLE
    assert sqlite_importer.everything() == before


@_REUSES
@given(cut=st.integers(0, len(FREG) - 1))
def test_freg_cut_anywhere_never_changes_the_store(sqlite_importer: Importer, cut: int) -> None:
    before = sqlite_importer.everything()
    with pytest.raises(UsageError):
        sqlite_importer.apply("freg", sqlite_importer.file("svar.json", FREG[:cut]))
    assert sqlite_importer.everything() == before


@_REUSES
@given(cut=st.integers(0, len(FINT) - 1))
def test_fint_cut_anywhere_never_changes_the_store(sqlite_importer: Importer, cut: int) -> None:
    before = sqlite_importer.everything()
    with pytest.raises(UsageError):
        sqlite_importer.apply("fint", sqlite_importer.file("svar.json", FINT[:cut]))
    assert sqlite_importer.everything() == before


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(("2026-01-01", "/elev/elev/x/1")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("href", "self", "elev")), inner),
    max_leaves=6,
)


@_REUSES
@given(
    resource=st.sampled_from(sorted(roster())),
    member=st.sampled_from(
        ("_links", "systemId", "gyldighetsperiode", "navn", "fodselsnummer", "fodselsdato", "kontaktinformasjon")
    ),
    value=_JSON,
)
def test_fint_with_anything_anywhere_never_crashes(
    sqlite_importer: Importer, resource: str, member: str, value: object
) -> None:
    content = roster()
    first, *others = content[resource]["_embedded"]["_entries"]
    content[resource] = page(first | {member: value}, *others)
    with sqlite_importer.staged("fint", sqlite_importer.folder("svar", **content)) as staged:
        staged.preview()


_FIELD = st.one_of(
    st.sampled_from(("", "nora", "kari", "skole", "2b", "student", "guardian", "2026-08-17", "true", "t1", "12")),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)


@_REUSES
@given(name=st.sampled_from(sorted(small_sds())), fields=st.lists(_FIELD, min_size=1, max_size=9))
def test_no_row_crashes_an_import_of_school_data_sync(sqlite_importer: Importer, name: str, fields: list[str]) -> None:
    """Any row at the end of any file is taken, refused with its place, or stops the import with a sentence."""
    files = small_sds()
    width = files[name].splitlines()[0].count(",") + 1
    row = ",".join('"' + field.replace('"', '""') + '"' for field in (fields * width)[:width])
    try:
        path = folder(sqlite_importer.directory, {**files, name: files[name] + row + "\n"})
        with sqlite_importer.staged("sds", path) as staged:
            plan = staged.preview()
    except BeredskapError as error:
        assert error.exit_status is ExitStatus.UNUSABLE
    else:
        assert {each.place.file for each in plan.refusals} <= set(files)


@_REUSES
@given(
    content=st.binary(max_size=300),
    kind=st.sampled_from(("pifu", "freg", "krr", "guardians", "oneroster", "fint", "sds")),
)
def test_random_bytes_never_crash(sqlite_importer: Importer, content: bytes, kind: str) -> None:
    before = sqlite_importer.everything()
    try:
        plan = sqlite_importer.apply(kind, sqlite_importer.file("fil", content))
    except BeredskapError as error:
        assert error.exit_status is ExitStatus.UNUSABLE
    else:
        assert plan.changes == 0
    assert sqlite_importer.everything() == before


@_REUSES
@given(
    base=st.sampled_from(
        (
            ("pifu", PIFU),
            ("freg", FREG),
            ("guardians", CSV),
            ("oneroster", ROSTER),
            ("fint", FINT),
            ("sds", SDS),
        )
    ),
    place=st.floats(0, 1, exclude_max=True),
    noise=st.binary(min_size=1, max_size=4),
)
def test_a_few_wrong_bytes_never_crash(
    sqlite_importer: Importer, base: tuple[str, bytes], place: float, noise: bytes
) -> None:
    kind, whole = base
    at = int(place * len(whole))
    try:
        with sqlite_importer.staged(
            kind, sqlite_importer.file("fil", whole[:at] + noise + whole[at + len(noise) :])
        ) as staged:
            staged.preview()
    except BeredskapError as error:
        assert error.exit_status is ExitStatus.UNUSABLE


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000))
def test_the_order_of_records_does_not_matter(sqlite_importer: Importer, seed: int) -> None:
    """The first order fills the store; any other finds nothing to change in it, and nothing else to refuse."""
    records = [NORA, EMIL, KARI, OLE, TEACHER, SCHOOL, CLASS, members("skole", "p1", "p4"), members("2b", "p1", "p4")]
    sqlite_importer.pifu(export(*records))
    facts = sqlite_importer.without_ids()
    random.Random(seed).shuffle(records)
    assert sqlite_importer.pifu(export(*records)).changes == 0
    assert sqlite_importer.without_ids() == facts


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_files_and_entries_of_fint_does_not_matter(sqlite_importer: Importer, seed: int) -> None:
    sqlite_importer.fint(**roster())
    facts = sqlite_importer.without_ids()
    content = roster()
    for answer in content.values():
        random.Random(seed).shuffle(answer["_embedded"]["_entries"])
    names = sorted(content)
    random.Random(seed).shuffle(names)
    # The files are read in the order of their names; what they hold, their entries say.
    turned = {f"fil{number}": content[name] for number, name in enumerate(names)}
    assert sqlite_importer.fint(**turned).changes == 0
    assert sqlite_importer.without_ids() == facts


@pytest.mark.parametrize("seed", range(4))
def test_shuffled_records_make_the_same_store(importer: Importer, seed: int) -> None:
    records = [NORA, EMIL, KARI, OLE, TEACHER, SCHOOL, CLASS, members("skole", "p1", "p4"), members("2b", "p1", "p4")]
    random.Random(seed).shuffle(records)
    importer.pifu(export(*records))
    assert importer.without_ids() == {
        "people": [
            ("", "Kari Eksempel", None, False, "none", "se"),
            ("", "Ole Eksempel", None, False, "none", ""),
            ("2B-017", "Nora Eksempel", importer.person("Nora Eksempel").birth_date, False, "none", "nn"),
            ("2B-018", "Emil Eksempel", importer.person("Emil Eksempel").birth_date, False, "none", ""),
        ],
        "students": {"Nora Eksempel", "Emil Eksempel"},
        "links": {
            ("Nora Eksempel", "Kari Eksempel", "school_register"),
            ("Nora Eksempel", "Ole Eksempel", "school_register"),
            ("Emil Eksempel", "Kari Eksempel", "school_register"),
        },
        "over": set(),
        "points": {
            ("Kari Eksempel", "+4790000001"),
            ("Kari Eksempel", "kari@example.com"),
            ("Ole Eksempel", "+4722000001"),
            ("Ole Eksempel", "ole@example.com"),
        },
        "schools": {("Nora Eksempel", "Eksempel vgs"), ("Emil Eksempel", "Eksempel vgs")},
        "groups": {("Nora Eksempel", "2B"), ("Emil Eksempel", "2B")},
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"\x00\x01", "no XML"),
        (b"hello", "no XML"),
        (b"<html></html>", "no PIFU-IMS export"),
        (PIFU.replace(b"<type>full</type>", b""), "whether it is full"),
        (PIFU.replace(b"sas@eksempel.no</datasource>", b"</datasource>"), "names no data source"),
        (PIFU.replace(b"Nora", b"N\xf8ra"), "not in the encoding"),
        (PIFU.replace(b'encoding="UTF-8"', b'encoding="EBCDIC-XX"'), "not in the encoding"),
        (PIFU.replace(b"Nora", b"&nora;"), "entity"),
        (PIFU.replace(b"</person>", b"</group>", 1), "no well-formed XML"),
        (PIFU.replace(b"<enterprise", b'<!DOCTYPE x [<!ENTITY a "b">]><enterprise', 1), "document type declaration"),
        (PIFU.replace(b"<enterprise", b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><enterprise', 1), "document type"),
    ],
)
def test_unusable_pifu(sqlite_importer: Importer, content: bytes, words: str) -> None:
    before = sqlite_importer.everything()
    with pytest.raises(UsageError, match=words):
        sqlite_importer.apply("pifu", sqlite_importer.file("elever.xml", content))
    assert sqlite_importer.everything() == before


def test_a_file_cut_off_says_where(sqlite_importer: Importer) -> None:
    cut = PIFU.index(b"<given>Kari") + 4
    with pytest.raises(UsageError) as raised:
        sqlite_importer.apply("pifu", sqlite_importer.file("elever.xml", PIFU[:cut]))
    byte = f"{cut:,}".replace(",", " ")
    assert str(raised.value) == (
        f"Import stopped: elever.xml is not complete (the file ends inside <person> 3, byte {byte}).\n"
        "Nothing was changed. Export the file again, or check that the copy was not cut off."
    )


def test_utf_16_is_understood(importer: Importer) -> None:
    text = small_school().replace('encoding="UTF-8"', 'encoding="UTF-16"')
    importer.apply("pifu", importer.file("elever.xml", text.encode("utf-16")))
    assert importer.students() == {"Nora Eksempel", "Emil Eksempel"}
