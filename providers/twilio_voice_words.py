"""What a call says, as TwiML (pure): the message, the two keys, and the thanks.

https://www.twilio.com/docs/voice/twiml/say · https://www.twilio.com/docs/voice/twiml/gather
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from twilio.twiml.voice_response import Gather, VoiceResponse

from providers.spoken import VOICES, VoiceWords, spoken_language

# Seconds for which a key is waited for, after all was said.
_KEY_SECONDS: Final = 8
# What the parameter Twiml of a call takes (https://www.twilio.com/docs/voice/api/call-resource).
LONGEST_TWIML: Final = 4000


def message_twiml(text: str, language: str, words: Mapping[str, VoiceWords], action: str = "") -> str:
    """Say the message, and ask for a key; all of it twice where that fits, for whoever was not quick enough.

    `text`: in the language that `spoken_language` names. `action`: the address that is told of the key; without one
    nobody would hear it, and no key is spoken of.
    """
    twice = _message(text, language, words, action, times=2)
    return twice if len(twice) <= LONGEST_TWIML else _message(text, language, words, action, times=1)


def _message(text: str, language: str, words: Mapping[str, VoiceWords], action: str, *, times: int) -> str:
    spoken = spoken_language(language)
    voice = VOICES[spoken]
    response = VoiceResponse()
    for _ in range(times):
        if action:
            gather = Gather(num_digits=1, timeout=_KEY_SECONDS, action=action, method="POST")
            gather.say(text, language=voice)
            gather.pause(length=1)
            gather.say(words[spoken].menu, language=voice)
            response.append(gather)
        else:
            response.say(text, language=voice)
            response.pause(length=1)
    return str(response)


def confirmed_twiml(language: str, words: Mapping[str, VoiceWords]) -> str:
    """Thank whoever has confirmed, and hang up."""
    spoken = spoken_language(language)
    response = VoiceResponse()
    response.say(words[spoken].confirmed, language=VOICES[spoken])
    response.hangup()
    return str(response)
