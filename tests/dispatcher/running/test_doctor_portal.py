"""Doctor on the portal: whether there are pages, and whether those whom they are for can log in."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import load_settings
from dispatcher.running.doctor import Status
from dispatcher.running.doctor_portal import portal_result

ADDRESS = '[portal]\npublic_url = "https://varsling.example"\n'
ID_PORTEN = '[id_porten]\nclient_id = "x"\n'
FEIDE = '[feide]\nclient_id = "y"\n'
REALM = 'realm = "provedal.example"\n'
LEADER = '[operators."leder"]\nroles = ["county_leader"]\n'
NAME = 'feide = "leder@provedal.example"\n'


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        ("", Status.OK, "no portal.public_url"),
        (ID_PORTEN + FEIDE, Status.OK, "no portal.public_url"),
        (ADDRESS, Status.WARN, "guardians cannot log in"),
        (ADDRESS + ID_PORTEN, Status.WARN, "students and staff cannot log in"),
        (ADDRESS + ID_PORTEN + FEIDE, Status.WARN, "no Feide name"),
        (ADDRESS + ID_PORTEN + FEIDE + REALM, Status.WARN, "no operator has a Feide name"),
        (ADDRESS + ID_PORTEN + FEIDE + REALM + LEADER, Status.WARN, "no operator has a Feide name"),
        (ADDRESS + ID_PORTEN + FEIDE + REALM + LEADER + NAME, Status.OK, "one member of staff"),
        ('[portal]\npublic_url = "http://varsling.example"\n', Status.FAIL, "portal.public_url"),
        (ADDRESS + '[id_porten]\nissuer = "idporten.no"\n', Status.FAIL, "id_porten.issuer"),
        (ADDRESS + '[feide]\nrealm = "@provedal"\n', Status.FAIL, "feide.realm"),
    ],
)
def test_what_the_settings_make_of_the_portal(content: str, status: Status, says: str) -> None:
    Path("beredskap.toml").write_text(content, encoding="utf-8")
    found = portal_result(load_settings())
    assert found.status is status
    assert says in found.what
    assert bool(found.remedy) is (status is not Status.OK)
    assert "{" not in found.remedy
