"""OneRoster rosters in tests: files as text, changed by hand, in a folder or a zip. All people are fictional."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from tests.contacts.imports.importing import Importer

Files = dict[str, str]
NORA, EMIL, KARI, OLE = "Nora Eksempel", "Emil Eksempel", "Kari Eksempel", "Ole Eksempel"
RANDI = "Randi Tante"


def manifest(version: str, *bulk: str, delta: tuple[str, ...] = ()) -> str:
    files = (*bulk, *delta)
    every = ("academicSessions", "classes", "courses", "demographics", "enrollments", "orgs", "roles", "users")
    lines = ["propertyName,value", "manifest.version,1.0", f"oneroster.version,{version}"]
    lines += [f"file.{name},absent" for name in every if name not in files]
    lines += [f"file.{name},bulk" for name in bulk] + [f"file.{name},delta" for name in delta]
    return "\n".join([*lines, "source.systemName,Eksempel SAS", "source.systemCode,sas"]) + "\n"


_COMMON = {
    "academicSessions.csv": (
        "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear\n"
        "t1,,,2026/27,schoolYear,2026-08-17,2027-06-19,,2027\n"
        "t0,,,2025/26,schoolYear,2025-08-17,2026-06-20,,2026\n"
    ),
    "orgs.csv": (
        "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\n"
        "fylke,,,Eksempel fylke,district,,\n"
        "skole,,,Eksempel vgs,school,999 888 777,fylke\n"
        "annen,,,Annen vgs,school,,fylke\n"
    ),
    "classes.csv": (
        "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,"
        "termSourcedIds,subjects,subjectCodes,periods\n"
        "2b,,,2B,12,k,,homeroom,,skole,t1,,,\n"
        "mat,,,Matematikk,,k,,scheduled,,skole,t1,,,\n"
        "gammel,,,1B,11,k,,homeroom,,skole,t0,,,\n"
    ),
    "enrollments.csv": (
        "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate\n"
        "e1,,,2b,skole,nora,student,,,\n"
        "e2,,,mat,skole,nora,student,,,2026-11-23\n"
        "e3,,,2b,skole,emil,student,,2026-08-17,\n"
        "e4,,,gammel,skole,emil,student,,,\n"
        "e5,,,2b,skole,tor,teacher,true,,\n"
    ),
    "demographics.csv": (
        "sourcedId,status,dateLastModified,birthDate,sex\nnora,,,2009-05-17,female\nemil,,,2010-02-28,male\n"
    ),
}
# Kari is named at her children, Ole names his, and Randi, Emil and Nora, and Tor the teacher are agents, too.
USERS_1_1 = (
    "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,middleName,"
    "identifier,email,sms,phone,agentSourcedIds,grades,password\n"
    'nora,,,true,"skole,annen",student,nora,,Nora,Eksempel,,2B-017,nora@example.com,41234567,,"kari,tor,emil",12,\n'
    "emil,,,true,skole,student,emil,,Emil,Eksempel,,2B-018,,,,kari,12,\n"
    "kari,,,true,skole,guardian,kari,,Kari,Eksempel,,,kari@example.com,91234567,22334455,,,\n"
    'ole,,,true,skole,parent,ole,,Ole,Eksempel,,,ole@example.com,,,"nora,kari",,\n'
    "randi,,,true,skole,relative,randi,,Randi,Tante,,,,91234568,,emil,,\n"
    "tor,,,true,skole,teacher,tor,,Tor,Lærer,,,tor@example.com,91234569,,nora,,\n"
)
USERS_1_2 = (
    "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,sms,"
    "phone,agentSourcedIds,grades,password,userMasterIdentifier,preferredGivenName,primaryOrgSourcedId,pronouns\n"
    'nora,,,true,nora,,Nora,Eksempel,,2B-017,nora@example.com,41234567,,"kari,tor,emil",12,,,,skole,\n'
    "emil,,,true,emil,,Emil,Eksempel,,2B-018,,,,kari,12,,,,,\n"
    "kari,,,true,kari,,Kari,Eksempel,,,kari@example.com,91234567,22334455,,,,,,,\n"
    'ole,,,true,ole,,Ole,Eksempel,,,ole@example.com,,,"nora,kari",,,,,,\n'
    "randi,,,true,randi,,Randi,Tante,,,,91234568,,emil,,,,,,\n"
    "tor,,,true,tor,,Tor,Lærer,,,tor@example.com,91234569,,nora,,,,,,\n"
)
ROLES = (
    "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId\n"
    "r1,,,nora,primary,student,2026-08-17,,skole,\n"
    "r2,,,nora,secondary,student,,,annen,\n"
    "r3,,,emil,primary,student,,2027-06-19,skole,\n"
    "r4,,,kari,primary,guardian,,,skole,\n"
    "r5,,,ole,primary,parent,,,skole,\n"
    "r6,,,randi,primary,relative,,,skole,\n"
    "r7,,,tor,primary,teacher,,,skole,\n"
    "r8,,,tor,secondary,parent,,2026-11-23,skole,\n"
)
_BULK = ("academicSessions", "classes", "demographics", "enrollments", "orgs", "users")


def small_roster(version: str = "1.1") -> Files:
    if version == "1.1":
        return {"manifest.csv": manifest("1.1", *_BULK), **_COMMON, "users.csv": USERS_1_1}
    return {"manifest.csv": manifest("1.2", *_BULK, "roles"), **_COMMON, "users.csv": USERS_1_2, "roles.csv": ROLES}


def changed(files: Files, name: str, *pairs: tuple[str, str]) -> Files:
    """The same roster with words of one file replaced; each of them must be there."""
    text = files[name]
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    return {**files, name: text}


def folder(directory: Path, files: Files) -> Path:
    """The roster as a folder: the files of an earlier one are gone."""
    path = directory / "roster"
    path.mkdir(exist_ok=True)
    for old in path.iterdir():
        old.unlink()
    for name, text in files.items():
        (path / name).write_bytes(text.encode())
    return path


def zip_bytes(files: Files, inside: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(f"{inside}{name}"), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def links(basis: str) -> set[tuple[str, str, str]]:
    return {(NORA, KARI, basis), (EMIL, KARI, basis), (NORA, OLE, basis), (EMIL, RANDI, "contact_person")}


def apply(importer: Importer, files: Files, kind: str = "oneroster", **options: int) -> dict[str, str]:
    """Import the roster; the refusals, by place and reason."""
    plan = importer.apply(kind, folder(importer.directory, files), **options)
    return {f"{each.place.file}, {each.place.record}": each.reason for each in plan.refusals}


def delta(version: str = "1.1", **files: str) -> Files:
    told = {f"{name}.csv": text for name, text in files.items()}
    return {"manifest.csv": manifest(version, delta=tuple(files)), **told}


def lines(name: str, *starts: str, version: str = "1.1") -> str:
    """The header of a file, and those of its lines that begin so."""
    header, *rest = small_roster(version)[f"{name}.csv"].splitlines()
    return "\n".join([header, *(line for line in rest if line.startswith(starts))]) + "\n"
