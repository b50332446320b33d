"""E-mail addresses of guardians: read strictly, compared, masked (pure).

The forms taken are the dot-atom addresses of RFC 5321/5322 with the letters of RFC 6531. Quoted local parts, comments
and addresses of bare hosts, which no guardian has, are refused.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from contacts.address_error import AddressError, AddressFault

MAX_LENGTH = 254  # octets: RFC 5321, 4.5.3.1.3, less the angle brackets of the path
_MAX_LOCAL = 64  # octets: RFC 5321, 4.5.3.1.1
_ATOM = re.compile(r"(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]|[^\x00-\x7f])+")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, repr=False)
class EmailAddress:
    """A well-formed address. `value` is what mail is sent to: the local part as written, the domain in its ASCII form.

    `repr` and `str` mask it.
    """

    value: str

    @property
    def key(self) -> str:
        """What two spellings of one mailbox share: all in lower case.

        RFC 5321 lets a host tell "Kari" from "kari"; no host in use does, and a guardian must not be told twice.
        """
        return self.value.lower()

    @property
    def needs_smtputf8(self) -> bool:
        """True when the local part has letters beyond ASCII, which not every mail server takes."""
        return not self.value.isascii()

    def __repr__(self) -> str:
        return f"EmailAddress({mask_email(self.value)})"

    __str__ = __repr__


def parse_email(text: str) -> EmailAddress:
    """Read one address. Space around it and invisible characters are dropped.

    Raises AddressError, whose words never hold the address.
    """
    visible = "".join(letter for letter in text if unicodedata.category(letter) != "Cf")
    address = unicodedata.normalize("NFC", visible.strip())
    if not address:
        raise AddressError(AddressFault.EMPTY)
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in address):
        raise AddressError(AddressFault.CONTROL_CHARACTER)
    if address.count("@") > 1 or re.search("[;,]", address):
        raise AddressError(AddressFault.SEVERAL)
    if re.search('[<>"()]', address):
        raise AddressError(AddressFault.DISPLAY_NAME)
    if any(letter.isspace() for letter in address):
        raise AddressError(AddressFault.SPACE)
    local, at, domain = address.partition("@")
    if not at:
        raise AddressError(AddressFault.NO_AT_SIGN)
    if not all(_ATOM.fullmatch(atom) for atom in local.split(".")):
        raise AddressError(AddressFault.BAD_LOCAL_PART)
    value = f"{local}@{_ascii_domain(domain)}"
    if len(local.encode()) > _MAX_LOCAL or len(value.encode()) > MAX_LENGTH:
        raise AddressError(AddressFault.TOO_LONG)
    return EmailAddress(value)


def _ascii_domain(domain: str) -> str:
    domain = unicodedata.normalize("NFC", domain.lower())
    try:
        encoded = domain.encode("idna").decode("ascii")
        # Python's codec is IDNA 2003, which turns some letters into others ("ß" into "ss"): another domain, perhaps
        # another owner. What does not come back the same is refused; its xn-- form can be given instead.
        if not domain.isascii() and encoded.encode("ascii").decode("idna") != domain:
            raise AddressError(AddressFault.BAD_DOMAIN)
    except UnicodeError:
        raise AddressError(AddressFault.BAD_DOMAIN) from None
    labels = encoded.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise AddressError(AddressFault.BAD_DOMAIN)
    if len(labels) < 2 or not re.fullmatch(r"[a-z]{2,63}|xn--[a-z0-9-]+", labels[-1]):
        raise AddressError(AddressFault.NO_TOP_DOMAIN)
    return encoded


def mask_email(address: str) -> str:
    """The address as people may see it: the first letter and the domain ("k…@example.com").

    What is no address is masked whole.
    """
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        return "(e-mail address)"
    return f"{local[0]}…@{domain}" if len(local) > 1 else f"…@{domain}"
