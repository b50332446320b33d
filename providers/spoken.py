"""The words of a call beside its message, and the language in which somebody is called (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from config.catalogue import Catalogue
from config.sections import Language

# Twilio's voices, by the language of the words. It has none for nynorsk, and none for Northern Sámi.
VOICES: Final[Mapping[Language, str]] = {"nb": "nb-NO", "nn": "nb-NO", "en": "en-GB"}
AGAIN: Final = "1"
CONFIRMS: Final = "2"


@dataclass(frozen=True, slots=True)
class VoiceWords:
    """What is said in one language: which keys there are, and the answer to a confirmation."""

    menu: str
    confirmed: str


def spoken_language(language: str) -> Language:
    """The language in which somebody with this one is called: bokmål where there is no voice."""
    return next((one for one in VOICES if one == language), "nb")


def voice_words(catalogue: Catalogue) -> dict[str, VoiceWords]:
    """The words of every language that there is a voice for."""
    return {
        language: VoiceWords(
            menu=catalogue.phrase("voice_menu", language).text,
            confirmed=catalogue.phrase("voice_confirmed", language).text,
        )
        for language in VOICES
    }
