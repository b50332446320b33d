"""What the export says in Norwegian, for a parent who reads it on paper: coded values, days and times (pure).

A word that stands in no table is shown as it is stored: what people typed, names, and providers' own codes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any, Final

from config.clock import OSLO
from dispatcher.retention.norwegian_fields import FIELDS

_PEOPLE: Final = {"yourself": "deg selv", "not named here": "ikke navngitt her"}
_STATES: Final = {
    "queued": "venter",
    "sending": "sendes",
    "accepted": "overlevert til leverandøren",
    "deferred": "prøves igjen",
    "unknown": "usikkert om den kom fram",
    "delivered": "levert",
    "undelivered": "ikke levert",
    "rejected": "avvist",
    "expired": "utløpt",
    "cancelled": "avlyst",
}
_INVITATIONS: Final = {
    "made": "laget, ikke brukt",
    "entered": "brukt, venter på elevens svar",
    "confirmed": "bekreftet",
    "refused": "avvist av eleven",
    "revoked": "tatt tilbake",
}
# Codes that this program gives itself; the others are a provider's.
_CODES: Final = {
    "entitlement_lost": "ingen kunne lenger varsles der",
    "no_longer_asked": "spørsmålet trengtes ikke lenger",
    "no_longer_needed": "påminnelsen trengtes ikke lenger",
    "opted_out": "eieren av nummeret har svart STOPP",
    "stopped": "varselet ble stanset",
    "expired": "varselet var utløpt",
    "lease_lost": "programmet som sendte, forsvant",
    "crashed": "programmet feilet",
    "never_taken": "leverandøren tok den aldri imot",
    "repeat": "sendes en gang til",
    "replaced": "erstattet av en ny melding",
    "never_told": "ingen den gjaldt, hadde fått meldingen før den",
    "poison": "meldingen kunne ikke lages",
    "confirmed": "du hadde fått meldingen før det ble ringt",
    "call_busy": "det var opptatt",
    "call_no_answer": "ingen svarte",
    "call_failed": "oppringningen kom ikke fram",
    "call_canceled": "oppringningen ble avbrutt hos leverandøren",
    "call_machine": "en telefonsvarer svarte",
    "call_not_confirmed": "oppringningen ble besvart, men ikke bekreftet",
}

# Of a field the words for its coded values.
VALUES: Final[Mapping[str, Mapping[str, str]]] = {
    "about": _PEOPLE,
    "act": {
        "alert.send": "varsel sendt",
        "consent.ask": "eleven er spurt om samtykke",
        "consent.give": "samtykke gitt",
        "consent.withdraw": "samtykke trukket tilbake",
        "contact.add": "kontaktopplysning lagt til",
        "contact.confirm": "kontaktopplysning bekreftet med kode",
        "contact.forget_failures": "adresse tatt i bruk igjen",
        "contact.opt_in": "reservasjon mot SMS opphevet",
        "contact.language": "språk valgt",
        "contact.opt_out": "reservert mot SMS",
        "contact.remove": "kontaktopplysning fjernet",
        "contact.verify": "kode sendt",
        "contacts.erase": "opplysninger slettet",
        "contacts.export": "innsyn gitt",
        "contact_person.take_back": "eleven har tatt tilbake en kontaktperson",
        "guardian.block": "vedtak om ikke å kontakte registrert",
        "guardian.unblock": "vedtak om ikke å kontakte avsluttet",
        "invitation.blocked": "kode ikke godtatt på grunn av et vedtak",
        "invitation.confirm": "eleven har bekreftet hvem som brukte koden",
        "invitation.enter": "elevens kode er brukt",
        "invitation.make": "eleven har laget en kode",
        "invitation.refuse": "eleven har avvist den som brukte koden",
        "invitation.revoke": "eleven har tatt tilbake en kode",
        "student.hold": "frigivelse trukket tilbake",
        "student.look_up": "oppslag på eleven",
        "student.reached": "noen nådd på telefon om eleven",
        "student.reached_taken_back": "merke om at noen var nådd, tatt tilbake",
        "student.main_school": "hovedskole bestemt",
        "student.release": "eleven frigitt",
    },
    "basis": {
        "custody": "foreldreansvar",
        "foster": "fosterforelder",
        "appointed": "verge",
        "school_register": "foresatt i skolens register",
        "contact_person": "kontaktperson",
        "relative": "slektning",
    },
    "channel": {"sms": "SMS", "email": "e-post", "voice": "oppringning"},
    "code": _CODES,
    "ended": {
        "confirmed": "du hadde fått meldingen",
        "call_list": "ingen flere trinn: skolen kunne ringe",
        "not_entitled": "du kunne ikke lenger varsles",
    },
    "guardian": _PEOPLE,
    "kind": {
        "verification_code": "engangskode",
        "break_glass": "beskjed om et varsel sendt uten rolle",
        "consent_question": "spørsmål om samtykke før du fyller 18",
        "contact_reminder": "påminnelse om kontaktopplysninger som mangler",
        "self_test_failed": "melding om at selvtesten feilet",
        # answers
        "stop": "STOPP: ingen flere SMS",
        "start": "START: SMS igjen",
        "help": "HJELP: spørsmål om hvem avsenderen er",
        "confirmation": "bekreftelse på et varsel",
        "other": "svar som et menneske må lese",
    },
    "language": {"nb": "bokmål", "nn": "nynorsk", "se": "nordsamisk", "en": "engelsk"},
    "name_from": {
        "store": "et register eller skolen",
        "login": "innloggingen",
        "themselves": "skrevet av den som brukte koden",
    },
    "outcome": {
        "open": "ikke svart ennå",
        "accepted": "tatt imot",
        "rejected": "avvist",
        "deferred": "utsatt til et nytt forsøk",
        "unknown": "uvisst",
        "released": "gitt tilbake usendt",
    },
    "protection": {
        "none": "ingen",
        "klientadresse": "klientadresse",
        "fortrolig": "fortrolig adresse",
        "strengtFortrolig": "strengt fortrolig adresse",
    },
    "purpose": {"alerts": "å få beredskapsmeldinger", "portal": "å se sider på nettet"},
    "reached": _PEOPLE,
    "reason": {
        "student_deceased": "eleven er død",
        "deceased": "den foresatte er død",
        "blocked": "vedtak om at den foresatte ikke skal kontaktes",
        "birth_date_unknown": "fødselsdatoen er ukjent",
        "protected_hold": "adressen er beskyttet",
        "protection_unknown": "det er ukjent om adressen er beskyttet",
        "custody": "foreldreansvar",
        "foster": "fosterforelder",
        "appointed": "verge",
        "school_register": "foresatt i skolens register",
        "documented_contact": "kontaktperson med vedtak, eller som eleven har bedt om",
        "undocumented_contact": "kontaktperson uten vedtak",
        "no_custody": "ikke foreldreansvar",
        "consented": "den myndige eleven har samtykket",
        "told_earlier": "varslet tidligere om det samme",
        "consent_withdrawn": "den myndige eleven har trukket samtykket tilbake",
        "adult_without_consent": "den myndige eleven har ikke samtykket",
        "no_guardian_known": "ingen foresatt er registrert",
    },
    "scenario": {
        "all_clear": "faren er over",
        "cancel": "varselet er trukket tilbake",
        "closed": "skolen er stengt",
        "evacuation": "evakuering",
        "fire": "brann",
        "incident": "hendelse",
        "info": "informasjon",
        "lockdown": "skolen er låst",
        "shelter": "farlig røyk eller gass i nærheten",
        "transport": "skyss",
        "update": "ny melding om det samme",
        "weather": "uvær",
    },
    "scheme": {"nin": "fødselsnummer eller d-nummer"},
    "schools": _PEOPLE,
    "source": {
        "freg": "Folkeregisteret",
        "student": "eleven selv",
        "guardian": "den foresatte selv",
        "krr": "Kontakt- og reservasjonsregisteret",
        "manual": "registrert for hånd",
        "pifu": "skolens administrative system (PIFU)",
        "oneroster": "skolens administrative system (OneRoster)",
        "sds": "skolens administrative system (School Data Sync)",
        "fint": "skolens administrative system (FINT)",
        **_PEOPLE,
    },
    "state": {**_STATES, **_INVITATIONS},
    "status": {
        "actual": "virkelig varsel",
        "exercise": "øvelse",
        "test": "prøve",
        "active": "registrert",
        "deleted": "slettet",
        "not_registered": "aldri registrert",
        "pending": "underveis",
        "delivered": "levert",
        "undelivered": "ikke levert",
    },
    "student": _PEOPLE,
    "to": {**_STATES, **_PEOPLE},
    "unreachable": {
        "unverified_only": "bare ubekreftede kontaktopplysninger",
        "stale_only": "bare kontaktopplysninger som ikke er bekreftet på lenge",
        "channel_not_asked": "bare på en kanal som ikke ble brukt",
        "opted_out": "reservert mot SMS",
        "failing": "tidligere meldinger kom ikke fram",
        "fixed_line_only": "bare fasttelefon",
        "shared_with_blocked": "adressen deles med noen som ikke skal kontaktes",
        "replaced": "erstattet av en adresse som er bekreftet her",
        "no_contact_point": "ingen kontaktopplysninger",
    },
    "verdict": {"entitled": "ja", "held": "må avgjøres av et menneske", "no": "nei"},
    "visitor": {"guardian": "foresatt", "student": "elev", "staff": "ansatt"},
    "verified_by": {"code": "engangskode", "source": "kilden"},
    "way": {"sms": "SMS", "email": "e-post", "letter": "brev"},
}

_DAY: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})")


def field_words(name: str) -> str:
    return FIELDS.get(name, name.replace("_", " "))


def value_words(name: str, value: Any) -> str:
    """A value of the field `name`: "ja", "23.11.2026", "23.11.2026 kl. 08.40.12", the words for a code, or itself."""
    if isinstance(value, bool):
        return "ja" if value else "nei"
    if isinstance(value, datetime):
        return f"{value.astimezone(OSLO):%d.%m.%Y kl. %H.%M.%S}"
    if isinstance(value, date):
        return f"{value:%d.%m.%Y}"
    text = str(value.value if isinstance(value, Enum) else value)
    if day := _DAY.fullmatch(text):
        return ".".join(reversed(day.groups()))
    known = VALUES.get(name, {})
    if name == "source" and text not in known:
        # "pifu:NO:…" is one export of a format; which one may tell it from another.
        kind, _, which = text.partition(":")
        return f"{known[kind]}: {which}" if kind in known and which else text
    return known.get(text, text)
