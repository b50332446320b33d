"""What the export says in Norwegian, for a parent who reads it on paper: fields, coded values, days and times (pure).

A word that stands in neither table is shown as it is stored: what people typed, names, and providers' own codes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any, Final

from config.clock import OSLO

FIELDS: Final[Mapping[str, str]] = {
    "about": "gjelder",
    "accepted_at": "overlevert",
    "act": "hendelse",
    "address": "adresse",
    "alerts": "beredskapsmeldinger",
    "at": "tidspunkt",
    "attempts": "forsøk på å sende",
    "basis": "grunnlag",
    "began_at": "begynte",
    "birth_date": "fødselsdato",
    "channel": "kanal",
    "code": "kode",
    "confirmed_at": "sist bekreftet",
    "consent_asked_at": "spurt om samtykke",
    "created_at": "laget",
    "current": "i bruk",
    "deceased": "død",
    "decided_on": "avgjort",
    "decision": "vedtak",
    "decision_ref": "vedtak",
    "decisions": "avgjørelser om hvem som kunne varsles",
    "details": "nærmere",
    "ended_at": "avsluttet",
    "ended_on": "slutter",
    "evidence": "grunnlag",
    "expired": "ikke bekreftet på lenge",
    "expires_at": "utløper",
    "failed_at": "siste feil",
    "failing_since": "virker ikke siden",
    "failures": "feil på rad",
    "family_name": "etternavn",
    "finished_at": "ferdig",
    "from": "fra",
    "given_at": "registrert",
    "given_evidence": "grunnlag for samtykket",
    "given_name": "fornavn",
    "given_on": "gitt",
    "grade": "trinn",
    "group": "klasse eller gruppe",
    "guardian": "foresatt",
    "id": "internt nummer",
    "in_attendance": "i skolen",
    "kind": "slags melding",
    "language": "språk",
    "left_on": "sluttet",
    "lookup": "nøkkel for oppslag",
    "main": "hovedskole",
    "main_school": "hovedskole, bestemt her",
    "messages": "meldinger",
    "moves": "hva som skjedde med meldingen",
    "no_longer_meant_since": "ikke lenger mottaker siden",
    "not_confirmed_lately": "adressen var ikke bekreftet på lenge",
    "not_verified": "adressen var ikke bekreftet",
    "number": "nummer",
    "on": "dag",
    "opted_out_at": "reservert mot SMS siden",
    "outcome": "utfall",
    "protection": "adressebeskyttelse",
    "protection_told": "en kilde har sagt om adressen er beskyttet",
    "protection_unknown": "ukjent om adressen er beskyttet",
    "provider": "leverandør",
    "purpose": "formål",
    "reason": "begrunnelse",
    "receipts": "kvitteringer",
    "recorded_at": "registrert",
    "ref": "elevnummer",
    "reference": "leverandørens referanse",
    "refused": "uten virkning",
    "register_document_at": "sist hentet fra Folkeregisteret",
    "released_at": "frigitt",
    "reserved": "reservert mot digital post",
    "scenario": "hva meldingen gjaldt",
    "scheme": "slags nummer",
    "school": "skole",
    "school_id": "skolens interne nummer",
    "schools": "skoler",
    "sent_at": "sendt",
    "source": "kilde",
    "state": "hvor det står",
    "status": "status",
    "student": "elev",
    "student_agreed": "eleven har bedt om det",
    "superseded": "erstattet av en senere avgjørelse",
    "takes_messages": "kan ta imot meldinger",
    "text": "tekst",
    "to": "til",
    "tries": "antall forsøk",
    "unreachable": "hvorfor ingen melding ble sendt",
    "until": "til og med",
    "valid_from": "gjelder fra",
    "valid_to": "gjelder ikke lenger fra",
    "value": "nummer eller adresse",
    "verdict": "kan varsles",
    "verified_at": "bekreftet første gang",
    "verified_by": "bekreftet ved",
    "withdrawn_at": "tilbaketrekking registrert",
    "withdrawn_evidence": "grunnlag for tilbaketrekkingen",
    "withdrawn_on": "trukket tilbake",
    "withheld": "utelatt av hensyn til andre",
}

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
# Codes that this program gives itself; the others are a provider's.
_CODES: Final = {
    "entitlement_lost": "ingen kunne lenger varsles der",
    "no_longer_asked": "spørsmålet trengtes ikke lenger",
    "opted_out": "eieren av nummeret har svart STOPP",
    "stopped": "varselet ble stanset",
    "expired": "varselet var utløpt",
    "lease_lost": "programmet som sendte, forsvant",
    "crashed": "programmet feilet",
    "never_taken": "leverandøren tok den aldri imot",
    "repeat": "sendes en gang til",
    "replaced": "erstattet av en ny melding",
    "poison": "meldingen kunne ikke lages",
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
        "contact.opt_out": "reservert mot SMS",
        "contact.verify": "kode sendt",
        "contacts.erase": "opplysninger slettet",
        "contacts.export": "innsyn gitt",
        "guardian.block": "vedtak om ikke å kontakte registrert",
        "guardian.unblock": "vedtak om ikke å kontakte avsluttet",
        "student.hold": "frigivelse trukket tilbake",
        "student.look_up": "oppslag på eleven",
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
    "channel": {"sms": "SMS", "email": "e-post"},
    "code": _CODES,
    "guardian": _PEOPLE,
    "kind": {
        "verification_code": "engangskode",
        "break_glass": "beskjed om et varsel sendt uten rolle",
        "consent_question": "spørsmål om samtykke før du fyller 18",
        "self_test_failed": "melding om at selvtesten feilet",
        # answers
        "stop": "STOPP: ingen flere SMS",
        "start": "START: SMS igjen",
        "help": "HJELP: spørsmål om hvem avsenderen er",
        "confirmation": "bekreftelse på et varsel",
        "other": "svar som et menneske må lese",
    },
    "language": {"nb": "bokmål", "nn": "nynorsk", "se": "nordsamisk", "en": "engelsk"},
    "outcome": {
        "open": "ikke svart ennå",
        "accepted": "tatt imot",
        "rejected": "avvist",
        "deferred": "ikke tatt imot, prøves igjen",
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
        "shelter": "tilfluktsrom",
        "transport": "skyss",
        "update": "ny melding om det samme",
        "weather": "uvær",
    },
    "scheme": {"nin": "fødselsnummer eller d-nummer"},
    "schools": _PEOPLE,
    "source": {
        "freg": "Folkeregisteret",
        "krr": "Kontakt- og reservasjonsregisteret",
        "manual": "registrert for hånd",
        "pifu": "skolens administrative system (PIFU)",
        "oneroster": "skolens administrative system (OneRoster)",
        "sds": "skolens administrative system (School Data Sync)",
        "fint": "skolens administrative system (FINT)",
        **_PEOPLE,
    },
    "state": _STATES,
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
    "verified_by": {"code": "engangskode", "source": "kilden"},
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
