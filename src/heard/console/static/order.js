// An order's page: its state and its timeline keep themselves up to date; forms stay as they are.
"use strict";

const LOOK_EVERY = 2000;
const KEPT = ["order-state", "order-events", "order-timeline"];

function reading() {
  const selection = window.getSelection();
  const within = (node) => KEPT.some((id) => document.getElementById(id)?.contains(node));
  return (selection && !selection.isCollapsed && within(selection.anchorNode)) || within(document.activeElement);
}

let open = new Set();

// What somebody has opened stays open when the list is drawn again.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  for (const one of event.detail.target.querySelectorAll("details[data-keep]")) {
    if (one.open) open.add(one.dataset.keep);
    else open.delete(one.dataset.keep);
  }
});

document.addEventListener("htmx:oobAfterSwap", () => {
  for (const one of document.querySelectorAll("details[data-keep]")) one.open = open.has(one.dataset.keep);
  window.heard.tell(document);
});

setInterval(() => {
  if (document.visibilityState === "visible" && !reading()) window.htmx?.trigger("#live", "look");
}, LOOK_EVERY);
