// Keeps the board as it is on the server. What somebody has opened or is writing stays as they left it.
"use strict";

(() => {
  const board = document.getElementById("board");
  const cutOff = document.getElementById("cut-off");
  // What the card lacks that somebody is at.
  let waiting = null;
  let pressed = null;

  // The card that somebody writes in, has written in and not left, or presses upon: nothing happens to it meanwhile.
  const busy = () => {
    const active = document.activeElement;
    const card = active?.closest("details.student");
    const writes = card && (active.name === "note" || card.querySelector("input[name=note]").value !== "");
    return pressed ?? (writes ? card : null);
  };

  const made = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    for (const token of template.content.querySelectorAll("input[name=form_token]")) {
      token.value = board.dataset.formToken;
    }
    return template.content.firstElementChild;
  };

  // By what it does, and not by its place: that may be another person's by now.
  const purpose = (control) =>
    [control.tagName, control.name, control.value, control.href]
      .concat([...(control.form?.querySelectorAll("input[type=hidden]") ?? [])].map((one) => one.value))
      .join(" ");

  const exchange = (old, fresh) => {
    const focused = old.contains(document.activeElement) ? purpose(document.activeElement) : null;
    if (old.matches("details")) {
      fresh.open = old.open;
      fresh.querySelector("input[name=note]").value = old.querySelector("input[name=note]").value;
    }
    old.replaceWith(fresh);
    if (focused !== null) {
      const same = [...fresh.querySelectorAll("summary, a, button, input")].find((one) => purpose(one) === focused);
      (same ?? fresh.querySelector("summary"))?.focus({ preventScroll: true });
    }
  };

  const arrange = (cards, order, kept) => {
    const focused = document.activeElement;
    const listed = new Set(order);
    for (const card of [...cards.children]) {
      if (!listed.has(card.id) && card !== kept) {
        card.remove();
      }
    }
    let place = cards.firstElementChild;
    for (const id of order) {
      const card = document.getElementById(id);
      if (place !== null && place === kept && !listed.has(kept.id)) {
        place = place.nextElementSibling;
      }
      while (card === kept && place !== kept) {
        // The others go around it: what is moved loses the keyboard of whoever writes there.
        const other = place;
        place = place.nextElementSibling;
        cards.append(other);
      }
      if (card === place) {
        place = place.nextElementSibling;
      } else {
        cards.insertBefore(card, place);
      }
    }
    if (focused.isConnected && focused !== document.activeElement) {
      focused.focus({ preventScroll: true });
    }
  };

  // What is the same stays as it is under the hands of whoever taps on it.
  const show = ({ parts, order }, kept) => {
    const cards = document.getElementById("board-cards");
    for (const [id, html] of Object.entries(parts)) {
      const old = document.getElementById(id);
      if (old === null) {
        cards.append(made(html));
      } else if (old !== kept) {
        exchange(old, made(html));
      }
    }
    if (order) {
      arrange(cards, order, kept);
    }
  };

  const take = (update) => {
    const kept = busy();
    const parts = { ...waiting?.parts, ...update.parts };
    const order = update.order ?? waiting?.order;
    show({ parts, order }, kept);
    waiting = kept && { parts: kept.id in parts ? { [kept.id]: parts[kept.id] } : {}, order };
  };

  const catchUp = () => {
    if (waiting !== null && busy() === null) {
      take(waiting);
    }
  };

  board.addEventListener("focusout", () => setTimeout(catchUp, 200));
  board.addEventListener("pointerdown", (event) => {
    pressed = event.target.closest("details.student");
  });
  for (const end of ["pointerup", "pointercancel"]) {
    // The click comes after it.
    addEventListener(end, () => setTimeout(() => {
      pressed = null;
      catchUp();
    }, 200));
  }

  const shown = document.getElementById("board-shown");
  const source = new EventSource(`${board.dataset.events}?seen=${shown?.dataset.version ?? ""}`);
  source.addEventListener("board", (event) => {
    cutOff.hidden = true;
    if (shown === null) {
      // The page came while the database did not answer.
      location.reload();
    } else {
      take(JSON.parse(event.data));
    }
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
