"""What an import would do, or did: counts, places of refused records, and how much of it would end."""

from __future__ import annotations

from dataclasses import dataclass

from config.errors import BeredskapError, ExitStatus
from contacts.imports.records import Refusal, shown
from contacts.imports.step import Kind, Verb

# Ending more than this share of a source's guardianships looks like half an export, however well-formed.
_MOST_ENDED_PERCENT = 5


@dataclass(frozen=True, slots=True)
class Count:
    kind: Kind
    added: int = 0
    changed: int = 0
    ended: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would do, or did. Holds counts and places in files, no personal data."""

    format: str
    source: str
    full: bool
    files: tuple[str, ...]
    records: int
    counts: tuple[Count, ...]
    refused: int
    refusals: tuple[Refusal, ...]
    # Told of, and left out because nobody in the store is meant.
    strangers: int
    # By the trust in their source; of the contact register's, those that come with a time.
    contacts_verified: bool
    # Of the students it speaks about in full: guardianships of this source in force, and those it would end.
    guardianships_in_force: int
    guardianships_ending: int
    no_students_left: bool
    endings_suspended: bool
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> int:
        """Rows added, changed and ended."""
        return sum(count.added + count.changed + count.ended for count in self.counts)

    @property
    def exit_status(self) -> ExitStatus:
        return ExitStatus.PARTLY if self.refused else ExitStatus.OK

    def as_json(self) -> dict[str, object]:
        """The plan as one JSON document."""
        return {
            "format": self.format,
            "source": self.source,
            "full": self.full,
            "files": list(self.files),
            "records": self.records,
            "counts": {
                count.kind.value.replace(" ", "_"): {
                    "added": count.added,
                    "changed": count.changed,
                    "ended": count.ended,
                }
                for count in self.counts
            },
            "refused": self.refused,
            "refusals": [
                {"file": each.place.file, "record": each.place.record, "reason": each.reason, "part": bool(each.lost)}
                for each in self.refusals
            ],
            "strangers": self.strangers,
            "contacts_verified": self.contacts_verified,
            "guardianships_in_force": self.guardianships_in_force,
            "guardianships_ending": self.guardianships_ending,
            "endings_suspended": self.endings_suspended,
            "notes": list(self.notes),
        }

    def total(self, verb: Verb) -> int:
        return sum(int(getattr(count, verb.value)) for count in self.counts)

    def count(self, kind: Kind) -> Count:
        return next((count for count in self.counts if count.kind is kind), Count(kind))

    def check_endings(self, allowed: int | None) -> None:
        """Raises BeredskapError (status REFUSED) when a full export would end more than `allowed` lets it.

        Without `allowed`, 5 % of the source's guardianships may end.
        """
        ending, current = self.guardianships_ending, self.guardianships_in_force
        if not self.full or (allowed is not None and ending <= allowed):
            return
        many = ending * 100 > current * _MOST_ENDED_PERCENT
        if not many and not (self.no_students_left and allowed is None):
            return
        what = (
            f"would end {shown(ending)} of {shown(current)} guardianships from {self.source}"
            if many
            else f"holds no students of schools that have some from {self.source}"
        )
        raise BeredskapError(
            f"Import stopped: this full export {what}.",
            remedy=f"Check that the export is complete. If it is right, repeat with --allow-ending {ending}.",
            status=ExitStatus.REFUSED,
        )
