"""The column by which rows of the dispatcher point at what another link holds already."""

from __future__ import annotations

from sqlalchemy import Column

from config.tables import BigInt


def loose_link(*, nullable: bool = False, primary_key: bool = False, index: bool = False) -> Column[int]:
    """The id of a row that the database holds on to by another link already: see docs/decisions/0022.

    For the tables that get rows by the hundred thousand. To check and to lock each row that they point at took a fifth
    of all that sending a message costs.
    """
    return Column(BigInt, nullable=nullable, primary_key=primary_key, index=index)
