"""What a mail server answers, cut out of the bytes as they come (RFC 5321, 4.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# One reply may be this long, all its lines together; RFC 5321 asks for 512 a line, a long EHLO has a few thousand.
LONGEST_REPLY = 32 * 1024
_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])([^\n]*)|\r?)\n")


class BadReply(Exception):  # noqa: N818 (a signal to the connection, which ends)
    """These bytes are no SMTP reply, or too long for one: nothing that follows can be trusted."""


class Reply(NamedTuple):
    """One reply. `lines`: what stands after the code, the lines of one reply parted by line feeds."""

    code: int
    lines: bytes

    @property
    def text(self) -> str:
        return self.lines.decode("utf-8", "replace")


class ReplyReader:
    """Makes replies of bytes, however they were cut on the way."""

    def __init__(self) -> None:
        self._rest = b""
        self._code = b""
        self._begun: list[bytes] = []

    def feed(self, data: bytes) -> Iterator[Reply]:
        """The replies that end in `data`, in order. Raises BadReply after the last good one."""
        if self._rest:
            data = self._rest + data
        at = 0
        while found := _LINE.match(data, at):
            at = found.end()
            code, mark, text = found.groups(b"")
            if self._code and code != self._code:
                raise BadReply  # the lines of one reply carry one code
            if mark == b"-":
                self._code = code
                self._begun.append(text.strip())
                self._measure(0)
            elif self._begun:
                self._begun.append(text.strip())
                lines = b"\n".join(self._begun)
                self._code, self._begun = b"", []
                yield Reply(int(code), lines)
            else:
                yield Reply(int(code), text.strip())
        if data.find(b"\n", at) >= 0:
            raise BadReply
        self._rest = data[at:]
        self._measure(len(self._rest))

    def _measure(self, more: int) -> None:
        if more + sum(map(len, self._begun)) + len(self._begun) > LONGEST_REPLY:
            raise BadReply
