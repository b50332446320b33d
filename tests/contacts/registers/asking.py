"""Rounds of live calls in tests: a small school in the store, and the registers on loopback that are asked about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from config.clock import bound_db_now
from config.spare_sections import RegisterSettings
from contacts import tables
from contacts.national_id import NationalId, NationalIdError
from contacts.registers.calls import LiveRegister
from contacts.registers.events import EventsRead, read_events
from contacts.registers.register import FREG, KRR, Register
from contacts.registers.state import EVENTS
from contacts.registers.sync import Result, Round, sync_freg, sync_krr
from tests.contacts.imports.freg_files import document, responsible
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.pifu_files import (
    ADULT_NIN,
    EMIL,
    EMIL_NIN,
    KARI,
    KARI_NIN,
    NORA,
    NORA_NIN,
    OLE,
    OLE_NIN,
    Person,
    school,
)
from tests.services.registers import SCOPES, PublicRegisters

# An adult student and the mother whom the school still has for him.
ADULT = Person("p5", "Aksel", nin=ADULT_NIN, student_id="3B-001", born="2008-02-01", guardians=("p6",))
NORA_NAME, EMIL_NAME, KARI_NAME, OLE_NAME = "Nora Eksempel", "Emil Eksempel", "Kari Eksempel", "Ole Eksempel"


def valid_numbers() -> Iterator[str]:
    """Synthetic identity numbers, one after the other: born 1 January (month + 80) of 1975 and later."""
    for serial in range(100_000_000):
        head = f"0181{75 + serial // 1000:02d}{serial % 1000:03d}"
        for control in range(100):
            try:
                yield NationalId(f"{head}{control:02d}").number
            except NationalIdError:
                continue
            break


RUTH_NIN = next(valid_numbers())
RUTH = Person("p6", "Ruth", nin=RUTH_NIN)
NORAS_CUSTODY = [responsible(NORA_NIN, KARI_NIN), responsible(NORA_NIN, OLE_NIN)]


class Asking:
    """`importer` reads the store back; `registers` are the far end."""

    def __init__(self, importer: Importer, registers: PublicRegisters) -> None:
        self.importer = importer
        self.registers = registers
        self.key_file = registers.write_key(importer.directory / "maskinporten.pem")
        importer.pifu(school(NORA, EMIL, KARI, OLE, ADULT, RUTH, enrolled=("p1", "p4", "p5")))

    def known(self) -> None:
        """Let the population register know the two children and their parents."""
        self.registers.freg |= {
            NORA_NIN: document(NORA_NIN, name=("NORA", "EKSEMPEL"), custody=NORAS_CUSTODY),
            EMIL_NIN: document(
                EMIL_NIN, name=("EMIL", "EKSEMPEL"), born="2010-05-09", custody=[responsible(EMIL_NIN, KARI_NIN)]
            ),
            KARI_NIN: document(KARI_NIN, name=("KARI", "EKSEMPEL"), born="1975-07-14"),
            OLE_NIN: document(OLE_NIN, name=("OLE", "EKSEMPEL"), born="1970-08-21"),
        }

    def live(self, register: Register, **changed: Any) -> LiveRegister:
        section = self.registers.settings(self.key_file)[register.section]
        values = {"scope": SCOPES[register.section], "timeout_seconds": 5.0, **section, **changed}
        return LiveRegister(register, RegisterSettings.model_validate(values))

    def krr(self, **options: Any) -> Result:
        return self._round(sync_krr, KRR, options)

    def freg(self, **options: Any) -> Result:
        return self._round(sync_freg, FREG, options)

    def events(self, **options: Any) -> EventsRead:
        return self._round(read_events, FREG, options)

    @contextmanager
    def clock(self) -> Iterator[None]:
        with bound_db_now(self.importer.now):
            yield

    def _round(self, work: Callable[[Round, LiveRegister], Any], register: Register, options: dict[str, Any]) -> Any:
        one = Round(self.importer.database, self.importer.keys, "tester", trusted_sources=("krr",), **options)
        with self.clock():
            return work(one, self.live(register))

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of the store, but for the notes on how the calls went."""
        return {name: rows for name, rows in self.importer.everything().items() if name != "register_sync"}

    def state(self, name: str) -> Any:
        rows = self.importer.rows(tables.REGISTER_SYNC, tables.REGISTER_SYNC.c.name == name)
        return rows[0] if rows else None

    @property
    def position(self) -> int | None:
        state = self.state(EVENTS)
        return None if state is None else state.position
