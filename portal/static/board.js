// Keeps the board as it is on the server. What somebody has opened or is writing stays as they left it.
"use strict";

(() => {
  const board = document.getElementById("board");
  const cutOff = document.getElementById("cut-off");
  let waiting = null;

  const busy = () => {
    const active = document.activeElement;
    return active !== null && board.contains(active) && active.matches("input[type=text]");
  };

  const show = (html) => {
    const open = [...board.querySelectorAll("details[open]")].map((one) => one.id);
    const notes = new Map(
      [...board.querySelectorAll("details")].map((one) => [one.id, one.querySelector("input[name=note]")?.value ?? ""]),
    );
    const focused = document.activeElement?.closest?.("details")?.id;
    board.innerHTML = html;
    for (const token of board.querySelectorAll("input[name=form_token]")) {
      token.value = board.dataset.formToken;
    }
    for (const one of board.querySelectorAll("details")) {
      one.open = open.includes(one.id);
      const note = one.querySelector("input[name=note]");
      if (note && notes.get(one.id)) {
        note.value = notes.get(one.id);
      }
      if (one.id === focused) {
        one.querySelector("summary").focus({ preventScroll: true });
      }
    }
  };

  const take = (html) => {
    if (busy()) {
      waiting = html;
    } else {
      waiting = null;
      show(html);
    }
  };

  board.addEventListener("focusout", () => {
    setTimeout(() => {
      if (waiting !== null && !busy()) {
        take(waiting);
      }
    }, 200);
  });

  const source = new EventSource(board.dataset.events);
  source.addEventListener("board", (event) => {
    cutOff.hidden = true;
    take(event.data);
  });
  source.addEventListener("gone", () => {
    // Figures alone are left of the alert: the page itself says so.
    source.close();
    location.reload();
  });
  source.addEventListener("error", () => {
    // Also at the end of each connection, after which the browser comes again by itself.
    setTimeout(() => {
      cutOff.hidden = source.readyState === EventSource.OPEN;
    }, 5000);
    if (source.readyState === EventSource.CLOSED) {
      setTimeout(() => location.reload(), 10000);
    }
  });
  source.addEventListener("open", () => {
    cutOff.hidden = true;
  });
})();
