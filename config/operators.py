"""The operator of this process: who they are, what they may do here, and the trace of what they were refused."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from sqlalchemy.exc import SQLAlchemyError

from config.audit import os_user, record_act
from config.errors import BeredskapError, ExitStatus
from config.operator_tokens import given_token, operator_of
from config.roles import WORDS, Reach, Right, Role, reach
from config.settings_file import settings_file
from config.spare_sections import OperatorSettings

if TYPE_CHECKING:
    from config.database import Database
    from config.settings import Settings


@dataclass(frozen=True, slots=True)
class Operator:
    """Who runs a command, and how far they have the right that it needs.

    `schools`: a school leader's own, as the settings name them. `set_aside`: the settings name them, but in an entry
    that cannot be used, or in a table that cannot.
    """

    name: str
    right: Right
    reach: Reach
    roles: tuple[Role, ...] = ()
    schools: tuple[str, ...] = ()
    set_aside: bool = False

    def refuse(self, why: str = "") -> NoReturn:
        """Raises NotPermittedError: for the whole command, or for the part of it that `why` names."""
        raise NotPermittedError(self, why)


class NotPermittedError(BeredskapError):
    """The operator's roles do not reach so far. Whoever opened the store puts it on record."""

    exit_status = ExitStatus.NOT_PERMITTED

    def __init__(self, operator: Operator, why: str = "") -> None:
        held = " and ".join(role.value.replace("_", " ") for role in operator.roles)
        if not why:
            who = f"As {held} you" if held else _without_role(operator)
            why = f"{who} may not {WORDS[operator.right]}."
        super().__init__(why, remedy=_remedy(operator))
        self.operator = operator


def admit(settings: Settings, database: Database, right: Right, *, glass: bool = False) -> Operator:
    """The operator of this process and their reach in `right`, which may be NOTHING.

    Where the settings name no operators, whoever may run the command and reach the store may do everything; who stands
    there with an entry that cannot be used has no role. Raises NotPermittedError for a token that was revoked or never
    handed out, and what `given_token` raises; who breaks the glass (`glass`), and whoever needs no role (Right.RUN),
    goes by the system's user then.
    """
    name = os_user()
    if not settings.operators.in_use:
        return Operator(name, right, Reach.EVERYTHING)
    if right is not Right.RUN:
        try:
            name = _by_token(database, right) or name
        except BeredskapError:
            if not glass:
                raise
    entry = settings.operators.entry(name)
    far = reach(entry.roles if isinstance(entry, OperatorSettings) else (), right, keeper=_keeps_settings())
    if isinstance(entry, OperatorSettings):
        return Operator(name, right, far, entry.roles, entry.schools)
    return Operator(name, right, far, set_aside=entry is not None)


def record_refusal(database: Database, refused: NotPermittedError) -> None:
    """Put a refused attempt into the audit log. That it cannot be written changes nothing: it is refused."""
    operator = refused.operator
    try:
        with database.write() as connection:
            record_act(
                connection,
                operator=operator.name,
                act="operator.refused",
                subject=f"right {operator.right.value}",
                details={"roles": [role.value for role in operator.roles], "why": refused.what},
            )
    except SQLAlchemyError:
        refused.unchanged = f"{refused.unchanged} The attempt could not be put into the audit log."


def _by_token(database: Database, right: Right) -> str | None:
    """Whose token this process was given; None without one."""
    token = given_token()
    if token is None:
        return None
    with database.read() as connection:
        name = operator_of(connection, token)
    if name is None:
        why = "The token is not in force: it was revoked, or never handed out."
        raise NotPermittedError(Operator(os_user(), right, Reach.NOTHING), why)
    return name


def _keeps_settings() -> bool:
    """Whether this process may change who has which role anyway: as root, or as owner of the settings file."""
    if os.getuid() == 0:
        return True
    file = settings_file()
    try:
        return file is not None and file.stat().st_uid == os.getuid()
    except OSError:
        return False


def _without_role(operator: Operator) -> str:
    if operator.set_aside:
        return "What the settings say of you under [operators] cannot be used: until it is mended you have no role and"
    return "You are no operator in these settings, and"


def _remedy(operator: Operator) -> str:
    ask = "Roles stand in the settings file, under [operators]: ask whoever keeps it."
    if operator.set_aside:
        ask = f"beredskap doctor says what is wrong with it. {ask}"
    if operator.right is Right.SEND:
        return f'In an emergency, add --break-glass "REASON" to an actual alert: the county is told at once. {ask}'
    return ask
