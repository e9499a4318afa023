// What every page of the console does: times by the reader's clock, keys, and saying that the hub is gone.
"use strict";

const SECOND = 1000;

function spelled(seconds) {
  const whole = Math.round(Math.abs(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")} min`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d`;
}

const KINDS = {
  time: (at) => at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }),
  exact: (at) => `${at.toLocaleTimeString([], { hour12: false })}.${String(at.getMilliseconds()).padStart(3, "0")}`,
  day: (at) => at.toLocaleString([], { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" }),
  ago: (at, left) => (left > 0 ? "now" : `${spelled(left)} ago`),
  in: (at, left) => (left > 0 ? `in ${spelled(left)}` : "now"),
  left: (at, left) => (left > 0 ? `${spelled(left)} left` : `${spelled(left)} over`),
};

// The hub's clock less ours, so that a countdown ends when the order's does.
let ahead = 0;

function tell(within) {
  for (const time of within.querySelectorAll("time[data-how]")) {
    const at = new Date(time.dateTime);
    const left = (at - Date.now() - ahead) / SECOND;
    const text = KINDS[time.dataset.how](at, left);
    if (time.textContent !== text) time.textContent = text;
    if (!time.title) time.title = at.toLocaleString();
    if (time.dataset.how === "left") time.classList.toggle("late", left < 60);
  }
}

function setClock(response) {
  const date = response && response.headers && response.headers.get("date");
  if (date) ahead = Math.abs(new Date(date) - Date.now()) > 2 * SECOND ? new Date(date) - Date.now() : 0;
}

// --- the hub is gone, and back ---------------------------------------------------------------------------------

// Whoever found something says so, and that it is over: that the hub answers does not mean that the board is up to date.
const troubles = new Map();

function gone(text, who = "hub") {
  if (text) troubles.set(who, text);
  else troubles.delete(who);
  const banner = document.getElementById("gone");
  if (!banner) return;
  const [first] = troubles.values();
  banner.hidden = !first;
  if (first) document.getElementById("gone-text").textContent = first;
}

async function look() {
  try {
    const response = await fetch("/healthz", { cache: "no-store" });
    setClock(response);
    gone(null);
  } catch {
    gone("The hub does not answer. Trying again ...");
  }
}

window.heard = { tell, gone, look };

// --- keys ------------------------------------------------------------------------------------------------------

function typing(event) {
  return event.target.closest("input, textarea, select, [contenteditable]") || event.ctrlKey || event.metaKey || event.altKey;
}

function steps() {
  return [...document.querySelectorAll("a.open, [data-step] a")].filter((one) => one.offsetParent !== null);
}

function step(by) {
  const all = steps();
  if (!all.length) return;
  const here = all.indexOf(document.activeElement);
  all[here < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, here + by))].focus();
}

// By Escape: out of the search, else out of the drawer; where something is typed, the browser clears that first.
function stepOut(field) {
  if (field.id === "search") field.blur();
  else if (field.type !== "search" || !field.value) drawer(false);
}

const KEYS = {
  "/": () => document.getElementById("search")?.focus(),
  j: () => step(1),
  k: () => step(-1),
  r: () => document.querySelector("[data-key=r]")?.click(),
  d: () => document.querySelector("[data-key=d]")?.click(),
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") stepOut(event.target);
  if (typing(event) || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});

// --- the drawer ------------------------------------------------------------------------------------------------

function drawer(open) {
  const place = document.getElementById("drawer");
  const key = document.querySelector(".drawer-key");
  if (!place || place.hidden === !open) return;
  place.hidden = !open;
  key.setAttribute("aria-expanded", String(open));
  if (!open) {
    place.replaceChildren(); // it asks for nothing any more
    key.focus();
    return;
  }
  const page = encodeURIComponent(window.location.pathname);
  window.htmx.ajax("GET", `/console/drawer?page=${page}`, { target: place, swap: "innerHTML" });
}

document.addEventListener("click", (event) => {
  if (event.target.closest(".drawer-key")) drawer(document.getElementById("drawer").hidden);
  if (event.target.closest("[data-close=drawer]")) drawer(false);
});

// What comes when it is closed again is not wanted; rows that are the same stay, with whoever stands on one of them.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, detail } = event;
  if (target.id === "drawer" && target.hidden) detail.shouldSwap = false;
  if (target.id !== "drawer-rows") return;
  if (target.told === detail.serverResponse) detail.shouldSwap = false;
  target.told = detail.serverResponse;
});

// --- what a form may ask before it goes, that it goes once, and copying --------------------------------------------

// A form that does something goes out once: whoever presses again while the hub is slow would hear of the second time,
// that somebody was quicker.
const SENT_FOR = 10 * SECOND;
let sent = new WeakSet();

document.addEventListener("submit", (event) => {
  const form = event.target;
  const asked = event.submitter?.dataset.sure || form.dataset.sure;
  if (sent.has(form) || (asked && !window.confirm(asked))) return event.preventDefault();
  if (event.defaultPrevented || form.getAttribute("method") !== "post") return;
  sent.add(form);
  setTimeout(() => sent.delete(form), SENT_FOR);
});
window.addEventListener("pageshow", () => (sent = new WeakSet()));

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  event.preventDefault();
  const said = (button.dataset.said ??= button.textContent); // it may say "copied" still
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "copied";
  } catch {
    button.textContent = "select it and copy it by hand"; // browsers let pages copy over https only
  }
  setTimeout(() => (button.textContent = said), SECOND);
});

document.addEventListener("htmx:afterSwap", (event) => tell(event.target));
// How many causes of failures there are, beside the page's name: asked for while somebody sees it.
setInterval(() => {
  if (!document.hidden && window.htmx) window.htmx.trigger("#failures-count", "look");
}, 10 * SECOND);

tell(document);
look();
setInterval(() => tell(document), SECOND);
setInterval(look, 5 * SECOND);
