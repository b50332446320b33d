"""What the fuzzer begins with: for each importer the hand-made files of the tests, and the samples when they are there.

A format of several files is fed as one piece: the files behind each other, each led in by its name, or a zip.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.contacts.imports.fint_files import roster as fint_roster
from tests.contacts.imports.freg_files import document, responsible
from tests.contacts.imports.krr_files import active, contacts, deleted, never_registered
from tests.contacts.imports.oneroster_files import Files, small_roster, zip_bytes
from tests.contacts.imports.pifu_files import KARI, NORA, OLE, small_school
from tests.contacts.imports.sds_files import small_sds

ROOT = Path(__file__).parents[1]
SAMPLES = Path(os.environ.get("BEREDSKAP_SAMPLES", ROOT.parent / "shared" / "samples"))
_BETWEEN = b"\x1e"
_NAME = re.compile(rb"[A-Za-z0-9_.]{1,40}")
_CSV = 'student;family_name;basis;phone\n2B-017;Bjørn Ås;foster;91234567\n2B-018;"Ås; Liv";appointed;91234568\n'
_CONSENT = (
    "student,guardian_ref,guardian_nin,given_name,family_name,basis,decision_ref,student_agreed,valid_from,valid_to,"
    "consent,consent_date,evidence,phone,email,language\n"
    "2B-017,tante,,Randi,Tante,contact_person,2026/1,yes,2026-08-01,2027-06-30,alerts,2026-11-01,skjema 4,,a@b.no,nn\n"
)


@dataclass(frozen=True, slots=True)
class Target:
    """`file`: what one input is written as; None where an input is a bundle of files, or their zip.

    `basis`: the format and input with which the store is filled first.
    """

    file: str | None
    basis: tuple[str, bytes]
    seeds: Callable[[], Iterator[bytes]]


def bundle(files: Files) -> bytes:
    return _BETWEEN.join(f"{name}\n{text}".encode() for name, text in files.items())


def unbundled(content: bytes) -> dict[str, bytes]:
    """The files of an input, those with a usable name."""
    parts = (part.partition(b"\n") for part in content.split(_BETWEEN))
    return {name.decode(): text for name, _, text in parts if _NAME.fullmatch(name) and name.strip(b".")}


def words(seeds: Iterator[bytes]) -> set[bytes]:
    """Words that an input of the format is made of, for libFuzzer's dictionary."""
    return {
        word for seed in seeds if not seed.startswith(b"PK") for word in re.findall(rb"[A-Za-z0-9_.:-]{2,30}", seed)
    }


def _samples(folder: str, *endings: str) -> Iterator[Path]:
    for path in sorted((SAMPLES / folder).glob("*")) if (SAMPLES / folder).is_dir() else ():
        if path.suffix in endings:
            yield path


def _pifu() -> Iterator[bytes]:
    yield small_school().encode()
    yield small_school(kind="full").encode()
    yield from (path.read_bytes() for path in _samples("pifu", ".xml"))


def _freg() -> Iterator[bytes]:
    noras = document(NORA.nin, custody=[responsible(NORA.nin, KARI.nin)])
    yield json.dumps(noras).encode()
    yield json.dumps({"oppslag": [{"foedselsEllerDNummer": NORA.nin, "folkeregisterperson": noras}]}).encode()
    yield from (path.read_bytes() for path in _samples("freg", ".json"))


def _krr() -> Iterator[bytes]:
    persons = [
        active(KARI.nin, kontaktinformasjon=contacts("+4799900111", "kari@eksempel.example", shared="JA"), spraak="nn"),
        deleted(OLE.nin),
        never_registered(NORA.nin),
    ]
    yield json.dumps({"personer": persons}).encode()
    yield from (path.read_bytes() for path in _samples("krr", ".json"))


def _guardians() -> Iterator[bytes]:
    yield _CSV.encode()
    yield _CONSENT.encode()


def _oneroster() -> Iterator[bytes]:
    for version in ("1.1", "1.2"):
        yield bundle(small_roster(version))
        yield zip_bytes(small_roster(version))


def _sds() -> Iterator[bytes]:
    yield bundle(small_sds())
    yield zip_bytes(small_sds())
    if sample := {path.name: path.read_text("utf-8") for path in _samples("ms-sds-v2.1", ".csv")}:
        yield bundle(sample)


def _fint() -> Iterator[bytes]:
    yield bundle({f"{name}.json": json.dumps(content) for name, content in fint_roster().items()})
    yield from (bundle({path.name: path.read_text("utf-8")}) for path in _samples("fint", ".json"))


_SCHOOL = ("pifu", small_school().encode())
TARGETS = {
    "pifu": Target("fil.xml", _SCHOOL, _pifu),
    "freg": Target("fil.json", _SCHOOL, _freg),
    "krr": Target("fil.json", _SCHOOL, _krr),
    "oneroster": Target(None, ("oneroster", bundle(small_roster())), _oneroster),
    "fint": Target(None, ("fint", next(_fint())), _fint),
    "sds": Target(None, ("sds", bundle(small_sds())), _sds),
    "guardians": Target("fil.csv", _SCHOOL, _guardians),
}
