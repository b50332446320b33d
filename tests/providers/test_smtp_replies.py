"""Answers come in any pieces, and from any server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.smtp_replies import LONGEST_REPLY, Reply, ReplyReader

CODES = st.integers(200, 599)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=40)


def read(*pieces: bytes) -> list[Reply]:
    reader = ReplyReader()
    return [reply for piece in pieces for reply in reader.feed(piece)]


@pytest.mark.parametrize(
    ("data", "replies"),
    [
        (b"250 2.0.0 Ok\r\n", [Reply(250, b"2.0.0 Ok")]),
        (b"250\r\n", [Reply(250, b"")]),
        (b"250 \r\n", [Reply(250, b"")]),
        (b"250 bare line feed\n", [Reply(250, b"bare line feed")]),
        (b"250-a\r\n250-b\r\n250 c\r\n", [Reply(250, b"a\nb\nc")]),
        (b"250-a\r\n250\r\n", [Reply(250, b"a\n")]),
        (b"250 a\r\n550-b\r\n550 c\r\n354 d\r\n", [Reply(250, b"a"), Reply(550, b"b\nc"), Reply(354, b"d")]),
        (b"250 not yet", []),
        (b"250-not yet\r\n", []),
        (b"25", []),
    ],
)
def test_replies(data: bytes, replies: list[Reply]) -> None:
    assert read(data) == replies


@pytest.mark.parametrize(
    "data",
    [
        *(b"\r\n", b"banana\r\n", b"25 ok\r\n", b"2500 ok\r\n", b"150 ok\r\n", b"650 ok\r\n", b"250_ok\r\n"),
        *(b" 250 ok\r\n", b"250-a\r\n251 b\r\n", b"250-a\r\nb\r\n", b"\xd9\xa2\xd9\xa5\xd9\xa0 ok\r\n"),
    ],
)
def test_what_is_no_reply_is_refused_after_the_good_ones(data: bytes) -> None:
    reader = ReplyReader()
    assert reader.feed(b"250 good\r\n" + data) == [Reply(250, b"good")]
    assert reader.bad


@pytest.mark.parametrize("piece", [b"250 " + b"x" * 1000, b"250-" + b"x" * 1000 + b"\r\n", b"250-\r\n" * 200])
def test_a_reply_without_end_is_not_kept(piece: bytes) -> None:
    reader, fed = ReplyReader(), 0
    while not reader.bad:
        assert not reader.feed(piece)
        fed += len(piece)
        assert fed <= 7 * LONGEST_REPLY


@given(st.lists(st.tuples(CODES, st.lists(WORDS, min_size=1, max_size=4)), max_size=6), st.data())
def test_the_cuts_make_no_difference(spoken: list[tuple[int, list[str]]], data: st.DataObject) -> None:
    sent = b"".join(
        "".join(f"{code}{' ' if at == len(lines) - 1 else '-'}{line}\r\n" for at, line in enumerate(lines)).encode()
        for code, lines in spoken
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=10)))
    pieces = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    replies = read(*pieces)
    assert replies == read(sent)
    assert [reply.code for reply in replies] == [code for code, _ in spoken]
    for reply, (_, lines) in zip(replies, spoken, strict=True):
        assert reply.text.split() == " ".join(lines).split()


def heard(pieces: list[bytes]) -> tuple[list[Reply], bool]:
    """The replies, and whether they ended in what is none."""
    reader = ReplyReader()
    replies: list[Reply] = []
    for piece in pieces:
        if not reader.bad:
            replies.extend(reader.feed(piece))
    return replies, reader.bad


BITS = st.sampled_from([b"250", b"354", b"5", b"99", b"-", b" ", b"ok", b"\r\n", b"\r\n", b"\n", b"\r", b"\xff", b"\0"])


@given(st.lists(BITS | st.binary(max_size=5), max_size=30))
def test_any_bytes_give_the_same_replies_and_the_same_end_however_they_are_cut(pieces: list[bytes]) -> None:
    replies, bad = heard(pieces)
    whole, whole_bad = heard([b"".join(pieces)])
    single, single_bad = heard([bytes([byte]) for byte in b"".join(pieces)])
    assert whole == replies == single
    assert whole_bad == bad == single_bad
    assert all(200 <= reply.code < 600 for reply in replies)
