"""The sections of the settings for the portal's pages, and for those who say who its visitors are."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from config.sections import Section

_SAFE_ADDRESS = r"https://[^/\s?#]+{path}|http://(127\.0\.0\.1|localhost)(:[0-9]+)?{path}"
_REALM = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


def _is_safe(address: str, path: str) -> bool:
    """Https; on this machine alone, for tests and training, without it."""
    return re.fullmatch(_SAFE_ADDRESS.replace("{path}", path), address) is not None


class PortalSettings(Section):
    """`public_url`: the address under which visitors reach the portal, without a path; empty: there are no pages.

    `idle_minutes`: for how long a visit goes on without a request; `longest_hours`: and at the longest at all.
    `trusted_proxies`: addresses of proxies whose word on where a request comes from is taken. `sending`: whether staff
    whose role allows it may send alerts there.
    """

    public_url: str
    idle_minutes: Annotated[int, Field(ge=1, le=240)]
    longest_hours: Annotated[int, Field(ge=1, le=24)]
    trusted_proxies: tuple[str, ...]
    sending: bool

    @field_validator("public_url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        if url and not _is_safe(url, "/?"):
            raise ValueError("it must be an https address without a path, or empty")
        return url.rstrip("/")

    @property
    def on(self) -> bool:
        return bool(self.public_url)


class LogInSettings(Section):
    """An OpenID provider and this installation's client at it. No client_id: nobody logs in there."""

    issuer: str
    client_id: str
    client_secret: SecretStr
    scope: str

    @field_validator("issuer")
    @classmethod
    def _is_an_issuer(cls, issuer: str) -> str:
        # Compared with what a token says of itself, letter by letter: a slash at the end belongs to it.
        if not _is_safe(issuer, r"(/[^\s?#]*)?"):
            raise ValueError("it must be an https address")
        return issuer

    @property
    def configured(self) -> bool:
        return bool(self.client_id)


class IdPortenSettings(LogInSettings):
    """Guardians log in here. The client proves itself by its secret, or by a key of its own: `private_key_file`, in
    PEM, and `key_id`, what its public half is called at ID-porten."""

    private_key_file: str
    key_id: str

    @model_validator(mode="after")
    def _proves_itself_one_way(self) -> Self:
        if self.configured and bool(self.client_secret.get_secret_value()) is bool(self.private_key_file):
            raise ValueError("with a client_id, either client_secret or private_key_file must be set, and not both")
        if bool(self.private_key_file) is not bool(self.key_id):
            raise ValueError("private_key_file and key_id belong together")
        return self


class FeideSettings(LogInSettings):
    """`realm`: the part after the @ of the Feide names of a school's people; `school_realms`: that of schools
    with another one, by the school's name or organisation number."""

    realm: str
    school_realms: dict[str, str]

    @field_validator("realm")
    @classmethod
    def _is_a_realm(cls, realm: str) -> str:
        if realm and not _REALM.fullmatch(realm):
            raise ValueError("it must be a realm, as provedal.no, or empty")
        return realm

    @field_validator("school_realms")
    @classmethod
    def _are_realms(cls, realms: dict[str, str]) -> dict[str, str]:
        if not all(_REALM.fullmatch(realm) for realm in realms.values()):
            raise ValueError("each must be a realm, as provedal.no")
        return realms

    def realm_of(self, *names: str) -> str:
        """The realm of the school that goes by these names."""
        return next((self.school_realms[name] for name in names if name in self.school_realms), self.realm)
