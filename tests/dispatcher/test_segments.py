"""How an SMS is measured: the published sizes, the letters that decide them, and a second implementation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.alerts.segments import GSM_BASIC, GSM_EXTENSION, Encoding, SmsSize, clean, measure, outside_gsm7, tidy

NORWEGIAN_GSM7 = "æøåÆØÅéèàòùìöäüñß"
NOT_GSM7 = "áčđŋšŧžÁČĐŊŠŦŽêôçóâ«»–—’…\u00a0`"

gsm_text = st.text(st.sampled_from(sorted(GSM_BASIC | GSM_EXTENSION)), max_size=500)
any_text = st.text(max_size=300)
mixed_text = st.one_of(gsm_text, any_text, st.text(st.sampled_from("ab€č😀^"), max_size=300))


@pytest.mark.parametrize("letter", NORWEGIAN_GSM7)
def test_norwegian_letters_keep_the_text_in_gsm7(letter: str) -> None:
    assert measure(letter * 160).encoding is Encoding.GSM7
    assert measure(letter * 160).segments == 1


@pytest.mark.parametrize("letter", NOT_GSM7)
def test_one_sami_or_typographic_letter_makes_the_whole_text_ucs2(letter: str) -> None:
    size = measure("a" * 70 + letter)
    assert (size.encoding, size.units, size.segments) == (Encoding.UCS2, 71, 2)


@pytest.mark.parametrize(
    ("text", "units", "segments"),
    [
        ("", 0, 0),
        ("a", 1, 1),
        ("a" * 160, 160, 1),
        ("a" * 161, 161, 2),
        ("a" * 306, 306, 2),
        ("a" * 307, 307, 3),
        ("€" * 80, 160, 1),
        ("€" * 81, 162, 2),
        # 153 is odd: 76 signs of two fit in a part, and the 77th is not cut.
        ("€" * 152, 304, 2),
        ("€" * 153, 306, 3),
        # The sign that would straddle the first border moves to the second part, which is then one too short.
        ("a" * 152 + "€" + "a" * 151, 305, 2),
        ("a" * 152 + "€" + "a" * 152, 306, 3),
    ],
)
def test_gsm7_sizes(text: str, units: int, segments: int) -> None:
    assert measure(text) == SmsSize(Encoding.GSM7, units, segments)


@pytest.mark.parametrize("sign", sorted(GSM_EXTENSION))
def test_extension_characters_count_two(sign: str) -> None:
    assert measure(sign).units == 2


@pytest.mark.parametrize(
    ("text", "units", "segments"),
    [
        ("č" * 70, 70, 1),
        ("č" * 71, 71, 2),
        ("č" * 134, 134, 2),
        ("č" * 135, 135, 3),
        ("😀" * 35, 70, 1),
        # 67 is odd: 33 surrogate pairs fit in a part.
        ("😀" * 66, 132, 2),
        ("😀" * 67, 134, 3),
    ],
)
def test_ucs2_sizes(text: str, units: int, segments: int) -> None:
    size = measure(text)
    assert (size.encoding, size.units, size.segments) == (Encoding.UCS2, units, segments)


def by_bytes(text: str) -> tuple[str, int, int]:
    """A second way to the same answer: encode first, then cut the bytes, stepping back from a border inside a sign."""
    if all(one in GSM_BASIC or one in GSM_EXTENSION for one in text):
        data = b"".join(b"\x1b." if one in GSM_EXTENSION else b"." for one in text)
        name, single, part, unit = "GSM-7", 160, 153, 1
    else:
        data = text.encode("utf-16-be")
        name, single, part, unit = "UCS-2", 70, 67, 2
    units, parts = len(data) // unit, 0
    if units <= single:
        return name, units, min(units, 1)
    while data:
        end = min(part * unit, len(data))
        last = data[end - unit : end]
        opens_pair = last == b"\x1b" if unit == 1 else 0xD8 <= last[0] <= 0xDB
        data, parts = data[end - unit if opens_pair else end :], parts + 1
    return name, units, parts


@given(mixed_text)
def test_size_agrees_with_a_second_implementation(text: str) -> None:
    size = measure(text)
    assert (size.encoding, size.units, size.segments) == by_bytes(text)


@given(mixed_text, mixed_text)
def test_more_text_never_takes_fewer_segments(first: str, second: str) -> None:
    whole = measure(first + second).segments
    assert whole >= measure(first).segments
    assert whole >= measure(second).segments


@given(gsm_text, gsm_text)
def test_units_of_gsm7_add_up(first: str, second: str) -> None:
    assert measure(first + second).units == measure(first).units + measure(second).units


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("«Skolen» er “låst” – vent…", '"Skolen" er "låst" - vent...'),
        ("Don’t\u00a0call", "Don't call"),
        ("kl.\u202f10\u201111", "kl. 10-11"),
        ("linje 1\r\nlinje 2\rlinje 3\u2028linje 4", "linje 1\nlinje 2\nlinje 3\nlinje 4"),
        ("  tom  \n  plass\t her ", "tom\nplass  her"),
        ("skjult\u200b\ufeff\u00ad\u202e\x00\x1b[31m", "skjult[31m"),
        ("Skuvla lea gitta, ŋ đ š ž č á ŧ", "Skuvla lea gitta, ŋ đ š ž č á ŧ"),
        ("c\u030caja a\u030a", "čaja å"),
        ("familie 👩\u200d👧 her\u200d", "familie 👩\u200d👧 her"),
    ],
)
def test_tidy_replaces_what_word_processors_put_in(typed: str, plain: str) -> None:
    assert tidy(typed) == plain


def test_clean_keeps_quotes_and_dashes_for_email() -> None:
    assert clean("«Vent» –\u200b så\r\nkom…") == "«Vent» – så\nkom…"


@pytest.mark.parametrize("reader", [clean, tidy])
def test_bytes_that_are_no_text_are_refused(reader: object) -> None:
    assert callable(reader)
    with pytest.raises(ValueError, match="UTF-8"):
        reader("sk\udce5len")


@given(st.text(max_size=200))
def test_tidy_is_idempotent_and_leaves_nothing_invisible(text: str) -> None:
    once = tidy(text)
    assert tidy(once) == once
    assert not any(one < " " and one != "\n" for one in once)
    assert not set(once) & set("“”«»’–…\u00a0\u200b\r\x7f")


def test_the_letters_that_cost_are_named_once_in_order() -> None:
    assert outside_gsm7("ab č đ č €") == "čđ"
