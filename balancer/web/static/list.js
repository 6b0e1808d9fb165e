// A reporter's list while it is open: words that go on, changes that wait, claims kept alive, keys. The server decides
// everything; without this script every button still works.

import "./vendor/htmx.esm.min.js";
import { atWords, tick } from "./time_left.js";

const list = document.getElementById("list");
const own = "own" in list.dataset;
const address = list.dataset.list;
const waiting = document.getElementById("waiting");
const live = document.getElementById("live");
const HEARTBEAT = 60_000;
// The server's clock may be another than this machine's, and is the one that counts.
const shownAt = Date.now();
const serverAhead = Date.parse(document.documentElement.dataset.now) - shownAt;
const now = () => Date.now() + serverAhead;

const part = () => list.firstElementChild;
const seen = (of) => of.dataset.seen.split(" ").filter(Boolean);

// --- time ------------------------------------------------------------------------------------------------------------

setInterval(() => tick(list, now()), 15_000);

// --- changes wait until they are asked for ---------------------------------------------------------------------------

let fresh = null;

async function fetchPart() {
  const answer = await fetch(address, { headers: { "HX-Request": "true" }, cache: "no-store" });
  if (answer.redirected || answer.status === 401) return location.assign("/sign-in");
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const template = document.createElement("template");
  template.innerHTML = await answer.text();
  return template.content.firstElementChild;
}

async function look(tag) {
  if (tag === part().dataset.tag) return offer(null);
  const found = await fetchPart();
  if (!found || found.dataset.tag === part().dataset.tag) return offer(null);
  // one that was open here and is open no more, or is withdrawn, cannot wait
  const open = openReads(part()), still = new Set(openReads(found));
  if (open.some((read) => !still.has(read))) return show(found);
  offer(found);
}

function openReads(of) {
  return [...of.querySelectorAll("[data-open]")].map((card) => card.dataset.read);
}

function offer(found) {
  fresh = found;
  if (!waiting) return;
  if (found === null) { waiting.hidden = true; return; }
  const before = new Set(seen(part())), after = new Set(seen(found));
  const changed = [...after].filter((read) => !before.has(read)).length + [...before].filter((read) => !after.has(read)).length;
  const words = changed === 0 ? "The order has changed." : changed === 1 ? "1 change is waiting." : `${changed} changes are waiting.`;
  waiting.querySelector("[data-count]").textContent = words;
  waiting.hidden = false;
}

function show(found) {
  const focused = document.activeElement?.closest("[data-read]")?.dataset.read;
  part().replaceWith(found);
  globalThis.htmx.process(found);
  after();
  const again = focused && found.querySelector(`[data-read="${focused}"] button, [data-read="${focused}"] a`);
  (again || document.getElementById("list-heading")).focus({ preventScroll: Boolean(again) });
}

async function showWaiting() {
  if (!fresh) return;
  try {
    show((await fetchPart()) ?? fresh);
  } catch {
    lost();
  }
}

// something has become of what is open: it is shown at once, for it cannot wait
async function see() {
  const current = await fetchPart();
  if (current && current.dataset.tag !== part().dataset.tag) show(current);
}

function after() {
  offer(null);
  tick(list, now());
}

// --- the live link ---------------------------------------------------------------------------------------------------

let lostSince = null;

function lost() {
  if (!live || lostSince !== null) return;
  lostSince = now();
  live.classList.add("b-silent");
  live.querySelector("[data-live]").textContent = `Not live since ${atWords(lostSince, now())}: go on reading, what you open is still checked`;
}

function found() {
  if (!live || lostSince === null) return;
  lostSince = null;
  live.classList.remove("b-silent");
  live.querySelector("[data-live]").textContent = "Live";
}

if (own) {
  const events = new EventSource(`${address}/events?wait=900`);
  events.addEventListener("list", (event) => { found(); look(JSON.parse(event.data)).catch(lost); });
  events.addEventListener("open", found);
  events.addEventListener("error", lost);
}

// --- claims are kept alive for as long as the page is open -----------------------------------------------------------

async function beat() {
  if (!own) return;
  for (const read of openReads(part())) {
    try {
      const answer = await fetch(`${address}/reads/${read}/heartbeat`, { method: "POST", headers: { "HX-Request": "true" } });
      if (answer.status === 401) return location.assign("/sign-in");
      found();
      if (!answer.ok || answer.headers.get("X-Refused")) await see();
    } catch {
      lost();
    }
  }
}

if (own) setInterval(beat, HEARTBEAT);

// --- opening: the claim here, the images in the PACS ------------------------------------------------------------------

let images = null;

document.addEventListener("submit", (event) => {
  const link = event.target.dataset.pacs;
  // a window may be opened at a person's own act only, so it is opened now, and closed if somebody was faster
  if (link) images = { link, tab: globalThis.open("about:blank", "_blank") };
}, true);

document.addEventListener("htmx:after:request", (event) => {
  const answer = event.detail.ctx?.response;
  const done = answer?.status === 200 && !answer.headers.get("X-Refused");
  if (images?.tab) {
    if (done) { images.tab.opener = null; images.tab.location = images.link; }
    else images.tab.close();
  }
  images = null;
  if (!answer) lost();
});

document.addEventListener("htmx:after:swap", () => {
  after();
  (document.getElementById("said") ?? document.getElementById("list-heading"))?.focus();
});

// --- keys ------------------------------------------------------------------------------------------------------------

const keysOn = document.getElementById("keys-on");
const KEPT = "balancer.keys";
if (keysOn) {
  keysOn.checked = localStorage.getItem(KEPT) !== "off";
  keysOn.addEventListener("change", () => localStorage.setItem(KEPT, keysOn.checked ? "on" : "off"));
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-dialog], [data-close], [data-show]");
  if (!target) return;
  if (target.dataset.dialog) document.getElementById(target.dataset.dialog).showModal();
  else if ("close" in target.dataset) target.closest("dialog").close();
  else showWaiting();
});

document.addEventListener("keydown", (event) => {
  if (!own || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (event.target.closest("input, select, textarea, dialog[open]")) return;
  if (event.key === "?") return document.getElementById("keys").showModal();
  if (!keysOn.checked) return;
  // whoever has a button or link under the focus means that one
  if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const act = KEYS[key] ?? (() => press(`.b-next [data-key="${key}"]`));
  if (act()) event.preventDefault();
});

const KEYS = {
  Enter: () => openReads(part()).length === 0 && press('.b-next [data-key="Enter"]'),
  c: () => press('[data-open] [data-key="c"]') || unfold("[data-open] [data-complete]"),
  l: () => press('[data-open] [data-key="l"]'),
  r: () => unfold("[data-open] [data-return]") || unfold(".b-entry--first [data-return]"),
  u: () => { showWaiting(); return true; },
};

function press(selector) {
  const button = list.querySelector(selector);
  button?.click();
  return Boolean(button);
}

function unfold(selector) {
  const details = list.querySelector(selector);
  if (!details) return false;
  details.open = true;
  details.querySelector("input")?.focus();
  return true;
}

beat();
