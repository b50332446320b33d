"""Who may do what: every cell of the table, and that more roles never mean less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.roles import TABLE, WORDS, Reach, Right, Role, Standing, reach

# right: anybody, keeper of the settings, school leader, county leader, contact clerk, auditor
EXPECTED = {
    Right.RUN: "everything everything everything everything everything everything",
    Right.SEND: "nothing nothing their_schools everything nothing nothing",
    Right.STEER: "their_alerts their_alerts their_schools everything their_alerts their_alerts",
    Right.SEE_ALERTS: "their_alerts their_alerts their_schools everything their_alerts everything",
    Right.SEE_CONTACTS: "nothing nothing their_schools everything everything everything",
    Right.RELEASE: "nothing nothing their_schools everything everything nothing",
    Right.CHANGE_CONTACTS: "nothing nothing nothing nothing everything nothing",
    Right.REMIND: "nothing nothing their_schools everything everything nothing",
    Right.IMPORT: "nothing nothing nothing nothing everything nothing",
    Right.SEE_LOG: "nothing everything nothing everything nothing everything",
    Right.HAND_OUT: "nothing everything nothing everything nothing nothing",
}
WHO = (
    Standing.ANYBODY,
    Standing.KEEPER,
    Role.SCHOOL_LEADER,
    Role.COUNTY_LEADER,
    Role.CONTACT_CLERK,
    Role.AUDITOR,
)
CELLS = [(right, who, far) for right, row in EXPECTED.items() for who, far in zip(WHO, row.split(), strict=True)]
ROLES = st.frozensets(st.sampled_from(Role))


@pytest.mark.parametrize(("right", "who", "far"), CELLS)
def test_a_cell(right: Right, who: Role | Standing, far: str) -> None:
    expected = Reach[far.upper()]
    assert TABLE[who][right] is expected
    roles = [who] if isinstance(who, Role) else []
    assert reach(roles, right, keeper=who is Standing.KEEPER) is expected


def test_the_table_has_no_other_cells() -> None:
    assert len(CELLS) == len(WHO) * len(Right) == sum(len(row) for row in TABLE.values())
    assert set(WORDS) == set(Right)


@given(ROLES, ROLES, st.sampled_from(Right), st.booleans())
def test_several_roles_reach_as_far_as_the_widest(
    some: frozenset[Role], others: frozenset[Role], right: Right, keeper: bool
) -> None:
    alone = reach(some, right, keeper=keeper), reach(others, right, keeper=keeper)
    assert reach(some | others, right, keeper=keeper) is max(alone)


@given(ROLES, st.sampled_from([right for right in Right if right is not Right.RUN]))
def test_an_auditor_alone_changes_nothing(roles: frozenset[Role], right: Right) -> None:
    changes = right not in (Right.SEE_ALERTS, Right.SEE_CONTACTS, Right.SEE_LOG)
    if changes:
        assert reach(roles | {Role.AUDITOR}, right) is reach(roles, right)
