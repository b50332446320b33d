"""A postal address as the population register tells it, and how it is written on an envelope (pure)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

NORWAY: Final = "NO"


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """`lines`: everything above postal code and place. `country`: two letters; its repr hides where somebody lives."""

    lines: tuple[str, ...] = field(repr=False)
    postal_code: str = field(repr=False)
    place: str = field(repr=False)
    country: str = NORWAY

    @property
    def on_envelope(self) -> tuple[str, ...]:
        """The lines below the name, from top to bottom."""
        last = " ".join(part for part in (self.postal_code, self.place) if part)
        abroad = () if self.country == NORWAY else (self.country,)
        return tuple(line for line in (*self.lines, last, *abroad) if line)
