"""Identity numbers: the Tax Administration's published vectors, the test series, and numbers that stay hidden."""

from __future__ import annotations

import csv
import os
import pickle
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contacts.national_id import IdFault, IdKind, NationalId, NationalIdError

SAMPLES = Path(os.environ.get("BEREDSKAP_SAMPLES") or Path(__file__).parents[3] / "shared" / "samples")
VECTORS_FILE = SAMPLES / "freg-skatteetaten" / "foedselsnummer.csv"

# The Tax Administration's published test vectors: number, synthetic, valid, what it shows.
VECTORS = [
    ("30108299939", False, True, "2032"),
    ("30908299902", True, True, "synthetic, 2032"),
    ("20036914700", False, True, "1964"),
    ("03851598730", True, True, "synthetic, 1964"),
    ("20036914712", False, False, "1964, wrong"),
    ("29020073150", False, True, "leap day in a leap year"),
    ("29020105729", False, False, "leap day in another year"),
    ("55102499947", False, True, "D-number, 2032"),
    ("41819077906", True, True, "synthetic D-number, 2032"),
    ("41819077302", True, True, "synthetic D-number, 1964"),
]
# One number of each test series: 12 March 95, with 40, 65 and 80 added to the month.
SERIES = ["12439510194", "12689510130", "12839510177"]


def check(number: str, synthetic: bool, valid: bool) -> None:
    if valid:
        assert NationalId.parse(number).synthetic is synthetic
        assert NationalId.parse(number).number == number
    else:
        with pytest.raises(NationalIdError):
            NationalId.parse(number)


@pytest.mark.parametrize(("number", "synthetic", "valid", "shows"), VECTORS, ids=[one[3] for one in VECTORS])
def test_published_vectors(number: str, synthetic: bool, valid: bool, shows: str) -> None:
    check(number, synthetic, valid)


def test_the_published_file_agrees_with_the_vectors_here() -> None:
    """Where the samples lie beside the repository, the file itself is read; the table above is the same elsewhere."""
    if not VECTORS_FILE.exists():
        assert len(VECTORS) == 10
        return
    with VECTORS_FILE.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= len(VECTORS)
    for row in rows:
        check(row["fødselsnummer"], row["erSyntetisk"] == "true", row["erGyldig"] == "true")


@pytest.mark.parametrize(
    ("number", "kind"), [("20036914700", IdKind.FNR), ("55102499947", IdKind.DNR), ("41819077302", IdKind.DNR)]
)
def test_d_numbers_are_told_from_birth_numbers(number: str, kind: IdKind) -> None:
    assert NationalId.parse(number).kind is kind


@pytest.mark.parametrize("number", SERIES)
def test_every_test_series_is_synthetic(number: str) -> None:
    check(number, synthetic=True, valid=True)


def with_check_digits(nine: str, remainder: int = 0) -> str | None:
    """The number of nine digits with its check digits, by plain arithmetic; None when there is none."""
    digits = [int(one) for one in nine]
    first = (remainder - sum(w * d for w, d in zip((3, 7, 6, 1, 8, 9, 4, 5, 2), digits, strict=True))) % 11
    if first == 10:
        return None
    second = -sum(w * d for w, d in zip((5, 4, 3, 2, 7, 6, 5, 4, 3, 2), [*digits, first], strict=True)) % 11
    return None if second == 10 else f"{nine}{first}{second}"


@given(
    day=st.integers(1, 28),
    month=st.integers(1, 12),
    rest=st.integers(0, 99999),
    d_number=st.booleans(),
    series=st.sampled_from([0, 40, 65, 80]),
    remainder=st.integers(0, 10),
)
def test_first_check_digit_may_leave_0_to_3(
    day: int, month: int, rest: int, d_number: bool, series: int, remainder: int
) -> None:
    number = with_check_digits(f"{day + 40 * d_number:02}{month + series:02}{rest:05}", remainder)
    assume(number is not None)
    assert number is not None
    if remainder > 3:
        with pytest.raises(NationalIdError) as caught:
            NationalId.parse(number)
        assert caught.value.fault is IdFault.CHECK_DIGITS
        return
    read = NationalId.parse(number)
    assert read.synthetic == (series > 0)
    assert read.kind is (IdKind.DNR if d_number else IdKind.FNR)
    # One wrong last digit is always seen.
    wrong = number[:10] + str((int(number[10]) + 1) % 10)
    with pytest.raises(NationalIdError):
        NationalId.parse(wrong)


@pytest.mark.parametrize(
    "first_six", ["000195", "320195", "310495", "300295", "290201", "010095", "011395", "013995", "016595", "017895"]
)
def test_days_that_do_not_exist(first_six: str) -> None:
    numbers = [number for rest in range(1000) if (number := with_check_digits(f"{first_six}{rest:03}"))]
    assert numbers
    for number in numbers[:5]:
        with pytest.raises(NationalIdError) as caught:
            NationalId.parse(number)
        assert caught.value.fault is IdFault.NO_SUCH_DAY


@pytest.mark.parametrize("written", ["20036914700", " 20036914700\n", "200369 14700", "200369\u00a014700"])
def test_ways_to_write_one_number(written: str) -> None:
    assert NationalId.parse(written).number == "20036914700"


@pytest.mark.parametrize(
    "written",
    ["", "2003691470", "200369147000", "2003 6914700", "200369-14700", "٢٠٠٣٦٩١٤٧٠٠", "²0036914700", "x" * 11],
)
def test_what_is_not_eleven_digits(written: str) -> None:
    with pytest.raises(NationalIdError) as caught:
        NationalId.parse(written)
    assert caught.value.fault is IdFault.NOT_ELEVEN_DIGITS


def test_the_number_is_hidden_wherever_an_object_is_printed() -> None:
    read = NationalId.parse("20036914700")
    for shown in (repr(read), str(read), f"{read}", f"{read!r:>40}", repr([read])):
        assert "6914700" not in shown
        assert "NationalId(fnr, real)" in shown


def test_only_valid_numbers_can_be_made_and_they_compare_by_number() -> None:
    with pytest.raises(NationalIdError):
        NationalId("20036914712")
    with pytest.raises(NationalIdError):
        NationalId("200369 14700")
    read = NationalId.parse("20036914700")
    assert read == NationalId("20036914700")
    assert len({read, NationalId("20036914700"), NationalId("55102499947")}) == 2
    assert pickle.loads(pickle.dumps(read)) == read


@given(st.one_of(st.text(max_size=30), st.from_regex(r"[0-9]{11}", fullmatch=True)))
def test_any_text_is_a_number_or_an_error_that_does_not_repeat_it(text: str) -> None:
    try:
        read = NationalId.parse(text)
    except ValueError as error:
        if len(text.strip()) > 2:
            assert text.strip() not in str(error)
            assert text.strip() not in repr(error)
        assert error.__cause__ is None
    else:
        assert read.number in text.replace(" ", "").replace("\u00a0", "")
