// The board, live. While its reader scrolls or selects, what is new waits, and a button says how much of it there is.
"use strict";

const STILL_FOR = 1500;
const board = document.getElementById("board");
const news = document.getElementById("news");
let waiting = [];
let movedAt = 0;

function busy() {
  const selection = window.getSelection();
  return Date.now() - movedAt < STILL_FOR || (selection && !selection.isCollapsed && board.contains(selection.anchorNode));
}

function put(told) {
  const id = told.id;
  const known = document.getElementById(id);
  if (known && known.dataset.revision === String(told.revision)) return;
  const holder = document.createElement("template");
  holder.innerHTML = told.html;
  const card = holder.content.firstElementChild;
  const focused = known && known.contains(document.activeElement);
  const cards = board.querySelector(`[data-column="${told.column}"] .cards`);
  if (known && known.parentElement === cards) known.replaceWith(card);
  else {
    known?.remove();
    // The newest first: ids sort by the time they were made.
    const after = [...cards.children].find((one) => one.id < id);
    cards.insertBefore(card, after || null);
  }
  if (known) card.classList.add("changed");
  window.heard.tell(card);
  if (focused) card.querySelector("a.open").focus();
}

function apply(told) {
  window.heard.gone(told.trouble);
  if (told.trouble) return;
  if (told.whole) {
    const there = new Set(told.cards.map((one) => one.id));
    for (const card of [...board.querySelectorAll(".card")]) if (!there.has(card.id)) card.remove();
  }
  for (const id of told.gone) document.getElementById(id)?.remove();
  for (const one of told.cards) put(one);
  for (const column of board.querySelectorAll(".column")) {
    column.querySelector(".count").textContent = told.counts[column.dataset.column] || 0;
  }
  const more = document.getElementById("more");
  more.hidden = !told.more;
  more.querySelector("span").textContent = told.more;
  document.getElementById("empty").hidden = board.querySelector(".card") !== null;
}

function settle() {
  const all = waiting;
  waiting = [];
  news.hidden = true;
  all.forEach(apply);
}

function show() {
  const fresh = new Set(waiting.flatMap((told) => told.cards.map((one) => one.id)));
  news.hidden = !fresh.size;
  news.textContent = `${fresh.size} new`;
}

function hear(event) {
  const told = JSON.parse(event.data);
  if (told.trouble || (!waiting.length && !busy())) return apply(told);
  if (told.whole) waiting = [];
  waiting.push(told);
  show();
}

let stream = null;

function listen() {
  stream = new EventSource(board.dataset.updates);
  stream.onopen = () => window.heard.gone(null);
  stream.onmessage = hear;
  stream.onerror = () => {
    window.heard.gone("The hub does not answer. What is shown may be old. Trying again ...");
    // A stream that was refused for good is over: perhaps somebody must sign in again.
    if (stream.readyState === EventSource.CLOSED) setTimeout(again, 2000);
  };
}

async function again() {
  try {
    const response = await fetch(board.dataset.updates, { headers: { accept: "text/event-stream" }, method: "GET" });
    response.body?.cancel();
    if (response.status === 401 || response.redirected) return window.location.reload();
  } catch {
    // The hub is gone: the next try says the same.
  }
  listen();
}

for (const kind of ["scroll", "wheel", "pointerdown", "touchmove"]) {
  document.addEventListener(kind, () => (movedAt = Date.now()), { passive: true, capture: true });
}
news.addEventListener("click", () => {
  movedAt = 0;
  window.getSelection()?.removeAllRanges();
  settle();
});
setInterval(() => waiting.length && !busy() && settle(), 500);
window.addEventListener("pagehide", () => stream?.close());
listen();
