"""How persons of FINT are reached: what a `kontaktinformasjon` says, and whose counts where a student has two (pure).

FINT calls the one at `elev` the preferred way to reach the student at school. The one at `person` is the private one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from contacts.addresses import AddressError, parse_email, parse_phone
from contacts.codes import AddressChannel
from contacts.imports.fint_links import Entry, text
from contacts.imports.records import ContactAddress

_FIELDS: Final = (
    ("mobiltelefonnummer", AddressChannel.SMS),
    ("telefonnummer", AddressChannel.SMS),
    ("epostadresse", AddressChannel.EMAIL),
)
# What stands in these fields, in their order; "" where nothing does.
Written: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contacts:
    """Addresses, the channels with one that cannot be read, and why; the reasons hold no personal data."""

    addresses: tuple[ContactAddress, ...] = ()
    spared: tuple[AddressChannel, ...] = ()
    faults: tuple[str, ...] = ()


def written_contacts(entry: Entry) -> Written | None:
    """What the entry says of addresses. None: nothing."""
    told = entry.get("kontaktinformasjon")
    return tuple(text(told, name) for name, _ in _FIELDS) if isinstance(told, dict) else None


def read_contacts(written: Iterable[Written]) -> Contacts:
    """The addresses of a person of whom these were written."""
    addresses: list[ContactAddress] = []
    spared: list[AddressChannel] = []
    faults: list[str] = []
    for told in written:
        for (_, channel), address in zip(_FIELDS, told, strict=True):
            if not address:
                continue
            try:
                addresses.append(_address(channel, address))
            except AddressError as error:
                spared.append(channel)
                faults.append(error.words)
    return Contacts(tuple(dict.fromkeys(addresses)), tuple(dict.fromkeys(spared)), tuple(faults))


def _address(channel: AddressChannel, written: str) -> ContactAddress:
    if channel is AddressChannel.EMAIL:
        return ContactAddress(channel, parse_email(written).key)
    phone = parse_phone(written)
    return ContactAddress(channel, phone.e164, phone.can_take_sms)


def own_contacts(
    private: Contacts | None, at_school: Contacts | None, *, pupil: bool, complete: bool
) -> tuple[tuple[ContactAddress, ...] | None, tuple[AddressChannel, ...]]:
    """The addresses of a person, as PersonRecord has them, and the channels in which the store's stay.

    `private`, `at_school`: None where nothing is written of them. The school's count, each channel for itself; where
    there is none, the private ones do. A person without any is written without kontaktinformasjon: no addresses when
    this is all that FINT has (`complete`), else (None) nothing is said of them.
    """
    if private is None and at_school is None:
        return (() if complete else None), ()
    private_silent, school_silent = private is None, at_school is None and pupil
    private, at_school = private or Contacts(), at_school or Contacts()
    channels = {address.channel for address in at_school.addresses}
    addresses = (*at_school.addresses, *(each for each in private.addresses if each.channel not in channels))
    spared = [*at_school.spared, *private.spared]
    if not complete and (private_silent or school_silent):
        # Half of what FINT says of a student ends nothing that the other half may have told.
        spared += [channel for channel in AddressChannel if channel not in channels]
    return addresses, tuple(dict.fromkeys(spared))
