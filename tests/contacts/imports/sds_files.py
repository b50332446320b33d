"""School Data Sync rosters in tests: files as text, changed by hand. All people are fictional."""

from __future__ import annotations

from tests.contacts.imports.oneroster_files import Files


def small_sds() -> Files:
    """Nora and Emil at a school, Nora at another one, too; Kari and Ole, Randi, a doctor, and Tor, a teacher."""
    return {
        "orgs.csv": (
            "sourcedId,name,type,parentSourcedId\n"
            "fylke,Eksempel fylke,localAuthority,\n"
            "skole,Eksempel vgs,school,fylke\n"
            "annen,Annen vgs,adultEducation,fylke\n"
        ),
        "users.csv": (
            "sourcedId,username,givenName,familyName,password,activeDirectoryMatchId,email,phone,sms\n"
            "nora,nora@example.com,Nora,Eksempel,Hemmelig1,nora@example.com,nora@example.com,,+4741234567\n"
            "emil,emil@example.com,Emil,Eksempel,Hemmelig1,emil@example.com,,,\n"
            "kari,kari@example.com,Kari,Eksempel,,,kari@example.com,+4722334455,+4791234567\n"
            "ole,ole@example.com,Ole,Eksempel,,,ole@example.com,,\n"
            "randi,randi@example.com,Randi,Tante,,,,,+4791234568\n"
            "lege,lege@example.com,Lena,Lege,,,lege@example.com,,\n"
            "tor,tor@example.com,Tor,Lærer,,,tor@example.com,,+4791234569\n"
            "ida,ida@example.com,Ida,Eksempel,,,ida@example.com,,\n"
        ),
        "roles.csv": (
            "userSourcedId,orgSourcedId,role,sessionSourcedId,grade,isPrimary,roleStartDate,roleEndDate\n"
            "nora,skole,student,t1,12,TRUE,,\n"
            "nora,annen,student,,,FALSE,2026-08-17,2026-11-23\n"
            "emil,skole,student,t1,11,true,2026-08-17,2027-06-18\n"
            "tor,skole,teacher,t1,,,,\n"
            "tor,fylke,administrator,,,,,\n"
            "ida,skole,student,t0,13,TRUE,,\n"
        ),
        "classes.csv": (
            "sourcedId,orgSourcedId,title,sessionSourcedIds,courseSourcedId\n"
            "2b,skole,2B,t1,k\n"
            'mat,skole,Matematikk,"t0,t1",k\n'
            "gammel,skole,1B,t0,k\n"
        ),
        "enrollments.csv": (
            "classSourcedId,userSourcedId,role\n"
            "2b,nora,student\n"
            "mat,nora,student\n"
            "2b,emil,student\n"
            "gammel,emil,student\n"
            "2b,tor,teacher\n"
        ),
        "relationships.csv": (
            "userSourcedId,relationshipUserSourcedId,relationshipRole\n"
            "nora,kari,guardian\n"
            "emil,kari,Parent\n"
            "nora,ole,parent\n"
            "emil,randi,relative\n"
            "nora,lege,doctor\n"
            "emil,tor,other\n"
            "ida,ole,parent\n"
        ),
        "demographics.csv": (
            "userSourcedId,sex,birthDate,birthCity,birthState,birthCountry,ethnicityCodes,raceCodes\n"
            "nora,female,2009-05-17,,,,,\n"
            "emil,male,2010-02-28,,,,,\n"
            "tor,male,1980-02-12,,,,,\n"
        ),
        "academicSessions.csv": (
            "sourcedId,title,type,schoolYear,startDate,endDate\n"
            "t1,2026/27,schoolYear,2027,2026-08-17,2027-06-18\n"
            "t0,2025/26,schoolYear,2026,2025-08-18,2026-06-19\n"
        ),
    }
