"""Which tests judge each file in the mutation check, and what may be loaded before the file is changed."""

# The tests that judge each file, those most likely to notice first. The long one, of any order of events, is left out.
_CONTACTS = "tests/contacts"
_OUTBOX = "tests/dispatcher/outbox"
_MARKS = "tests/dispatcher/alerts/test_marks.py"
_FOLLOW_UPS = ("tests/dispatcher/alerts/test_follow_ups.py", "tests/dispatcher/alerts/test_follow_reach.py")
JUDGES = {
    "contacts/entitlement.py": [
        f"{_CONTACTS}/test_entitlement.py",
        f"{_CONTACTS}/test_facts.py",
        f"{_CONTACTS}/test_acts.py",
    ],
    "contacts/page_rule.py": [f"{_CONTACTS}/test_page_rule.py"],
    # Before what makes use of it, which loads it.
    "dispatcher/outbox/chain.py": [f"{_OUTBOX}/test_chain.py", f"{_OUTBOX}/test_fallback.py"],
    "dispatcher/outbox/transitions.py": [f"{_OUTBOX}/test_transitions.py", f"{_OUTBOX}/test_receipts.py"],
    "dispatcher/outbox/claim.py": [
        f"{_OUTBOX}/test_claim.py",
        f"{_OUTBOX}/test_recheck.py",
        _FOLLOW_UPS[0],
        "tests/dispatcher/test_consent_questions.py",
        f"{_OUTBOX}/test_concurrency.py",
    ],
    "dispatcher/outbox/record.py": [
        f"{_OUTBOX}/test_record.py",
        f"{_OUTBOX}/test_receipts.py",
        f"{_OUTBOX}/test_addresses.py",
        f"{_OUTBOX}/test_reconcile.py",
        f"{_OUTBOX}/test_fallback.py",
    ],
    "dispatcher/outbox/moves.py": [
        f"{_OUTBOX}/test_moves.py",
        f"{_OUTBOX}/test_record.py",
        f"{_OUTBOX}/test_receipts.py",
        f"{_OUTBOX}/test_addresses.py",
    ],
    "dispatcher/outbox/move_statements.py": [
        f"{_OUTBOX}/test_moves.py",
        f"{_OUTBOX}/test_record.py",
        f"{_OUTBOX}/test_reconcile.py",
        f"{_OUTBOX}/test_receipts.py",
        f"{_OUTBOX}/test_concurrency.py",
    ],
    "dispatcher/outbox/reconcile.py": [f"{_OUTBOX}/test_reconcile.py", f"{_OUTBOX}/test_concurrency.py"],
    "dispatcher/outbox/receipts.py": [
        f"{_OUTBOX}/test_receipts.py",
        f"{_OUTBOX}/test_reconcile.py",
        f"{_OUTBOX}/test_addresses.py",
        f"{_OUTBOX}/test_fallback.py",
        f"{_OUTBOX}/test_concurrency.py",
    ],
    "dispatcher/outbox/recheck.py": [f"{_OUTBOX}/test_recheck.py", f"{_OUTBOX}/test_concurrency.py", *_FOLLOW_UPS],
    "dispatcher/outbox/sweep.py": [
        f"{_OUTBOX}/test_sweep.py",
        f"{_OUTBOX}/test_progress.py",
        f"{_OUTBOX}/test_concurrency.py",
    ],
    "dispatcher/outbox/enqueue.py": [
        f"{_OUTBOX}/test_enqueue.py",
        "tests/dispatcher/alerts/test_planner.py",
        # Its second process runs the unchanged program, which this environment does not have.
        "--deselect=tests/dispatcher/alerts/test_planner.py::test_two_processes_count_what_one_counts",
        f"{_OUTBOX}/test_concurrency.py",
    ],
    "dispatcher/outbox/following.py": [f"{_OUTBOX}/test_following.py"],
    "dispatcher/outbox/earlier.py": [*_FOLLOW_UPS],
    "dispatcher/outbox/follow.py": [*_FOLLOW_UPS],
    "dispatcher/outbox/unlinking.py": [f"{_OUTBOX}/test_recheck.py", *_FOLLOW_UPS],
    "dispatcher/outbox/questions.py": [
        "tests/dispatcher/test_consent_questions.py",
        "tests/dispatcher/test_reminders.py",
    ],
    "dispatcher/outbox/bounces.py": ["tests/dispatcher/test_bounces.py"],
    "dispatcher/outbox/removal.py": [f"{_OUTBOX}/test_removal.py", "tests/dispatcher/retention"],
    "dispatcher/outbox/progress.py": [f"{_OUTBOX}/test_progress.py"],
    "dispatcher/outbox/addresses.py": [f"{_OUTBOX}/test_addresses.py", f"{_OUTBOX}/test_record.py"],
    "dispatcher/outbox/messages.py": [f"{_OUTBOX}/test_messages.py", "tests/dispatcher/running/test_drain.py"],
    "dispatcher/outbox/fallback.py": [f"{_OUTBOX}/test_fallback.py", _MARKS],
    "dispatcher/outbox/fallback_facts.py": [f"{_OUTBOX}/test_fallback.py", _MARKS],
    "dispatcher/outbox/hastening.py": [f"{_OUTBOX}/test_fallback.py", _MARKS],
    "dispatcher/outbox/calls.py": [f"{_OUTBOX}/test_fallback.py", _MARKS],
    "dispatcher/outbox/confirmed.py": [
        f"{_OUTBOX}/test_fallback.py",
        _MARKS,
        "tests/dispatcher/reports/test_classes.py",
    ],
}
# Rules that know no database.
PURE = {
    "contacts/entitlement.py",
    "contacts/page_rule.py",
    "dispatcher/outbox/chain.py",
    "dispatcher/outbox/following.py",
    "dispatcher/outbox/transitions.py",
}
# Imports run one way: what a room below the file's knows nothing of it, and can be loaded before it is changed.
BELOW = {
    "contacts": ("config", "providers"),
    "dispatcher": ("config", "providers", "contacts", "dispatcher.codes", "dispatcher.tables"),
    # The tables know how a chain may end.
    "dispatcher/outbox/chain.py": ("config", "providers", "contacts", "dispatcher.codes"),
}
