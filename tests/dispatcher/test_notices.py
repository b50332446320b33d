"""What a notice says of the school: who speaks, and whose school is not told."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.database import Database
from config.keys import create_key_file, load_keys
from config.settings import load_settings
from contacts.codes import Protection
from contacts.contact_points import point_to_verify
from dispatcher.routine.notices import Notices, send_verification_code
from providers.base import Channel
from tests.contacts.store import ContactStore


def test_the_main_school_speaks(database: Database, tmp_path: Path) -> None:
    create_key_file(tmp_path / "beredskap.key")
    settings = load_settings()
    with database.write() as connection:
        store = ContactStore(connection)
        student = store.student()
        for number, name in enumerate(("Andre vgs", "Eksempel vgs")):
            store.enrol(student, store.school(f"NO{number}", name), main=name == "Eksempel vgs")
        guardian = store.guardian(student)
        store.point(guardian, verified=None)
        person = store.found_guardian(guardian)
        point = point_to_verify(connection, person, None)
        queued = send_verification_code(connection, person, point, settings.organisation, "leder")
        notices = Notices(settings, load_keys(tmp_path / "beredskap.key"))
        assert notices.text(connection, queued.notice_id, "nb", Channel.SMS)[1].startswith("Eksempel vgs: ")


@pytest.mark.parametrize(
    ("protected", "speakers"),
    [
        ([{}], "Eksempel vgs"),
        ([{}, {}], "Innlandet fylkeskommune"),
        ([{"protection": Protection.CONFIDENTIAL}], "Innlandet fylkeskommune"),
        ([{"protection": Protection.STRICTLY_CONFIDENTIAL}], "Innlandet fylkeskommune"),
        ([{"protection_unknown": True}], "Innlandet fylkeskommune"),
        ([{}, {"protection": Protection.CONFIDENTIAL}], "Eksempel vgs"),
    ],
)
def test_the_school_of_a_protected_student_is_in_no_message(
    database: Database,
    protected: list[dict[str, object]],
    speakers: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BEREDSKAP_ORGANISATION__NAME", "Innlandet fylkeskommune")
    settings = load_settings()
    create_key_file(tmp_path / "beredskap.key")
    names = ["Eksempel vgs", "Andre vgs"]
    with database.write() as connection:
        store = ContactStore(connection)
        students = [
            store.student(str(number), school=store.school(f"NO{number}", name), **values)
            for number, (name, values) in enumerate(zip(names, protected, strict=False))
        ]
        guardian = store.guardian(*students)
        store.point(guardian, verified=None)
        person = store.found_guardian(guardian)
        point = point_to_verify(connection, person, None)
        queued = send_verification_code(connection, person, point, settings.organisation, "leder")
        notices = Notices(settings, load_keys(tmp_path / "beredskap.key"))
        for channel in (Channel.SMS, Channel.EMAIL):
            said = " ".join(notices.text(connection, queued.notice_id, "nb", channel))
            assert [name for name in (*names, "Innlandet fylkeskommune") if name in said] == [speakers]
