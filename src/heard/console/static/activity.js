// The charts of the activity page: each is drawn from the table below it, whose figures it repeats.
"use strict";

// Told apart by their dashes as well as by their colours.
const LINES = [
  ["--accent", [], "solid"],
  ["--info", [8, 4], "dashed"],
  ["--warn", [2, 3], "dotted"],
  ["--bad", [10, 3, 2, 3], "double"],
  ["--soft", [4, 4], "groove"],
];

function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function took(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 120000 ? `${(ms / 1000).toFixed(1)} s` : `${(ms / 60000).toFixed(1)} min`;
}

const SAID = {
  orders: (value) => value.toLocaleString(),
  ms: took,
  "%": (value) => `${value.toFixed(1)} %`,
};

const SHOWN = {
  hour: (at) => at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }),
  day: (at) => at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }),
  month: (at) => at.toLocaleDateString([], { day: "numeric", month: "short", timeZone: "UTC" }),
};

function read(table) {
  const rows = [...table.tBodies[0].rows];
  const times = rows.map((row) => new Date(row.querySelector("time").dateTime) / 1000);
  const names = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent);
  const columns = names.map((_, n) => rows.map((row) => {
    const value = row.cells[n + 1].dataset.value;
    return value === "" ? null : Number(value);
  }));
  return { times, names, columns };
}

function draw(place) {
  const { times, names, columns } = read(document.getElementById(place.dataset.table));
  const say = SAID[place.dataset.unit];
  const shown = SHOWN[place.dataset.span];
  const ink = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
  const lines = names.map((label, n) => ({
    label,
    stroke: colour(LINES[n][0]),
    dash: LINES[n][1],
    width: 2,
    points: { show: place.dataset.unit !== "orders", size: 5 },
    value: (_, value) => (value === null ? "-" : say(value)),
  }));
  place.replaceChildren();
  place.plot = new uPlot(
    {
      width: place.clientWidth || 400,
      height: 220,
      tzDate: (at) => (place.dataset.span === "month" ? uPlot.tzDate(new Date(at * 1000), "Etc/UTC") : new Date(at * 1000)),
      scales: { x: { time: true }, y: { range: (_, low, high) => [0, high > 0 ? high * 1.05 : 1] } },
      axes: [
        { ...ink, values: (_, splits) => splits.map((at) => shown(new Date(at * 1000))) },
        { ...ink, size: 70, values: (_, splits) => splits.map(say) },
      ],
      legend: { markers: { width: 3, dash: (_, n) => LINES[n - 1]?.[2] ?? "solid" } },
      series: [{ label: "At", value: (_, at) => (at === null ? "-" : shown(new Date(at * 1000))) }, ...lines],
    },
    [times, ...columns],
    place,
  );
}

function drawAll() {
  document.querySelectorAll(".chart").forEach(draw);
}

// What the reader had opened stays open when the figures come anew.
let opened = [];
document.addEventListener("htmx:beforeSwap", () => (opened = [...document.querySelectorAll("details[open]")].map((one) => one.id)));
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id !== "figures") return;
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  window.heard.tell(document);
  drawAll();
});
document.addEventListener("change", (event) => event.target.closest("#figures form select")?.form.requestSubmit());

let resizing = 0;
window.addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(drawAll, 150);
});
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
drawAll();
