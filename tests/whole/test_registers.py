"""The scheduler asks the public registers by itself, and nothing of it stands in a log or an address."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import update

from config.keys import load_keys
from contacts.tables import PERSON
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.krr_files import MAIL, PHONE, active, contacts
from tests.contacts.imports.pifu_files import ADULT_NIN, EMIL_NIN, KARI_NIN, NORA_NIN, OLE_NIN
from tests.contacts.registers.asking import EMIL_NAME, KARI_NAME, NORA_NAME, RUTH_NIN, Asking
from tests.services.registers import PublicRegisters, served_registers
from tests.services.waiting import eventually
from tests.whole.conftest import Installation
from tests.whole.test_no_persons import leaks


@pytest.fixture
def registers() -> Iterator[PublicRegisters]:
    with served_registers() as registers:
        yield registers


def known_to(registers: PublicRegisters, installation: Installation) -> Asking:
    """A small school whose children are fifteen today, in the store and in the registers."""
    keys = load_keys(installation.data_dir / "beredskap.key")
    asking = Asking(Importer(installation.database, keys, installation.processes.directory), registers)
    asking.known()
    born = date(date.today().year - 15, 1, 1)
    with installation.database.write() as connection:
        children = [asking.importer.person(name).id for name in (NORA_NAME, EMIL_NAME)]
        connection.execute(update(PERSON).where(PERSON.c.id.in_(children)).values(birth_date=born))
    for number in (NORA_NIN, EMIL_NIN):
        registers.freg[number]["foedsel"][0]["foedselsdato"] = born.isoformat()
    registers.krr[KARI_NIN] = active(KARI_NIN, kontaktinformasjon=contacts(PHONE, MAIL))
    for section, values in registers.settings(asking.key_file).items():
        installation.set(section, **values)
    return asking


def test_the_scheduler_asks_by_itself(registers: PublicRegisters, embedded: Installation) -> None:
    asking = known_to(registers, embedded)
    embedded.set("log", level="debug")
    scheduler = embedded.start("scheduler")
    scheduler.wait_for('"register": "krr"', 60)
    importer = asking.importer
    assert (KARI_NAME, PHONE) in importer.points()
    assert (NORA_NAME, KARI_NAME, "custody") in importer.links()
    assert registers.numbers("freg") == {NORA_NIN, EMIL_NIN, KARI_NIN, OLE_NIN}
    assert registers.numbers("krr") == {KARI_NIN, OLE_NIN}
    checks = {check["name"]: check for check in embedded.run("doctor", "--json").json["checks"]}
    assert checks["registers"]["status"] == "ok"
    scheduler.terminate()
    assert scheduler.wait().status == 0
    personal = {NORA_NIN, EMIL_NIN, KARI_NIN, OLE_NIN, ADULT_NIN, RUTH_NIN, PHONE, PHONE.removeprefix("+47"), MAIL}
    assert leaks(embedded.logs(), personal) == set()
    assert leaks("\n".join(registers.paths), personal) == set()
    eventually(lambda: embedded.alive("scheduler") == 0, what="the scheduler has left")
