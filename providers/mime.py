"""The bytes of one e-mail: everything but To, Message-ID and Date is rendered once for all who get the same text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from functools import lru_cache
from html import escape

from config.errors import UsageError

# The Message-ID of a delivery, wherever it is quoted.
MESSAGE_ID = re.compile(r"<delivery-(?P<delivery>[1-9][0-9]{0,17})@(?P<domain>[^\s<>@]{1,255})>")
_LEADING_DOT = re.compile(rb"(?m)^\.")
_HTML = """<!DOCTYPE html>
<html lang="{language}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{subject}</title></head>
<body style="font-family: sans-serif; font-size: 1.125rem; line-height: 1.5; max-width: 40rem; margin: 1rem;">
<h1 style="font-size: 1.375rem;">{subject}</h1>
{paragraphs}
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: our address and name, as in From. Raises UsageError when they cannot stand in a header."""

    address: str
    name: str

    def __post_init__(self) -> None:
        local, at, domain = self.address.rpartition("@")
        if not (local and at and domain and self.address.isascii() and self.address.isprintable()):
            raise UsageError(
                "The setting smtp.from_address is no plain e-mail address.",
                unchanged="No e-mail was sent.",
                remedy='Set it to the address that alerts come from, such as "beredskap@school.example".',
            )
        if not self.name.isprintable():
            raise UsageError(
                "The setting smtp.from_name holds a line break or another control character.",
                unchanged="No e-mail was sent.",
                remedy="Set it to the name that recipients shall see.",
            )

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def message_id(delivery_id: int, domain: str) -> str:
    """The Message-ID of a delivery, the same for every attempt: a repeat is known as one by the recipient's mailbox."""
    return f"<delivery-{delivery_id}@{domain}>"


def mail_head(*, to: str, message_id: str, at: float) -> bytes:
    """The headers that differ between recipients. `to`: one address, non-ASCII only for SMTPUTF8; `at`: seconds since
    1970."""
    return f"To: {to}\r\nMessage-ID: {message_id}\r\nDate: {_date(int(at))}\r\n".encode()


@lru_cache(maxsize=4)
def _date(second: int) -> str:
    return formatdate(second)


@lru_cache(maxsize=64)
def mail_text(writer: Writer, subject: str, body: str, language: str, urgent: bool) -> bytes:
    """What follows `mail_head` after DATA: the frame with its leading dots doubled, and the final dot (RFC 5321 4.5.2).

    No header of `mail_head` can begin with a dot, so that nothing else is left to double.
    """
    frame = mail_frame(writer, subject, body, language, urgent)
    return _LEADING_DOT.sub(b"..", frame) + b".\r\n"


def mail_frame(writer: Writer, subject: str, body: str, language: str, urgent: bool) -> bytes:
    """All of the mail that its recipients share: the other headers, and the text as plain text and as HTML.

    Seven bits only (quoted-printable), so that any server takes it. `language`: the tag of the text, for readers that
    speak it aloud.
    """
    mail = EmailMessage(policy=SMTP)
    local, _, domain = writer.address.rpartition("@")
    mail["From"] = Address(writer.name, local, domain)
    mail["Subject"] = subject
    # RFC 3834: no vacation notices in answer, please. The second is what Exchange looks for.
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    if urgent:
        mail["Importance"] = "high"
        mail["Priority"] = "urgent"
        mail["X-Priority"] = "1"
    mail.set_content(body, charset="utf-8", cte="quoted-printable")
    mail.add_alternative(_as_html(subject, body, language), subtype="html", charset="utf-8", cte="quoted-printable")
    # Last: set_content drops every Content header it finds.
    mail["Content-Language"] = language
    return mail.as_bytes()


def _as_html(subject: str, body: str, language: str) -> str:
    blocks = (block.strip("\n") for block in body.replace("\r\n", "\n").split("\n\n"))
    paragraphs = "\n".join(f"<p>{escape(block).replace(chr(10), '<br>')}</p>" for block in blocks if block.strip())
    return _HTML.format(language=escape(language), subject=escape(subject), paragraphs=paragraphs)
