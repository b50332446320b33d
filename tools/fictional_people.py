"""Made-up people: students, households and numbers that only a sandbox should ever be given. Follows from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

GIVEN = [
    "Nora",
    "Emma",
    "Ella",
    "Maja",
    "Olivia",
    "Sofie",
    "Ingrid",
    "Sara",
    "Aksel",
    "Jakob",
    "Noah",
    "Oskar",
    "Lucas",
    "Filip",
    "Johan",
    "Ánte",
    "Máret",
    "Amina",
    "Yusuf",
]
FAMILY = [
    "Hansen",
    "Olsen",
    "Larsen",
    "Berg",
    "Haugen",
    "Lie",
    "Moen",
    "Bakke",
    "Eide",
    "Sand",
    "Dahl",
    "Utsi",
    "Gaup",
    "Sara",
    "Ali",
    "Nguyen",
    "Kowalska",
    "Vik",
]
LANGUAGES = ("nb",) * 80 + ("nn",) * 12 + ("en",) * 5 + ("se",) * 3
GRADES = ("VG1", "VG2", "VG3")
CLASS_SIZE = 28
SCHOOL_SIZE = 1000
# Endings of numbers, and tags of addresses, that the sandbox treats badly on purpose: about one guardian in fifty.
BAD_ENDINGS = ("0003", "0005", "0610", "0429", "0408", "0500", "0501", "0710")
BAD_TAGS = ("+refuse", "+full", "+later-data", "+cut")
SCRIPTED = frozenset((*BAD_ENDINGS, "0006", "0007", "0211", "0614", "0700", "0711", "0720", "0800", "0801"))


@dataclass(slots=True)
class Guardian:
    key: str
    nin: str
    given: str
    family: str
    language: str
    mobile: str = ""
    landline: str = ""
    email: str = ""


@dataclass(slots=True)
class Student:
    key: str
    ref: str
    nin: str
    given: str
    family: str
    birth: date
    school: int
    class_key: str
    guardians: list[Guardian] = field(default_factory=list)
    birth_known: bool = True
    protection: str = "ugradert"


class Fiction:
    """The people, one school after the other."""

    def __init__(self, seed: int, today: date) -> None:
        self._random = random.Random(seed)
        self._today = today
        self._nins: set[str] = set()
        self._phones = 0
        self._people = 0

    def students(self, school: int, count: int) -> Iterator[Student]:
        household: list[Guardian] = []
        for number in range(count):
            grade = number * len(GRADES) // count
            class_number = (number - grade * count // len(GRADES)) // CLASS_SIZE
            name = f"{grade + 1}{chr(ord('A') + class_number % 26)}{class_number // 26 or ''}"
            # One in eight is the sibling of the student before: the guardians get one message about both.
            if not household or self._random.random() > 0.12:
                household = [self._guardian() for _ in range(self._random.choices((1, 2), (20, 80))[0])]
            student = Student(
                key=f"elev-{school}-{number}",
                ref=f"{name}-{number % CLASS_SIZE + 1:03d}" if school == 1 else f"S{school}-{name}-{number:04d}",
                nin="",
                given=self._random.choice(GIVEN),
                family=household[0].family,
                birth=self._birth(grade),
                school=school,
                class_key=f"klasse-{school}-{name}",
                guardians=household,
                birth_known=self._random.random() > 0.002,
                protection=self._random.choices(("ugradert", "fortrolig", "strengtFortrolig"), (0.993, 0.005, 0.002))[
                    0
                ],
            )
            student.nin = self._nin(student.birth)
            yield student

    def _birth(self, grade: int) -> date:
        # The school year's cohort, so that about a third of the oldest have turned 18.
        start = self._today.year - 16 - grade
        return date(start, 1, 1) + timedelta(days=self._random.randrange(365))

    def _guardian(self) -> Guardian:
        self._people += 1
        born = date(1968, 1, 1) + timedelta(days=self._random.randrange(8000))
        guardian = Guardian(
            key=f"foresatt-{self._people}",
            nin=self._nin(born),
            given=self._random.choice(GIVEN),
            family=self._random.choice(FAMILY),
            language=self._random.choice(LANGUAGES),
        )
        chance = self._random.random()
        if chance < 0.02:
            return guardian  # nobody knows how to reach them
        if chance < 0.03:
            guardian.landline = f"+4722{self._random.randrange(10**6):06d}"
            return guardian
        guardian.mobile = self._mobile()
        if self._random.random() < 0.95:
            tag = self._random.choice(BAD_TAGS) if self._random.random() < 0.008 else ""
            guardian.email = f"foresatt{self._people}{tag}@example.com"
        return guardian

    def _mobile(self) -> str:
        self._phones += 1
        if self._random.random() < 0.012:
            return f"+4791{self._phones % 100:02d}{self._random.choice(BAD_ENDINGS)}"
        while f"{self._phones % 10_000:04d}" in SCRIPTED:
            self._phones += 1
        return f"+4792{self._phones:06d}"

    def _nin(self, born: date) -> str:
        """A synthetic identity number with the right check digits; the birth date decides the first six."""
        first = f"{born.day:02d}{born.month + 80:02d}{born.year % 100:02d}"
        low, high = (500, 999) if born.year >= 2000 else (0, 499)
        while True:
            digits = [int(digit) for digit in first + f"{self._random.randint(low, high):03d}"]
            for weights in ((3, 7, 6, 1, 8, 9, 4, 5, 2), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)):
                digits.append(-sum(w * d for w, d in zip(weights, digits, strict=True)) % 11)
            nin = "".join(map(str, digits))
            if 10 not in digits and nin not in self._nins:
                self._nins.add(nin)
                return nin
