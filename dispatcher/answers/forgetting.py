"""Taking out of answers what leads to somebody: their words, and what the provider calls them."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, delete, update

from dispatcher.tables import ANSWER


def forget_answers(connection: Connection, addresses: Collection[int], gone: Collection[int]) -> None:
    """Empty the answers from these addresses; of those that are `gone`, keep none that belongs to no message.

    Who of several that share a number wrote an answer is not known: the words go for all of them.
    """
    connection.execute(update(ANSWER).where(ANSWER.c.address_id.in_(addresses)).values(text="", reference=None))
    connection.execute(delete(ANSWER).where(ANSWER.c.address_id.in_(gone), ANSWER.c.delivery_id.is_(None)))
