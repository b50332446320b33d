// Keeps the board as it is on the server. What somebody has opened or is writing stays as they left it.
"use strict";

(() => {
  const board = document.getElementById("board");
  const cutOff = document.getElementById("cut-off");
  let waiting = null;

  const writing = () => {
    const active = document.activeElement;
    return active?.matches("input[type=text]") ? active.closest("details.student") : null;
  };

  const made = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    for (const token of template.content.querySelectorAll("input[name=form_token]")) {
      token.value = board.dataset.formToken;
    }
    return template.content.firstElementChild;
  };

  const exchange = (old, fresh) => {
    const controls = "summary, a, button, input";
    const focused = [...old.querySelectorAll(controls)].indexOf(document.activeElement);
    if (old.matches("details")) {
      fresh.open = old.open;
      fresh.querySelector("input[name=note]").value = old.querySelector("input[name=note]").value;
    }
    old.replaceWith(fresh);
    fresh.querySelectorAll(controls)[focused]?.focus({ preventScroll: true });
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
      if (card === place) {
        place = place.nextElementSibling;
      } else {
        cards.insertBefore(card, place);
      }
    }
    // What is moved loses it.
    if (focused.isConnected && focused !== document.activeElement) {
      focused.focus({ preventScroll: true });
    }
  };

  // What is the same stays as it is under the hands of whoever taps on it. `kept`: the card in which somebody is
  // writing; nothing happens to it before they have ended.
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
    const kept = writing();
    show(update, kept);
    waiting = kept && { parts: { ...waiting?.parts, ...update.parts }, order: update.order ?? waiting?.order };
  };

  board.addEventListener("focusout", () => {
    setTimeout(() => {
      if (waiting !== null && writing() === null) {
        take(waiting);
      }
    }, 200);
  });

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
