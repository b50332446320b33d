"""The private keys by which this installation proves itself to others: read from a file that is its owner's alone."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from config.errors import UsageError
from config.portal_sections import IdPortenSettings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


def read_private_key(file: str, *, of: str, setting: str, known_at: str) -> RSAPrivateKey:
    """The RSA key in `file`, which the setting `setting` names.

    `of`: what it is the key for; `known_at`: where its public half was registered. Both are for the sentences.
    Raises UsageError when it cannot be read, can be read by others too, or is none.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    path = Path(file).expanduser()
    named = f"The key for {of}, {path},"
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{named} cannot be read: {error.strerror}.",
            remedy=f"Put the key there, or name another file in {setting}.",
        ) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"{named} can be opened by other users of this machine (mode {stat.S_IMODE(mode):04o}).",
            remedy=f"Close it: chmod 600 '{path}'. Think about who may have read it.",
        )
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise UsageError(
            f"{named} is no RSA key in PEM without a password.",
            remedy=f"Give the private key whose public half was registered at {known_at}.",
        )
    return key


def id_porten_key(settings: IdPortenSettings) -> RSAPrivateKey:
    """The key by which this installation proves itself at ID-porten. Raises UsageError as above."""
    return read_private_key(
        settings.private_key_file, of="ID-porten", setting="id_porten.private_key_file", known_at="ID-porten"
    )
