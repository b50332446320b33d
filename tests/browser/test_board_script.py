"""What the board's script does with each event, told to it at the very moment that matters."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, Site
from tests.browser.test_board import OPERATORS, at_the_board, crisis, ids

# Says what the test lets it say, in place of the server.
_STREAM = """
window.EventSource = class extends EventTarget {
  constructor() { super(); window.stream = this; }
  close() {}
};
window.tell = (told) => stream.dispatchEvent(new MessageEvent("board", { data: JSON.stringify(told) }));
"""


@pytest.fixture
def site_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(OPERATORS, encoding="utf-8")
    monkeypatch.setenv("BEREDSKAP_CONFIG", str(file))


@pytest.fixture
def board(site: Site) -> Page:
    """A board with three cards, of which nothing is heard but what a test tells."""
    page = at_the_board(site, "leder", crisis(site), DESKTOP)
    page.add_init_script(_STREAM)
    page.reload()
    expect(page.locator("details.student")).to_have_count(3)
    return page


def tell(page: Page, *, order: list[str] | None = None, **parts: str) -> None:
    told: dict[str, object] = {"parts": {name.replace("_", "-"): html for name, html in parts.items()}}
    page.evaluate("(told) => tell(told)", told if order is None else {**told, "order": order})


def cards(page: Page) -> tuple[str, str, str]:
    first, middle, last = (str(one) for one in ids(page))
    return first, middle, last


def write(page: Page, card: str) -> None:
    page.locator(f"#{card}").evaluate("(one) => (one.open = true)")
    page.locator(f"#{card} input[name=note]").fill("svarer ikke")


def test_what_came_while_somebody_wrote_is_not_lost(board: Page) -> None:
    first, middle, last = cards(board)
    write(board, middle)
    tell(board, order=[first, last])
    assert ids(board) == [first, middle, last]
    # The field is left, and before the script has looked at what is missing the next event is there.
    board.evaluate("document.activeElement.blur(); tell({ parts: {} })")
    assert ids(board) == [first, last]


def test_another_card_gets_what_it_lacked_when_the_field_of_the_next_one_is_entered(board: Page) -> None:
    first, middle, last = cards(board)
    write(board, middle)
    changed = board.locator(f"#{middle}").evaluate(
        "(one) => one.outerHTML.replace('class=\"name\"', 'class=\"name new\"')"
    )
    board.evaluate("(told) => tell(told)", {"parts": {middle: changed}})
    expect(board.locator(f"#{middle} .new")).to_have_count(0)
    write(board, last)
    tell(board)
    expect(board.locator(f"#{middle} .new")).to_have_count(1)
    assert board.locator(f"#{middle} input[name=note]").input_value() == "svarer ikke"
    assert ids(board) == [first, middle, last]


def test_who_has_written_may_still_press_the_button_of_a_card_that_is_gone(board: Page) -> None:
    first, middle, last = cards(board)
    write(board, middle)
    tell(board, order=[first, last])
    board.locator(f"#{middle} button").first.focus()
    board.wait_for_timeout(400)
    tell(board)
    assert ids(board) == [first, middle, last]
    expect(board.locator(f"#{middle} button").first).to_be_focused()


def test_a_card_under_a_finger_is_not_taken_away(board: Page) -> None:
    first, middle, last = cards(board)
    summary = board.locator(f"#{middle} summary")
    summary.hover()
    board.mouse.down()
    tell(board, order=[first, last])
    assert ids(board) == [first, middle, last]
    board.mouse.up()
    expect(board.locator("details.student")).to_have_count(2)


def test_a_card_in_which_somebody_writes_is_not_moved(board: Page) -> None:
    first, middle, last = cards(board)
    write(board, middle)
    board.evaluate("document.addEventListener('focusout', () => (window.left = true))")
    for order in ([middle, first, last], [last, first, middle], [last, middle, first]):
        tell(board, order=order)
        assert ids(board) == order
    assert board.evaluate("window.left") is None


def test_the_keyboard_stays_with_the_same_person(board: Page) -> None:
    def marks(*students: str) -> str:
        forms = "".join(
            f'<form><input type="hidden" name="student" value="{one}"><button id="back-{one}">Angre</button></form>'
            for one in students
        )
        return f'<div id="board-marks">{forms}</div>'

    tell(board, board_marks=marks("a"))
    board.locator("#back-a").focus()
    # The newest mark comes first.
    tell(board, board_marks=marks("b", "a"))
    expect(board.locator("#back-a")).to_be_focused()
    tell(board, board_marks=marks("b"))
    expect(board.locator("#back-b")).not_to_be_focused()


def test_the_form_of_what_comes_is_the_visitors(board: Page) -> None:
    first, middle, last = cards(board)
    token = board.locator("#board").get_attribute("data-form-token")
    card = board.locator(f"#{first}").evaluate("(one) => one.outerHTML")
    assert token and token in card
    tell(board, order=[middle, last])
    board.evaluate("(told) => tell(told)", {"parts": {first: card.replace(token, "")}, "order": [middle, last, first]})
    assert ids(board) == [middle, last, first]
    assert board.locator(f"#{first} input[name=form_token]").input_value() == token
