"""The message catalogue: what is said in each scenario and notice, in every language; read from config/messages.

One TOML file is one scenario (`scenarios/<name>.toml`), one notice (`notices/<name>.toml`), one letter on paper
(`letters/<name>.toml`) or one sentence (`phrases/<name>.toml`), with a table for each of nb, nn, se and en. A school
may lay a folder of the same shape over it (setting organisation.messages_dir): a file of the same name replaces the one
here, another name adds to them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

from config.errors import UsageError

if TYPE_CHECKING:
    from config.sections import Language

LANGUAGES: tuple[Language, ...] = ("nb", "nn", "se", "en")
MESSAGES_DIR = Path(__file__).with_name("messages")

_Code = TypeVar("_Code", bound=StrEnum)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SCENARIO_KEYS = frozenset({"severity", "msg_type", "response_type"})
_TEXT_KEYS = frozenset({"headline", "sms", "email", "awaiting_review"})
_PHRASE_KEYS = frozenset({"text", "awaiting_review"})
_LETTER_KEYS = frozenset({"headline", "text", "awaiting_review"})


class Severity(StrEnum):
    """CAP 1.2 `severity`."""

    EXTREME = "extreme"
    SEVERE = "severe"
    MODERATE = "moderate"
    MINOR = "minor"


class MsgType(StrEnum):
    """CAP 1.2 `msgType`: a first alert, news about an earlier one, or the taking back of an earlier one."""

    ALERT = "alert"
    UPDATE = "update"
    CANCEL = "cancel"


class ResponseType(StrEnum):
    """CAP 1.2 `responseType`, so far as it changes what the program does."""

    ALL_CLEAR = "all_clear"


@dataclass(frozen=True, slots=True)
class MessageText:
    """One message in one language, with {placeholders} still in it. `headline` is the e-mail's subject."""

    headline: str
    sms: str
    email: str
    awaiting_review: bool = False  # no native speaker has read it yet


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    severity: Severity
    msg_type: MsgType
    response_type: ResponseType | None
    texts: Mapping[Language, MessageText]


@dataclass(frozen=True, slots=True)
class Notice:
    name: str
    texts: Mapping[Language, MessageText]


@dataclass(frozen=True, slots=True)
class Phrase:
    """One sentence in one language, with {placeholders} still in it."""

    text: str
    awaiting_review: bool = False


@dataclass(frozen=True, slots=True)
class LetterText:
    """A letter in one language, with {placeholders} still in it; its paragraphs are parted by an empty line."""

    headline: str
    text: str
    awaiting_review: bool = False


@dataclass(frozen=True, slots=True)
class Catalogue:
    _scenarios: Mapping[str, Scenario]
    _notices: Mapping[str, Notice]
    _phrases: Mapping[str, Mapping[Language, Phrase]]
    _letters: Mapping[str, Mapping[Language, LetterText]]

    def scenarios(self) -> tuple[Scenario, ...]:
        """All scenarios, by name."""
        return tuple(self._scenarios[name] for name in sorted(self._scenarios))

    def scenario(self, name: str) -> Scenario:
        """Raises UsageError, listing the known scenarios, when there is none of that name."""
        if name in self._scenarios:
            return self._scenarios[name]
        raise UsageError(
            "There is no scenario of that name.",
            unchanged="Nothing was sent.",
            remedy=f"Known scenarios: {', '.join(sorted(self._scenarios))}.",
        )

    def text(self, scenario: str, language: Language) -> MessageText:
        return self.scenario(scenario).texts[language]

    def notice(self, name: str, language: Language) -> MessageText:
        """The text of a notice that the program itself names; KeyError when the program is wrong."""
        return self._notices[name].texts[language]

    def phrase(self, name: str, language: Language) -> Phrase:
        """A sentence that the program itself names; KeyError when the program is wrong."""
        return self._phrases[name][language]

    def letter(self, name: str, language: Language) -> LetterText:
        """A letter that the program itself names; KeyError when the program is wrong."""
        return self._letters[name][language]


def load_catalogue(extra: Path | None = None) -> Catalogue:
    """Read and check the catalogue, with a school's own folder laid over it.

    Raises UsageError naming the file and what is wrong with it.
    """
    folders = [MESSAGES_DIR]
    if extra is not None:
        if not extra.is_dir():
            _unusable(extra, "there is no such folder")
        folders.append(extra)
    scenarios: dict[str, Scenario] = {}
    notices: dict[str, Notice] = {}
    phrases: dict[str, Mapping[Language, Phrase]] = {}
    letters: dict[str, Mapping[Language, LetterText]] = {}
    for folder in folders:
        for file in sorted((folder / "scenarios").glob("*.toml")):
            scenarios[file.stem] = _scenario(file)
        for file in sorted((folder / "notices").glob("*.toml")):
            notices[file.stem] = Notice(file.stem, _texts(file, _read(file), frozenset()))
        for file in sorted((folder / "phrases").glob("*.toml")):
            phrases[file.stem] = _phrases(file)
        for file in sorted((folder / "letters").glob("*.toml")):
            letters[file.stem] = _letters(file)
    return Catalogue(scenarios, notices, phrases, letters)


def _scenario(file: Path) -> Scenario:
    values = _read(file)
    if not _NAME.fullmatch(file.stem):
        _unusable(file, "a scenario's name is made of small letters a-z, digits and _")
    response = values.get("response_type")
    return Scenario(
        name=file.stem,
        severity=_one_of(Severity, file, "severity", values.get("severity")),
        msg_type=_one_of(MsgType, file, "msg_type", values.get("msg_type")),
        response_type=None if response is None else _one_of(ResponseType, file, "response_type", response),
        texts=_texts(file, values, _SCENARIO_KEYS),
    )


def _phrases(file: Path) -> dict[Language, Phrase]:
    values = _read(file)
    _refuse_unknown(file, values, frozenset(LANGUAGES))
    return {language: _phrase(file, language, values.get(language)) for language in LANGUAGES}


def _phrase(file: Path, language: Language, value: object) -> Phrase:
    table = _table(file, language, value, _PHRASE_KEYS)
    text = _part(file, language, table, "text")
    if "\n" in text:
        _unusable(file, f"the text of [{language}] has more than one line")
    return Phrase(text, _awaiting(file, language, table))


def _letters(file: Path) -> dict[Language, LetterText]:
    values = _read(file)
    _refuse_unknown(file, values, frozenset(LANGUAGES))
    return {language: _letter(file, language, values.get(language)) for language in LANGUAGES}


def _letter(file: Path, language: Language, value: object) -> LetterText:
    table = _table(file, language, value, _LETTER_KEYS)
    headline, text = (_part(file, language, table, key) for key in ("headline", "text"))
    if "\n" in headline:
        _unusable(file, f"the headline of [{language}] has more than one line")
    return LetterText(headline, text, _awaiting(file, language, table))


def _texts(file: Path, values: Mapping[str, object], more_keys: frozenset[str]) -> dict[Language, MessageText]:
    _refuse_unknown(file, values, more_keys | set(LANGUAGES))
    return {language: _text(file, language, values.get(language)) for language in LANGUAGES}


def _text(file: Path, language: Language, value: object) -> MessageText:
    table = _table(file, language, value, _TEXT_KEYS)
    headline, sms, email = (_part(file, language, table, key) for key in ("headline", "sms", "email"))
    if "\n" in headline:
        _unusable(file, f"the headline of [{language}] has more than one line")
    return MessageText(headline, sms, email, _awaiting(file, language, table))


def _table(file: Path, language: Language, value: object, keys: frozenset[str]) -> dict[str, object]:
    if not isinstance(value, dict):
        _unusable(file, f"the language {language} is missing")
    _refuse_unknown(file, value, keys, f"[{language}]")
    return value


def _refuse_unknown(file: Path, values: Mapping[str, object], known: frozenset[str], where: str = "it") -> None:
    unknown = set(values) - known
    if unknown:
        _unusable(file, f"{where} holds the unknown name {min(unknown)}")


def _part(file: Path, language: Language, table: Mapping[str, object], key: str) -> str:
    part = table.get(key)
    if not isinstance(part, str) or not part.strip():
        _unusable(file, f"[{language}] has no {key}")
    return part.strip()


def _awaiting(file: Path, language: Language, table: Mapping[str, object]) -> bool:
    awaiting = table.get("awaiting_review", False)
    if not isinstance(awaiting, bool):
        _unusable(file, f"awaiting_review of [{language}] is neither true nor false")
    return awaiting


def _one_of(codes: type[_Code], file: Path, key: str, value: object) -> _Code:
    known = {code.value: code for code in codes}
    if not isinstance(value, str) or value not in known:
        _unusable(file, f"{key} is not one of {', '.join(known)}")
    return known[value]


def _read(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        _unusable(file, error.strerror or "it cannot be opened")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        _unusable(file, str(error))


def _unusable(file: Path, reason: str) -> NoReturn:
    raise UsageError(
        f"The message catalogue cannot be used: {file}: {reason}.",
        remedy="Mend the file, or take organisation.messages_dir out of the settings.",
    ) from None
