"""The codes that students hand over: ten signs that cannot be mistaken for each other, shown once, stored nowhere.

32 signs, so 50 bits. What people write for one another is read as what is meant: o for 0, i and l for 1, and no
difference between large and small. All randomness is the system's; what is stored is a keyed hash.
"""

from __future__ import annotations

import hmac
import re
import secrets
from typing import Final

from config.keys import Keys

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_SIGNS: Final = 10
_SCHEME: Final = "invitation code"
_MEANT: Final = str.maketrans("OIL", "011")


def new_code() -> str:
    """A code that nobody can guess, without its hyphen."""
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_SIGNS))


def shown(code: str) -> str:
    """A code as people read it: "7K2QM-X04TD"."""
    half = CODE_SIGNS // 2
    return f"{code[:half]}-{code[half:]}"


def read_code(typed: str) -> str | None:
    """The code that was typed, with or without hyphen and spaces; None for what cannot be one."""
    code = re.sub(r"[\s\u00a0\u2010-\u2015-]", "", typed).upper().translate(_MEANT)
    return code if len(code) == CODE_SIGNS and set(code) <= set(ALPHABET) else None


def code_hash(keys: Keys, code: str) -> str:
    """By which a code is found: 64 hexadecimal digits."""
    return keys.lookup_hash(code, _SCHEME)


def same(one: str, other: str) -> bool:
    """Whether two hashes are equal, in a time that does not tell how far they are."""
    return hmac.compare_digest(one.encode(), other.encode())
