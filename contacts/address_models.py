"""The tables of addresses: where persons are told, what is known of it, and how it is confirmed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from config.tables import code_column, id_column, link, utc_column
from contacts.codes import AddressChannel, RegisterStatus, VerifiedBy


class Address(SQLModel, table=True):
    """One phone number (E.164) or e-mail address. STOP and failures belong to it, whoever shares it.

    `failures`: messages in a row that failed because of it, the last at `failed_at`. `failing_since`: there have been
    too many, and it is used no more until its owner is verified anew or a message arrives.
    """

    __tablename__ = "address"
    __table_args__ = (
        UniqueConstraint("channel", "value"),
        Index(
            "ix_address_failed",
            "failures",
            postgresql_where=text("failures > 0 AND failing_since IS NULL"),
            sqlite_where=text("failures > 0 AND failing_since IS NULL"),
        ),
    )

    id: int | None = Field(default=None, sa_column=id_column())
    channel: AddressChannel = Field(sa_column=code_column(AddressChannel))
    value: str = Field(max_length=320)
    # False for a fixed line: it can be called, and takes no SMS.
    takes_messages: bool = True
    opted_out_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    failures: int = 0
    failed_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    failing_since: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))


class ContactPoint(SQLModel, table=True):
    """An address of one person, as one source tells it. Verified by a code or by a trusted source, or not (yet).

    `confirmed_at`: when somebody last said that it still holds; 18 months later it is stale.
    `removed_at`: when its owner had it removed; sources that go on telling it bring it back no more.
    `shared_in_register`: the contact register (KRR) says whether others have registered the address there, too; None
    where it does not tell, and from every other source.
    """

    __tablename__ = "contact_point"
    __table_args__ = (
        UniqueConstraint("person_id", "address_id", "source"),
        CheckConstraint("(verified_at IS NULL) = (verified_by IS NULL)", name="verified_by_somebody"),
    )

    id: int | None = Field(default=None, sa_column=id_column())
    person_id: int = Field(sa_column=link("person.id", index=True))
    address_id: int = Field(sa_column=link("address.id", index=True))
    source: str = Field(max_length=280)
    verified_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    verified_by: VerifiedBy | None = Field(default=None, sa_column=code_column(VerifiedBy, nullable=True))
    confirmed_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    ended_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    removed_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
    shared_in_register: bool | None = None


class ContactRegisterEntry(SQLModel, table=True):
    """What the contact and reservation register (KRR) said last of a person, beside their addresses.

    Reserved, deleted, expired and never registered are four facts; None is a fact that it did not tell. `reserved` is
    about digital letters, and stops no alert. `expired`: the register's own word that the person has not confirmed
    their contact information for 18 months; what counts for us is each contact point's `confirmed_at`.
    """

    __tablename__ = "contact_register_entry"

    person_id: int = Field(sa_column=link("person.id", primary_key=True))
    status: RegisterStatus = Field(sa_column=code_column(RegisterStatus))
    reserved: bool | None = None
    expired: bool | None = None
    language: str | None = Field(default=None, max_length=2)


class PostalAddress(SQLModel, table=True):
    """Where a guardian gets letters, by the population register. `lines`: one below the other, above code and place.

    Nobody who is graded has a row, and nobody at all where letters are not wanted (`reminders.letters`).
    """

    __tablename__ = "postal_address"

    person_id: int = Field(sa_column=link("person.id", primary_key=True))
    lines: str = Field(max_length=1024)
    postal_code: str = Field(max_length=100)
    place: str = Field(max_length=100)
    country: str = Field(max_length=2)


class VerificationChallenge(SQLModel, table=True):
    """One code on its way to a contact point. The code itself is nowhere: it is computed from the key and `nonce`."""

    __tablename__ = "verification_challenge"

    id: int | None = Field(default=None, sa_column=id_column())
    contact_point_id: int = Field(sa_column=link("contact_point.id", index=True))
    nonce: str = Field(max_length=64)
    created_at: datetime = Field(sa_column=utc_column(default_now=True))
    expires_at: datetime = Field(sa_column=utc_column())
    tries: int = 0
    confirmed_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
