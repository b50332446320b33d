"""PIFU-IMS exports in tests, put together from people and classes. All of them are fictional."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

NAMESPACE = "http://pifu.no/xsd/pifu-ims_sas/pifu-ims_sas-v1"
SOURCE = "sas@eksempel.no"


@dataclass(frozen=True)
class Person:
    key: str
    given: str
    family: str = "Eksempel"
    nin: str = ""
    student_id: str = ""
    born: str = ""
    tels: tuple[tuple[str, str], ...] = ()  # (teltype, number)
    mobile: str = ""
    email: str = ""
    language: str = ""
    guardians: tuple[str, ...] = ()
    next_of_kin: tuple[str, ...] = ()
    old_keys: tuple[str, ...] = ()
    recstatus: str = ""

    def xml(self) -> str:
        ids = "".join(sourcedid(key, "Old") for key in self.old_keys)
        ids += sourcedid(self.key, "New" if self.old_keys else "")
        users = f'<userid useridtype="personNIN">{self.nin}</userid>' if self.nin else ""
        users += f'<userid useridtype="studentID">{self.student_id}</userid>' if self.student_id else ""
        name = f"<name><fn>{self.given} {self.family}</fn>"
        name += f"<n><family>{self.family}</family><given>{self.given}</given></n></name>"
        born = f"<demographics><bday>{self.born}</bday></demographics>" if self.born else ""
        email = f"<email>{self.email}</email>" if self.email else ""
        tels = "".join(f'<tel teltype="{kind}">{number}</tel>' for kind, number in self.tels)
        more = f'<pifu_tel type="personMobilePrivate">{self.mobile}</pifu_tel>' if self.mobile else ""
        if self.language:
            more += f'<pifu_preferredLanguage source="ISO 639-1">{self.language}</pifu_preferredLanguage>'
        for kind, keys in (("guardian", self.guardians), ("nextOfKin", self.next_of_kin)):
            more += "".join(
                f'<pifu_hasContactPerson type="{kind}">{sourcedid(key)}</pifu_hasContactPerson>' for key in keys
            )
        status = f' recstatus="{self.recstatus}"' if self.recstatus else ""
        return f"<person{status}>{ids}{users}{name}{born}{email}{tels}<extension>{more}</extension></person>"


@dataclass(frozen=True)
class Group:
    key: str
    name: str
    kind: str = "basisgruppe"
    parent: str = "skole"
    number: str = ""
    ends: str = ""

    def xml(self) -> str:
        scheme = "pifu-ims-go-org" if self.kind in ("skole", "skoleeier") else "pifu-ims-go-grp"
        time = f"<timeframe><end>{self.ends}</end></timeframe>" if self.ends else ""
        number = (
            '<extension><pifu_id type="organizationNumber">'
            f"<pifu_value>{self.number}</pifu_value></pifu_id></extension>"
            if self.number
            else ""
        )
        return (
            f"<group>{sourcedid(self.key)}<grouptype><scheme>{scheme}</scheme>"
            f'<typevalue level="1">{self.kind}</typevalue></grouptype><description><short>{self.name}</short>'
            f'</description>{time}<relationship relation="1">{sourcedid(self.parent)}<label>x</label></relationship>'
            f"{number}</group>"
        )


def members(group: str, *keys: str, roletype: str = "01", status: str = "1", timeframe: str = "") -> str:
    inside = "".join(
        f'<member>{sourcedid(key)}<idtype>1</idtype><role roletype="{roletype}"><status>{status}</status>'
        f"{timeframe}</role></member>"
        for key in keys
    )
    return f"<membership>{sourcedid(group)}{inside}</membership>"


def sourcedid(key: str, kind: str = "") -> str:
    attribute = f' sourcedidtype="{kind}"' if kind else ""
    return f"<sourcedid{attribute}><source>{SOURCE}</source><id>{key}</id></sourcedid>"


def export(*parts: Person | Group | str, kind: str = "full", source: str = SOURCE, namespace: str = NAMESPACE) -> str:
    body = "\n".join(part if isinstance(part, str) else part.xml() for part in parts)
    xmlns = f' xmlns="{namespace}"' if namespace else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<enterprise{xmlns}><properties lang="no">'
        f"<datasource>{source}</datasource><type>{kind}</type><datetime>2026-11-23T06:00:00</datetime></properties>\n"
        f"{body}\n</enterprise>\n"
    )


SCHOOL = Group("skole", "Eksempel vgs", "skole", "eier", number="999000111")
CLASS = Group("2b", "2B")

# Synthetic numbers (month + 80) with right check digits.
NORA_NIN = "02831090017"
NORA_OLD_NIN = "02831070091"
EMIL_NIN = "09851090050"
KARI_NIN = "14877510078"
OLE_NIN = "21887010037"
OLE_OLD_NIN = "21887030062"
ADULT_NIN = "01820860019"
BABY_NIN = "03832660182"
STRANGER_NIN = "05858020052"

NORA = Person("p1", "Nora", nin=NORA_NIN, student_id="2B-017", born="2010-03-02", language="nn", guardians=("p2", "p3"))
EMIL = Person("p4", "Emil", nin=EMIL_NIN, student_id="2B-018", born="2010-05-09", guardians=("p2",))
KARI = Person("p2", "Kari", nin=KARI_NIN, mobile="+4790000001", email="Kari@Example.com", language="sme")
OLE = Person("p3", "Ole", nin=OLE_NIN, tels=(("1", "+4722000001"), ("2", "+4722000002")), email="ole@example.com")
TEACHER = Person("p9", "Lærer", mobile="+4790000009", next_of_kin=("p3",))


def school(*people: Person, enrolled: Sequence[str] = ("p1", "p4"), **options: str) -> str:
    """One school with one class; `enrolled` go to it."""
    return export(
        *people,
        SCHOOL,
        CLASS,
        members("skole", *enrolled),
        members("2b", *enrolled),
        members("skole", "p9", roletype="02"),
        **options,
    )


def small_school(**options: str) -> str:
    return school(NORA, EMIL, KARI, OLE, TEACHER, **options)


__all__ = ["replace"]
