"""Contact addresses, all of one door: phone numbers and e-mail addresses, their errors and their masks (pure)."""

from contacts.address_error import AddressError, AddressFault
from contacts.email_addresses import EmailAddress, mask_email, parse_email
from contacts.phone_numbers import PhoneKind, PhoneNumber, mask_phone, parse_phone, spaced_phone

__all__ = [
    "AddressError",
    "AddressFault",
    "EmailAddress",
    "PhoneKind",
    "PhoneNumber",
    "mask_email",
    "mask_phone",
    "parse_email",
    "parse_phone",
    "spaced_phone",
]
