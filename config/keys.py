"""The key file of an installation, and what its keys do: encrypt, make look-up hashes, make codes nobody can guess.

Without this file the identity numbers in the database cannot be read, and no person in it can be found again: it is
backed up apart from the database, and never stored beside a copy of it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from config.errors import BeredskapError, UsageError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

FORMAT: Final = "beredskap-keys"
VERSION: Final = 1
_KEY_BYTES: Final = 32
_RESTORE = "Restore it from its backup, or name another one in BEREDSKAP_STORE__KEY_FILE."


class Keys:
    """The keys of one installation. Its repr shows nothing."""

    __slots__ = ("_codes", "_encryption", "_lookup")

    def __init__(self, encryption: MultiFernet, lookup: bytes, codes: bytes) -> None:
        self._encryption = encryption
        self._lookup = lookup
        self._codes = codes

    def __repr__(self) -> str:
        return "Keys(…)"

    def encrypt(self, text: str) -> str:
        """`text` as ASCII that only these keys open; another one each time, so it is no use for look-ups."""
        return self._encryption.encrypt(text.encode()).decode("ascii")

    def decrypt(self, token: str) -> str:
        """The text that `encrypt` got. Raises BeredskapError when the token was made with other keys, or changed."""
        from cryptography.fernet import InvalidToken

        try:
            return self._encryption.decrypt(token.encode()).decode()
        except InvalidToken:
            raise BeredskapError(
                "An encrypted value in the database cannot be read with this key file.",
                remedy="The key file belongs to another database, or the value was changed. " + _RESTORE,
            ) from None

    def lookup_hash(self, value: str, scheme: str) -> str:
        """A keyed hash (64 hexadecimal digits), the same each time, by which a stored `value` is found.

        `scheme` says what kind of value it is: equal values of two kinds get unlike hashes.
        """
        return _mac(self._lookup, (scheme.encode(), value.encode())).hex()

    def code_mac(self, *parts: str | int | bytes) -> bytes:
        """32 bytes that only the holder of the key can compute from `parts`; verification codes are made of them."""
        return _mac(self._codes, tuple(part if isinstance(part, bytes) else str(part).encode() for part in parts))


def create_key_file(path: Path) -> None:
    """Make a key file with new keys, readable by its owner alone. Raises UsageError when there is one already."""
    content = {
        "format": FORMAT,
        "version": VERSION,
        # The first one encrypts; all of them decrypt, so that a new one can be put in front.
        "encryption": [_encoded(secrets.token_bytes(_KEY_BYTES))],
        "lookup": _encoded(secrets.token_bytes(_KEY_BYTES)),
        "codes": _encoded(secrets.token_bytes(_KEY_BYTES)),
    }
    # Written beside its place and linked into it: whole or not there at all, and never over another one.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                json.dump(content, file, indent=2)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        raise UsageError(
            f"There is a key file already: {path}.",
            remedy="It is kept: without it, what is stored in the database cannot be read any more.",
        ) from None
    except OSError as error:
        raise UsageError(
            f"The key file {path} cannot be made: {error.strerror}.",
            remedy="Choose another place in BEREDSKAP_STORE__KEY_FILE, or mend the rights of the directory.",
        ) from None


def load_keys(path: Path) -> Keys:
    """The keys in the file `path`.

    Raises UsageError when it is missing, cannot be read, is open to others than its owner, or is damaged.
    """
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise UsageError(
            f"There is no key file at {path}.",
            remedy="A new installation gets one by: beredskap init. One that has data needs the key it had. "
            + _RESTORE,
        ) from None
    except OSError as error:
        raise UsageError(
            f"The key file {path} cannot be read: {error.strerror}.",
            remedy="Run the command as the user who owns the file.",
        ) from None
    except UnicodeDecodeError:
        raise _damaged(path) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"The key file {path} can be opened by other users of this machine (mode {stat.S_IMODE(mode):04o}).",
            remedy=f"Close it: chmod 600 '{path}'. Think about who may have read it.",
        )
    return _parse(path, text)


def _parse(path: Path, text: str) -> Keys:
    from cryptography.fernet import Fernet, MultiFernet

    try:
        content = json.loads(text)
        if content["format"] != FORMAT:
            raise _damaged(path)
        if content["version"] != VERSION:
            raise UsageError(
                f"The key file {path} was made by another version of Beredskap.",
                remedy="Run the newest version of Beredskap that was used with it.",
            )
        encryption = [_decoded(key) for key in content["encryption"]]
        if not encryption:
            raise _damaged(path)
        fernet = MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in encryption])
        return Keys(fernet, _decoded(content["lookup"]), _decoded(content["codes"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _damaged(path) from None


def _damaged(path: Path) -> UsageError:
    return UsageError(f"The file {path} is damaged, or no key file of Beredskap.", remedy=_RESTORE)


def _encoded(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode("ascii")


def _decoded(text: str) -> bytes:
    try:
        key = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
    if len(key) != _KEY_BYTES:
        raise ValueError("wrong length")
    return key


def _mac(key: bytes, parts: tuple[bytes, ...]) -> bytes:
    # Each part carries its length: ("ab", "c") and ("a", "bc") must not be the same message.
    message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.new(key, message, hashlib.sha256).digest()
