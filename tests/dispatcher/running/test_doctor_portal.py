"""Doctor on the portal: whether there are pages, and whether those whom they are for can log in."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import load_settings
from dispatcher.running.doctor import Status
from dispatcher.running.doctor_portal import portal_result

ADDRESS = '[portal]\npublic_url = "https://varsling.example"\n'
ID_PORTEN = '[id_porten]\nclient_id = "x"\nclient_secret = "s"\n'
BY_KEY = '[id_porten]\nclient_id = "x"\nprivate_key_file = "id-porten.pem"\n'
KEY_ID = 'key_id = "2026"\n'
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
        (ADDRESS + '[id_porten]\nclient_id = "x"\n', Status.FAIL, "either client_secret or private_key_file"),
        (ADDRESS + ID_PORTEN + 'private_key_file = "k.pem"\n' + KEY_ID, Status.FAIL, "and not both"),
        (ADDRESS + BY_KEY, Status.FAIL, "private_key_file and key_id belong together"),
        (ADDRESS + BY_KEY + KEY_ID, Status.FAIL, "The key for ID-porten, id-porten.pem, cannot be read"),
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


@pytest.mark.parametrize(
    ("mode", "content", "says"),
    [
        (0o640, "", "can be opened by other users of this machine (mode 0640)"),
        (0o600, "no key", "is no RSA key in PEM without a password"),
    ],
)
def test_the_key_for_id_porten(mode: int, content: str, says: str) -> None:
    Path("beredskap.toml").write_text(ADDRESS + BY_KEY + KEY_ID, encoding="utf-8")
    file = Path("id-porten.pem")
    file.write_text(content, encoding="utf-8")
    file.chmod(mode)
    found = portal_result(load_settings())
    assert found.status is Status.FAIL
    assert found.what.startswith("guardians cannot log in: The key for ID-porten") and says in found.what
