"""Who somebody is, by the claims of ID-porten or Feide about them (pure).

Sources: Digdir, ID-porten's id_token (`pid`, `acr`; docs.digdir.no); Sikt, Feide's OpenID Connect details and user ids
(`https://n.feide.no/claims/eduPersonPrincipalName`, `…/nin`, `…/userid_sec`; docs.feide.no).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from contacts.national_id import NationalId, NationalIdError

# Lowest first. What is not among them, such as a self-registered account, is no proof of who somebody is.
LEVELS: Final = ("idporten-loa-substantial", "idporten-loa-high")
_FEIDE: Final = "https://n.feide.no/claims/"
_LONGEST_NAME: Final = 200


class ClaimFault(StrEnum):
    """Why the claims do not say who somebody is."""

    LOW_LEVEL = "low_level"  # logged in with less than ID-porten's level "substantial"
    NO_NUMBER = "no_number"  # no identity number, or none that is one
    NO_FEIDE_NAME = "no_feide_name"
    OTHER_REALM = "other_realm"  # a Feide name of another school


class ClaimError(ValueError):
    """The claims cannot be used. The text holds nothing of them."""

    def __init__(self, fault: ClaimFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class GuardianClaims:
    """Who logged in by ID-porten. `name`: as it was told; empty when it was not."""

    nin: NationalId
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FeideClaims:
    """Who logged in by Feide. `feide`: their Feide name, in small letters; `nin`: None where Feide may not tell it."""

    feide: str = field(repr=False)
    nin: NationalId | None
    name: str = field(repr=False)


def guardian_claims(claims: Mapping[str, Any]) -> GuardianClaims:
    """Raises ClaimError: LOW_LEVEL, NO_NUMBER."""
    if claims.get("acr") not in LEVELS:
        raise ClaimError(ClaimFault.LOW_LEVEL)
    nin = _number(claims.get("pid"))
    if nin is None:
        raise ClaimError(ClaimFault.NO_NUMBER)
    return GuardianClaims(nin, _name(claims))


def feide_claims(claims: Mapping[str, Any], realm: str) -> FeideClaims:
    """`realm`: of the school that the visitor chose. Raises ClaimError: NO_FEIDE_NAME, OTHER_REALM."""
    feide = claims.get(f"{_FEIDE}eduPersonPrincipalName")
    if not isinstance(feide, str) or feide.count("@") != 1:
        raise ClaimError(ClaimFault.NO_FEIDE_NAME)
    feide = feide.casefold()
    if not realm or feide.partition("@")[2] != realm.casefold():
        raise ClaimError(ClaimFault.OTHER_REALM)
    return FeideClaims(feide, _number(claims.get(f"{_FEIDE}nin")) or _secondary_number(claims), _name(claims))


def _secondary_number(claims: Mapping[str, Any]) -> NationalId | None:
    """From the list of further ids, "nin:…" among them."""
    ids = claims.get(f"{_FEIDE}userid_sec")
    for one in ids if isinstance(ids, list) else ():
        kind, _, value = one.partition(":") if isinstance(one, str) else ("", "", "")
        if kind == "nin":
            return _number(value)
    return None


def _number(value: object) -> NationalId | None:
    try:
        return NationalId.parse(value) if isinstance(value, str) else None
    except NationalIdError:
        return None


def _name(claims: Mapping[str, Any]) -> str:
    name = claims.get("name")
    return " ".join(name.split())[:_LONGEST_NAME] if isinstance(name, str) else ""
