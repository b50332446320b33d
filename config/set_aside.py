"""Settings that no alert needs, and that are wrong: set aside, so that they refuse only what would use them.

At 07:40 an alert must not wait for somebody to mend the address of a register. Whoever uses such a section takes it
through `usable`: a wrong one is never taken for its defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from config.errors import UsageError
from config.settings_file import DEFAULT_SETTINGS_FILE, settings_file
from config.spare_sections import OperatorSettings

SectionT = TypeVar("SectionT", bound=BaseModel)

_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class SetAside:
    """What stands in a section's place that cannot be used. `setting`: the first one that is wrong, as
    "krr.base_url"; `reason`: what it must be. Never its value."""

    setting: str
    reason: str


@dataclass(frozen=True, slots=True)
class Operators:
    """The operators that the settings name. `set_aside`: entries that cannot be used, by name; a name of "" stands for
    the whole table. Whoever stands there has no role until it is mended."""

    named: Mapping[str, OperatorSettings]
    set_aside: Mapping[str, SetAside]

    @property
    def in_use(self) -> bool:
        """Whether roles are asked for at all. A table of nothing but wrong entries opens no door."""
        return bool(self.named or self.set_aside)

    def entry(self, name: str) -> OperatorSettings | SetAside | None:
        """What stands there for an operator; of a table that cannot be used, nobody knows whom it names."""
        return self.named.get(name) or self.set_aside.get(name) or (None if self.named else self.set_aside.get(""))


def usable(section: SectionT | SetAside) -> SectionT:
    """The section. Raises UsageError, naming the setting, when it was set aside."""
    if isinstance(section, SetAside):
        raise wrong_setting(section.setting, section.reason)
    return section


def warning_of(set_aside: Sequence[SetAside]) -> str:
    """One line for whoever does something that needs none of these; empty when there are none."""
    if not set_aside:
        return ""
    names = ", ".join(one.setting for one in set_aside)
    verb = "setting that cannot be used is" if len(set_aside) == 1 else "settings that cannot be used are"
    return f"Warning: {len(set_aside)} {verb} set aside ({names}). Nothing here needs it; beredskap doctor says more."


def wrong_setting(name: str, reason: str) -> UsageError:
    """The error for a setting that cannot be used; an empty name: for several that do not fit together."""
    return UsageError(
        f"{f'The setting {name} cannot be used' if name else 'The settings do not fit together'}: {reason}.",
        remedy=f"Mend it in {settings_file() or DEFAULT_SETTINGS_FILE} or in the environment "
        "(BEREDSKAP_SECTION__NAME); config/defaults.toml lists all settings.",
    )


def first_fault(error: ValidationError, *within: str) -> SetAside:
    """The first setting that is wrong, by its full name, and why."""
    first = error.errors(include_input=False)[0]
    name = ".".join((*within, *(str(part) for part in first["loc"])))
    return SetAside(name, first["msg"].removeprefix("Value error, "))


def read_spare(model: type[SectionT], name: str, value: Any) -> SectionT | SetAside:
    """The section `name`, or what is said of it when it cannot be used."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        return first_fault(error, name)


def read_operators(value: Any) -> Operators:
    """Every entry by itself: a wrong one costs its operator their roles, and nobody else."""
    if not isinstance(value, dict):
        return Operators({}, {"": SetAside("operators", "it must be a table")})
    named: dict[str, OperatorSettings] = {}
    set_aside: dict[str, SetAside] = {}
    for name, entry in value.items():
        if not 1 <= len(name) <= _LONGEST_NAME:
            set_aside[name] = SetAside("operators", f"a name must have 1 to {_LONGEST_NAME} characters")
            continue
        match read_spare(OperatorSettings, f"operators.{name}", entry):
            case SetAside() as wrong:
                set_aside[name] = wrong
            case good:
                named[name] = good
    return Operators(named, set_aside)
