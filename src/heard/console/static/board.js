// The board, live. While its reader scrolls or selects, what is new waits, and a button says how much of it there is.
"use strict";

const STILL_FOR = 1500;
const SETTLED_FOR = 150;
const AGAIN_AFTER = 2000;
const SILENT_FOR = 45000;
const board = document.getElementById("board");
const news = document.getElementById("news");
let waiting = [];
let movedAt = 0;
let appliedAt = 0;
let complete = false;

function busy() {
  const selection = window.getSelection();
  return Date.now() - movedAt < STILL_FOR || (selection && !selection.isCollapsed && board.contains(selection.anchorNode));
}

// --- cards -----------------------------------------------------------------------------------------------------

// Whether a card is on the screen already, as it was told or newer.
function isKnown(told) {
  const known = document.getElementById(told.id);
  return known !== null && Number(known.dataset.revision) >= told.revision;
}

function put(told) {
  if (isKnown(told)) return;
  const known = document.getElementById(told.id);
  const holder = document.createElement("template");
  holder.innerHTML = told.html;
  const card = holder.content.firstElementChild;
  const focused = known && known.contains(document.activeElement);
  const cards = board.querySelector(`[data-column="${told.column}"] .cards`);
  if (known && known.parentElement === cards) known.replaceWith(card);
  else {
    known?.remove();
    // The newest first: ids sort by the time they were made. Most that come at once are older than what is there.
    let after = null;
    for (let one = cards.lastElementChild; one && one.id < told.id; one = one.previousElementSibling) after = one;
    cards.insertBefore(card, after);
  }
  if (known) card.classList.add("changed");
  window.heard.tell(card);
  if (focused) card.querySelector("a.open").focus({ preventScroll: true });
}

// Whoever walks over the cards by keys and stands on one that leaves stands on its neighbour.
function take(card) {
  const focused = card.contains(document.activeElement);
  const neighbour = card.nextElementSibling || card.previousElementSibling;
  card.remove();
  if (focused) neighbour?.querySelector("a.open").focus({ preventScroll: true });
}

function apply(told) {
  window.heard.gone(told.trouble, "board");
  if (told.trouble) return;
  appliedAt = Date.now();
  if (told.whole) {
    const there = new Set(told.cards.map((one) => one.id));
    for (const card of [...board.querySelectorAll(".card")]) if (!there.has(card.id)) take(card);
  }
  for (const one of told.cards) put(one);
  for (const id of told.gone) {
    const card = document.getElementById(id);
    if (card) take(card);
  }
  for (const column of board.querySelectorAll(".column")) {
    column.querySelector(".count").textContent = told.counts[column.dataset.column];
  }
  const more = document.getElementById("more");
  more.hidden = !told.more;
  more.querySelector("span").textContent = told.more;
  document.getElementById("empty").hidden = board.querySelector(".card") !== null;
}

// The page came with the first cards of each column: the others are no news. Who comes back stands where they left.
function begin(told) {
  complete = true;
  apply(told);
  const left = history.state?.left;
  if (left > window.scrollY) window.scrollTo(0, left);
}

// --- waiting ---------------------------------------------------------------------------------------------------

function settle() {
  const all = waiting;
  waiting = [];
  news.hidden = true;
  all.forEach(apply);
}

function show() {
  const fresh = new Set(waiting.flatMap((told) => told.cards.filter((one) => !isKnown(one)).map((one) => one.id)));
  news.hidden = !fresh.size;
  news.textContent = `${fresh.size} new`;
}

function hear(event) {
  heardAt = Date.now();
  const told = JSON.parse(event.data);
  if (told.whole && !complete) return begin(told);
  if (told.trouble || (!waiting.length && !busy())) return apply(told);
  window.heard.gone(null, "board");
  if (told.whole) waiting = [];
  waiting.push(told);
  show();
}

function moved(event) {
  // What is put onto the board moves it a little; that was not its reader.
  if (event.type === "scroll" && Date.now() - appliedAt < SETTLED_FOR) return;
  movedAt = Date.now();
}

// --- the stream ------------------------------------------------------------------------------------------------

let stream = null;
let trying = null;
let heardAt = Date.now();

function listen() {
  leave();
  heardAt = Date.now();
  stream = new EventSource(board.dataset.updates);
  stream.onmessage = hear;
  stream.addEventListener("there", () => (heardAt = Date.now()));
  // The session is over: whoever comes in again comes back here.
  stream.addEventListener("over", () => window.location.reload());
  stream.onerror = () => {
    window.heard.gone("The hub does not answer. What is shown may be old. Trying again ...", "board");
    // A stream that was refused for good is over: perhaps somebody must sign in again.
    if (stream?.readyState === EventSource.CLOSED) trying = setTimeout(again, AGAIN_AFTER);
  };
}

function leave() {
  clearTimeout(trying);
  stream?.close();
  stream = null;
}

async function again() {
  const cut = new AbortController();
  try {
    const response = await fetch(board.dataset.updates, { headers: { accept: "text/event-stream" }, signal: cut.signal });
    if (response.status === 401) return window.location.reload();
  } catch {
    // The hub is gone: the next try says the same.
  } finally {
    cut.abort();
  }
  if (!document.hidden) listen();
}

// A line that is dead without anybody saying so: the hub gives a sign of life more often than that.
function check() {
  if (stream?.readyState === EventSource.OPEN && Date.now() - heardAt > SILENT_FOR) listen();
}

for (const kind of ["scroll", "wheel", "pointerdown", "touchmove"]) {
  document.addEventListener(kind, moved, { passive: true, capture: true });
}
news.addEventListener("click", () => {
  movedAt = 0;
  window.getSelection()?.removeAllRanges();
  settle();
});
setInterval(() => waiting.length && !busy() && settle(), 500);
setInterval(check, 5000);
// A browser has few connections to one hub: a board that nobody sees gives its own back.
document.addEventListener("visibilitychange", () => (document.hidden ? leave() : listen()));
window.addEventListener("pagehide", () => {
  history.replaceState({ ...history.state, left: window.scrollY }, "");
  leave();
});
window.addEventListener("pageshow", (event) => event.persisted && listen());
listen();
