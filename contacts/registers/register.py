"""The public registers that are asked live, and what is said when one of them cannot be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from config.errors import BeredskapError, UsageError
from config.spare_sections import RegisterSettings


@dataclass(frozen=True, slots=True)
class Register:
    """`section`: of the settings. `retry_after_unit`: how many seconds a unit of its Retry-After header is."""

    section: str
    name: str
    retry_after_unit: float

    @property
    def subject(self) -> str:
        """The name as a sentence begins with it."""
        return self.name[0].upper() + self.name[1:]


KRR: Final = Register("krr", "the contact register (KRR)", 1.0)
# Its documentation: "Vent i minimum antall ms. angitt i Retry-After-header".
FREG: Final = Register("freg", "the population register (FREG)", 0.001)


class RegisterError(BeredskapError):
    """A register, or Maskinporten before it, does not give what was asked for. The text holds no personal data."""


def check_settings(register: Register, settings: RegisterSettings) -> None:
    """Raises UsageError when something is missing without which the register cannot be asked."""
    missing = [
        f"{register.section}.{name}"
        for name in ("base_url", "token_url", "client_id", "scope", "key_file", "key_id")
        if not getattr(settings, name)
    ]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise UsageError(
            f"{register.subject} cannot be asked: {', '.join(missing)} {verb} not set.",
            remedy=f"Fill in the section [{register.section}] of the settings (docs/running.md).",
        )
