"""What a mail server answers, cut out of the bytes as they come (RFC 5321, 4.2)."""

from __future__ import annotations

import re
from typing import NamedTuple

# More than this is not kept for one reply, all its lines together. RFC 5321 asks for 512 a line; a long EHLO has some
# thousands.
LONGEST_REPLY = 32 * 1024
_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])([^\n]*)|\r?)\n")


class Reply(NamedTuple):
    """One reply. `lines`: what stands after the code, the lines of one reply parted by line feeds."""

    code: int
    lines: bytes

    @property
    def text(self) -> str:
        return self.lines.decode("utf-8", "replace")


class ReplyReader:
    """Makes replies of bytes, however they were cut on the way.

    `bad`: what came last is no reply, or has no end; nothing after it can be trusted.
    """

    def __init__(self) -> None:
        self.bad = False
        self._rest = b""
        self._code = b""
        self._begun: list[bytes] = []
        self._length = 0

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that end in `data`, in order, up to where it turns bad."""
        if self._rest:
            data = self._rest + data
        replies: list[Reply] = []
        at = 0
        while found := _LINE.match(data, at):
            at = found.end()
            code, mark, text = found.groups(b"")
            if self._begun and code != self._code:
                self.bad = True  # the lines of one reply carry one code
                return replies
            self._begun.append(text.strip())
            if mark == b"-":
                self._code = code
                self._length += len(text) + 1
                continue
            replies.append(Reply(int(code), b"\n".join(self._begun)))
            self._begun.clear()
            self._length = 0
        self._rest = data[at:]
        self.bad = b"\n" in self._rest or self._length + len(self._rest) > LONGEST_REPLY
        return replies
