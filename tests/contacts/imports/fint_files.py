"""FINT's answers in tests, of fictional people with synthetic numbers, and what the store made of them."""

from __future__ import annotations

from typing import Any

from contacts import tables
from contacts.facts import load_cases
from tests.contacts.imports.importing import TODAY, Importer
from tests.contacts.imports.pifu_files import EMIL_NIN, KARI_NIN, NORA_NIN, OLE_NIN, STRANGER_NIN

BASE = "https://api.felleskomponent.no"
Entry = dict[str, Any]


def number(nin: str) -> str:
    return f"/felles/person/fodselsnummer/{nin}"


def entry(resource: str, key: str, links: dict[str, list[str]] | None = None, **members: Any) -> Entry:
    """An entry of utdanning/elev with a systemId; `links` are given without the host."""
    own = f"/utdanning/elev/{resource}/systemid/{key}"
    told = {name: [{"href": BASE + address} for address in to] for name, to in {"self": [own], **(links or {})}.items()}
    return {"systemId": {"identifikatorverdi": key}, **members, "_links": told}


def person(
    nin: str,
    given: str,
    *,
    family: str = "Eksempel",
    born: str = "",
    mobile: str = "",
    email: str = "",
    malform: str = "",
    **relations: list[str],
) -> Entry:
    """`relations`: addresses under foreldre, foreldreansvar, parorende."""
    made = entry("person", "x", {"self": [number(nin)], **relations})
    del made["systemId"]
    made |= {"fodselsnummer": {"identifikatorverdi": nin}, "navn": {"fornavn": given, "etternavn": family}}
    if born:
        made["fodselsdato"] = born
    if mobile or email:
        made["kontaktinformasjon"] = {"mobiltelefonnummer": mobile, "epostadresse": email}
    if malform:
        made["_links"]["malform"] = [{"href": f"{BASE}/felles/kodeverk/iso/sprak/systemid/{malform}"}]
    return made


def pupil(key: str, nin: str, elevnummer: str, **relations: list[str]) -> Entry:
    return entry(
        "elev",
        key,
        {"person": [number(nin)], **relations},
        elevnummer={"identifikatorverdi": elevnummer},
        feidenavn={"identifikatorverdi": f"{key}@eksempel.no"},
    )


def placement(
    key: str,
    of: str,
    school: str = "/utdanning/utdanningsprogram/skole/skolenummer/NO-1",
    *,
    start: str | None = "2026-08-17T00:00:00Z",
    slutt: str | None = None,
    groups: dict[str, list[str]] | None = None,
    **members: Any,
) -> Entry:
    period = {"start": start, "slutt": slutt}
    relations = {"elev": [f"/utdanning/elev/elev/{of}"], "skole": [school], **(groups or {})}
    return entry("elevforhold", key, relations, gyldighetsperiode=period, **members)


def group(resource: str, key: str, name: str, **relations: list[str]) -> Entry:
    school = "/utdanning/utdanningsprogram/skole/systemid/s1"
    trinn = "/utdanning/utdanningsprogram/arstrinn/systemid/vg2"
    return entry(resource, key, {"skole": [school], "trinn": [trinn], **relations}, navn=name)


def member(resource: str, key: str, group: str, of: str, **members: Any) -> Entry:
    relations = {
        resource: [f"/utdanning/elev/{resource}/systemid/{group}"],
        "elevforhold": [f"/utdanning/elev/elevforhold/systemid/{of}"],
    }
    return entry(f"{resource}medlemskap", key, relations, **members)


def contact(key: str, given: str, mobile: str, **relations: list[str]) -> Entry:
    own = {"self": [f"/felles/kontaktperson/systemid/{key}"]}
    return entry(
        "kontaktperson",
        key,
        own | relations,
        type="bestemor",
        navn={"fornavn": given, "etternavn": "Eksempel"},
        kontaktinformasjon={"mobiltelefonnummer": mobile},
    )


def page(*entries: Any, total: int | None = None, offset: int = 0) -> dict[str, Any]:
    return {
        "_embedded": {"_entries": list(entries)},
        "_links": {"self": [{"href": BASE}]},
        "offset": offset,
        "total_items": len(entries) if total is None else total,
        "size": len(entries),
    }


NORA = person(NORA_NIN, "Nora", born="2010-03-01T23:00:00Z", malform="NN", foreldre=[number(KARI_NIN), number(OLE_NIN)])
EMIL = person(EMIL_NIN, "Emil", born="2010-05-09", foreldre=[number(KARI_NIN)])
KARI = person(
    KARI_NIN,
    "Kari",
    mobile="900 00 001",
    email="Kari@Example.com",
    malform="se",
    foreldreansvar=[number(NORA_NIN), number(EMIL_NIN)],
)
OLE = person(OLE_NIN, "Ole", mobile="+4790000002", foreldreansvar=[number(NORA_NIN)])
TEACHER = person(STRANGER_NIN, "Lærer", mobile="90000009")
SCHOOL = entry(
    "skole",
    "s1",
    {"self": ["/utdanning/utdanningsprogram/skole/systemid/s1"]},
    navn="Eksempel vgs",
    organisasjonsnummer={"identifikatorverdi": "999000111"},
    skolenummer={"identifikatorverdi": "NO-1"},
)
GRADE = entry("arstrinn", "vg2", {"self": ["/utdanning/utdanningsprogram/arstrinn/systemid/vg2"]}, navn="VG2")
PERSONS = (NORA, EMIL, KARI, OLE, TEACHER)
PUPILS = (pupil("e1", NORA_NIN, "2B-017"), pupil("e2", EMIL_NIN, "2B-018"))
PLACEMENTS = (placement("f1", "systemid/e1"), placement("f2", "Elevnummer/2b-018"))
MEMBERS = (member("klasse", "m1", "2b", "f1"), member("klasse", "m2", "2b", "f2"))


def roster(**changed: Any) -> dict[str, Any]:
    """A small school, whole, each resource as one page; None takes a resource out."""
    made = {
        "elev": page(*PUPILS),
        "elevforhold": page(*PLACEMENTS),
        "skole": page(SCHOOL),
        "arstrinn": page(GRADE),
        "klasse": page(group("klasse", "2b", "2B")),
        "klassemedlemskap": page(*MEMBERS),
        "person": page(*PERSONS),
    }
    return {name: content for name, content in (made | changed).items() if content is not None}


LINKS = {
    ("Nora Eksempel", "Kari Eksempel", "school_register"),
    ("Nora Eksempel", "Ole Eksempel", "school_register"),
    ("Emil Eksempel", "Kari Eksempel", "school_register"),
}
BOTH = {"Nora Eksempel", "Emil Eksempel"}


def with_person(*changed: dict[str, Any]) -> dict[str, Any]:
    """The roster with some persons changed, by their number."""
    by_number = {each["fodselsnummer"]["identifikatorverdi"]: each for each in (*PERSONS, *changed)}
    return roster(person=page(*by_number.values()))


def reasons(importer: Importer) -> dict[str, set[str]]:
    """What the rule says about each student's guardians today."""
    people = importer.people()
    ids = [row.person_id for row in importer.rows(tables.STUDENT)]
    with importer.database.read() as connection:
        cases = load_cases(connection, ids, TODAY, stale_after_months=18)
    return {
        people[case.student_id]: {case.decide(each, TODAY).reason.value for each in case.guardians} for case in cases
    }
