"""Phone numbers and e-mail addresses: what is understood, what is refused and why, and what is never shown."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.addresses import (
    AddressError,
    AddressFault,
    PhoneKind,
    mask_email,
    mask_phone,
    parse_email,
    parse_phone,
    spaced_phone,
)


@pytest.mark.parametrize(
    "written",
    [
        "98765432",
        "98 76 54 32",
        "987 65 432",
        "987-65-432",
        "98.76.54.32",
        "+4798765432",
        "+47 98765432",
        "+47 (98) 76 54 32",
        "004798765432",
        "0047 98 76 54 32",
        "4798765432",
        "tel:+4798765432",
        "  98765432\t",
        "98765432\n",
        "98\u00a076\u202f54\u200932",
        "\u202a+47\u200b98765432\u202c\ufeff",
        "＋４７９８７６５４３２",
        "٩٨٧٦٥٤٣٢",
        "98–76–54–32",
    ],
)
def test_ways_to_write_one_norwegian_mobile(written: str) -> None:
    number = parse_phone(written)
    assert (number.e164, number.kind, number.foreign) == ("+4798765432", PhoneKind.MOBILE, False)
    assert number.can_take_sms


@pytest.mark.parametrize(
    ("written", "e164", "kind", "foreign", "sms"),
    [
        ("22 12 34 56", "+4722123456", PhoneKind.FIXED, False, False),
        ("73000073", "+4773000073", PhoneKind.FIXED, False, False),
        ("85012345", "+4785012345", PhoneKind.VOIP, False, False),
        # 47 opens a mobile series as well as a country code: eight digits are the number itself.
        ("47987654", "+4747987654", PhoneKind.MOBILE, False, True),
        ("41234567", "+4741234567", PhoneKind.MOBILE, False, True),
        ("+46 70 123 45 67", "+46701234567", PhoneKind.MOBILE, True, True),
        ("0046701234567", "+46701234567", PhoneKind.MOBILE, True, True),
        ("+48 512 345 678", "+48512345678", PhoneKind.MOBILE, True, True),
        ("+1 212 555 1234", "+12125551234", PhoneKind.FIXED_OR_MOBILE, True, True),
        ("+46 8 123 456 78", "+46812345678", PhoneKind.FIXED, True, False),
    ],
)
def test_kinds_of_numbers(written: str, e164: str, kind: PhoneKind, foreign: bool, sms: bool) -> None:
    number = parse_phone(written)
    assert (number.e164, number.kind, number.foreign, number.can_take_sms) == (e164, kind, foreign, sms)


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("", AddressFault.EMPTY),
        (" \u200b\t", AddressFault.EMPTY),
        ("98765432;41111111", AddressFault.SEVERAL),
        ("98765432 / 41111111", AddressFault.SEVERAL),
        ("98765432/41111111", AddressFault.SEVERAL),
        ("98765432, 41111111", AddressFault.SEVERAL),
        ("98765432 41111111", AddressFault.SEVERAL),
        ("98 76 54 32  41 11 11 11", AddressFault.SEVERAL),
        ("98765432\n41111111", AddressFault.SEVERAL),
        ("98765432\r\n41111111", AddressFault.SEVERAL),
        ("98765432\r41111111", AddressFault.SEVERAL),
        ("+4798765432+4741111111", AddressFault.SEVERAL),
        ("98765432|41111111", AddressFault.SEVERAL),
        ("98765432 eller 41111111", AddressFault.LETTERS),
        ("98765432 (mor)", AddressFault.LETTERS),
        ("tlf 98765432", AddressFault.LETTERS),
        ("98765432 ext 5", AddressFault.LETTERS),
        ("98765432x5", AddressFault.LETTERS),
        ("98765432#5", AddressFault.LETTERS),
        ("1-800-FLOWERS", AddressFault.LETTERS),
        ("O8765432", AddressFault.LETTERS),
        ("9876543", AddressFault.NOT_A_NUMBER),
        ("987654321", AddressFault.NOT_A_NUMBER),
        ("46701234567", AddressFault.NOT_A_NUMBER),
        ("+474798765432", AddressFault.NOT_A_NUMBER),
        ("+47 (0) 98765432", AddressFault.NOT_A_NUMBER),
        ("98765432+", AddressFault.NOT_A_NUMBER),
        ("98765432/", AddressFault.NOT_A_NUMBER),
        ("112", AddressFault.NOT_A_NUMBER),
        ("000000000", AddressFault.NOT_A_NUMBER),
        ("+999123456789", AddressFault.NOT_A_NUMBER),
        ("02123", AddressFault.SERVICE_NUMBER),
        ("80012345", AddressFault.SERVICE_NUMBER),
        ("82012345", AddressFault.SERVICE_NUMBER),
        ("42345678", AddressFault.NOT_IN_USE),
        ("43345678", AddressFault.NOT_IN_USE),
        ("44345678", AddressFault.NOT_IN_USE),
        ("49345678", AddressFault.NOT_IN_USE),
        ("58123456", AddressFault.NOT_IN_USE),
        ("59123456", AddressFault.NOT_IN_USE),
    ],
)
def test_phone_numbers_that_are_refused(written: str, fault: AddressFault) -> None:
    with pytest.raises(AddressError) as caught:
        parse_phone(written)
    assert caught.value.reason_code is fault
    assert caught.value.words == str(caught.value)


@given(st.one_of(st.integers(40000000, 41999999), st.integers(90000000, 99999999)), st.booleans())
def test_round_trip_of_mobiles(number: int, spaced: bool) -> None:
    digits = str(number)
    written = f"{digits[:3]} {digits[3:5]} {digits[5:]}" if spaced else digits
    try:
        read = parse_phone(written)
    except AddressError as error:
        assert error.reason_code is AddressFault.NOT_IN_USE
        return
    assert read.e164 == f"+47{digits}"
    assert parse_phone(read.e164) == read


@given(
    st.one_of(st.text(max_size=40), st.text("0123456789+ ()-./;,٣", min_size=1, max_size=30)),
    st.text("0123456789 ;/,", min_size=8, max_size=8),
)
def test_any_text_is_a_phone_number_or_an_error_without_it(head: str, tail: str) -> None:
    text = head + tail
    try:
        read = parse_phone(text)
    except AddressError as error:
        assert error.__cause__ is None
        assert not re.search(r"\d{4}", str(error) + repr(error))
        return
    assert re.fullmatch(r"\+[1-9][0-9]{6,14}", read.e164)
    assert parse_phone(read.e164) == read
    # No digit was dropped: the number ends as the text does.
    typed = "".join(str(int(one)) for one in text if one.isdecimal())
    assert typed.endswith(read.e164[-7:])


@given(
    st.integers(90000000, 99999999),
    st.integers(90000000, 99999999),
    st.sampled_from([";", "/", ",", " ", "  ", "\n", "|"]),
)
def test_two_numbers_in_one_field_are_never_one(first: int, second: int, between: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_phone(f"{first}{between}{second}")
    assert caught.value.reason_code is AddressFault.SEVERAL


def test_another_default_region() -> None:
    assert parse_phone("070-123 45 67", "SE").e164 == "+46701234567"


@pytest.mark.parametrize(
    ("e164", "masked"),
    [
        ("+4799999912", "+47 9xx xx x12"),
        ("+46701234567", "+46 7xxxxxx67"),
        ("+12125551234", "+1 2xxxxxxx34"),
        ("+358401234567", "+358 4xxxxxx67"),
        ("99999912", "(phone number)"),
        ("kari@example.com", "(phone number)"),
        ("", "(phone number)"),
    ],
)
def test_masked_phone_numbers(e164: str, masked: str) -> None:
    assert mask_phone(e164) == masked


@pytest.mark.parametrize(
    ("e164", "spaced"),
    [
        ("+4799999912", "+47 99 99 99 12"),
        ("+4722000003", "+47 22 00 00 03"),
        ("+46701234567", "+46 70 123 45 67"),
        # A series that is not in use any more is still a number that stands in the store.
        ("+4742000000", "+47 42 00 00 00"),
    ],
)
def test_a_number_on_paper_is_spaced_and_stays_on_one_line(e164: str, spaced: str) -> None:
    assert spaced_phone(e164) == spaced.replace(" ", "\u00a0")


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_a_mask_leaves_three_digits_of_the_number(e164: str) -> None:
    code, _, rest = mask_phone(e164).partition(" ")
    assert e164.startswith(code)
    assert sum(one.isdigit() for one in rest) <= 3


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("kari.nordmann@example.com", "kari.nordmann@example.com"),
        ("  kari@example.com\r\n", "kari@example.com"),
        ("Kari.Nordmann@EXAMPLE.com", "Kari.Nordmann@example.com"),
        ("kari+skole@example.com", "kari+skole@example.com"),
        ("o'brien_2@sub.example.co.uk", "o'brien_2@sub.example.co.uk"),
        ("kari@skøyen.no", "kari@xn--skyen-wua.no"),
        ("kari@SKØYEN.no", "kari@xn--skyen-wua.no"),
        ("kari@sko\u0308yen.no", "kari@xn--skyen-kua.no"),
        ("\u200bkari@exam\u00adple.com\ufeff", "kari@example.com"),
    ],
)
def test_email_addresses_that_are_understood(written: str, value: str) -> None:
    address = parse_email(written)
    assert address.value == value
    assert not address.needs_smtputf8


def test_letters_beyond_ascii_before_the_at_sign_are_taken_and_flagged() -> None:
    address = parse_email("kåre@example.no")
    assert address.value == "kåre@example.no"
    assert address.needs_smtputf8


def test_two_spellings_of_one_mailbox_have_one_key() -> None:
    assert parse_email("Kari@Example.com").key == parse_email("kari@example.COM").key == "kari@example.com"


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("", AddressFault.EMPTY),
        ("\u200b ", AddressFault.EMPTY),
        ("kari.example.com", AddressFault.NO_AT_SIGN),
        ("kari＠example.com", AddressFault.NO_AT_SIGN),
        ("kari@example", AddressFault.NO_TOP_DOMAIN),
        ("kari@127.0.0.1", AddressFault.NO_TOP_DOMAIN),
        ("kari@[127.0.0.1]", AddressFault.BAD_DOMAIN),
        ("kari@", AddressFault.BAD_DOMAIN),
        ("kari@example..com", AddressFault.BAD_DOMAIN),
        ("kari@.example.com", AddressFault.BAD_DOMAIN),
        ("kari@example.com.", AddressFault.BAD_DOMAIN),
        ("kari@-example.com", AddressFault.BAD_DOMAIN),
        ("kari@exam_ple.com", AddressFault.BAD_DOMAIN),
        ("kari@straße.de", AddressFault.BAD_DOMAIN),
        ("kari@example。com", AddressFault.BAD_DOMAIN),
        (f"kari@{'a' * 64}.no", AddressFault.BAD_DOMAIN),
        ("@example.com", AddressFault.BAD_LOCAL_PART),
        (".kari@example.com", AddressFault.BAD_LOCAL_PART),
        ("kari.@example.com", AddressFault.BAD_LOCAL_PART),
        ("kari..n@example.com", AddressFault.BAD_LOCAL_PART),
        ("mailto:kari@example.com", AddressFault.BAD_LOCAL_PART),
        ("kari n@example.com", AddressFault.SPACE),
        ("kari@exam ple.com", AddressFault.SPACE),
        ("kari\u00a0n@example.com", AddressFault.SPACE),
        ("Kari <kari@example.com>", AddressFault.DISPLAY_NAME),
        ("kari@example.com (mor)", AddressFault.DISPLAY_NAME),
        ('"kari n"@example.com', AddressFault.DISPLAY_NAME),
        ("kari@example.com;ola@example.com", AddressFault.SEVERAL),
        ("kari@example.com, ola@example.com", AddressFault.SEVERAL),
        ("kari@example.com ola@example.com", AddressFault.SEVERAL),
        ("kari@@example.com", AddressFault.SEVERAL),
        ("kari@example.com\r\nBcc: x@example.com", AddressFault.CONTROL_CHARACTER),
        ("kari\x00@example.com", AddressFault.CONTROL_CHARACTER),
        ("kari\udce5@example.com", AddressFault.CONTROL_CHARACTER),
        (f"{'k' * 65}@example.com", AddressFault.TOO_LONG),
        (f"{'å' * 33}@example.com", AddressFault.TOO_LONG),
        (f"kari@{'.'.join(['a' * 60] * 4)}.example.com", AddressFault.TOO_LONG),
    ],
)
def test_email_addresses_that_are_refused(written: str, fault: AddressFault) -> None:
    with pytest.raises(AddressError) as caught:
        parse_email(written)
    assert caught.value.reason_code is fault


@given(st.emails())
def test_ordinary_addresses_round_trip(written: str) -> None:
    try:
        address = parse_email(written)
    except AddressError as error:
        # Top domains such as "xn--..." with odd ends, and local parts longer than 64, are refused.
        assert error.reason_code in (AddressFault.BAD_DOMAIN, AddressFault.NO_TOP_DOMAIN, AddressFault.TOO_LONG)
        return
    assert parse_email(address.value) == address
    assert parse_email(address.value.upper()).key == address.key


@given(st.one_of(st.text(max_size=60), st.builds("{}@{}.no".format, st.text(max_size=20), st.text(max_size=20))))
def test_any_text_is_an_address_or_an_error_without_it(text: str) -> None:
    try:
        address = parse_email(text)
    except AddressError as error:
        assert error.__cause__ is None
        assert str(error) == AddressError(error.reason_code).words
        return
    assert parse_email(address.value) == address
    local, _, domain = address.value.rpartition("@")
    assert re.fullmatch(r"[a-z0-9.-]+\.[a-z0-9-]{2,}", domain)
    assert not re.search(r"[\s@;,<>\x00-\x1f]", local)
    assert len(address.value.encode()) <= 254


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("kari.nordmann@example.com", "k…@example.com"),
        ("k@example.com", "…@example.com"),
        ("kari", "(e-mail address)"),
        ("@example.com", "(e-mail address)"),
        ("kari@", "(e-mail address)"),
        ("", "(e-mail address)"),
    ],
)
def test_masked_email_addresses(address: str, masked: str) -> None:
    assert mask_email(address) == masked


@pytest.mark.parametrize("show", [repr, str, "{}".format, lambda one: repr([one])])
def test_addresses_are_masked_wherever_an_object_is_printed(show: Callable[[object], str]) -> None:
    phone, email = parse_phone("98765432"), parse_email("kari.nordmann@example.com")
    assert "876543" not in show(phone)
    assert "xxx" in show(phone).replace(" ", "")
    assert "nordmann" not in show(email)
    assert "k…@example.com" in show(email)


def test_reading_a_number_is_what_loads_the_library_and_never_its_geocoder() -> None:
    script = (
        "import sys, contacts.addresses as a\n"
        "assert 'phonenumbers' not in sys.modules\n"
        "a.mask_phone('+4799999912'); a.parse_email('kari@example.com')\n"
        "assert 'phonenumbers' not in sys.modules\n"
        "a.parse_phone('98765432')\n"
        "assert 'phonenumbers' in sys.modules\n"
        "assert not [m for m in sys.modules if m.startswith('phonenumbers.geo')], 'geocoder'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
