// A reporter's list while it is open: words that go on, changes that wait, claims kept alive, keys. The server decides
// everything; without this script every button still works.

import "./vendor/htmx.esm.min.js";
import { toSignIn, watchAnswers } from "./answers.js";
import { atWords, dayAndClock, tick } from "./time_left.js";

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

const clock = document.getElementById("clock");

setInterval(() => {
  tick(list, now());
  clock.textContent = dayAndClock(now());
}, 15_000);

// how the session goes, what is done, and how much of the list that is shown is late: words, in which nothing moves
const OF_NOW = ["progress", "done-count", "done"];

function sayOfNow(found) {
  for (const name of found.dataset.tag === part().dataset.tag ? ["lede", ...OF_NOW] : OF_NOW) {
    const [said, before] = [found, part()].map((of) => of.querySelector(`[data-of-now="${name}"]`));
    if (said && before && said.innerHTML !== before.innerHTML) before.replaceChildren(...said.cloneNode(true).childNodes);
  }
}

// --- changes wait until they are asked for ---------------------------------------------------------------------------

let fresh = null;
// somebody's acts: how many there were, whether one is under way, and what resolves when none is
let acts = 0, busy = false, settled = Promise.resolve(), settle = () => {};

// what the page asks by itself does not count as somebody being there: the session ends as if it had not been asked
async function fetchPart() {
  const answer = await fetch(`${address}?wait=0`, { headers: { "HX-Request": "true" }, cache: "no-store" });
  if (answer.redirected || answer.status === 401) return toSignIn();
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const template = document.createElement("template");
  template.innerHTML = await answer.text();
  return template.content.firstElementChild;
}

// What was asked before somebody's act may be older than the answer to it, and must neither be shown over it nor be
// replaced by it under the keys: the list is asked for while no act is under way, and again if one began meanwhile.
async function fetchSettled() {
  for (;;) {
    await settled;
    const before = acts;
    const found = await fetchPart();
    if (acts === before) return found;
  }
}

// looks at the list as it is: what has become of what is open is shown at once, anything else waits until it is asked for
async function look(tag) {
  if (tag === part().dataset.tag) return offer(null);
  const found = await fetchSettled();
  if (found) sayOfNow(found);
  if (!found || found.dataset.tag === part().dataset.tag) return offer(null);
  if (cannotWait(found)) return show(found);
  offer(found);
}

// what is open here and is so no more, what is open and this page does not show, and what a trust has withdrawn
function cannotWait(found) {
  const state = (of) => [...of.querySelectorAll("[data-open]")].map((card) => card.dataset.read + card.dataset.state).join();
  return state(part()) !== state(found);
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

// what somebody is filling in goes on in the list that is shown now; the field that had the focus, there
function carryOver(found, from = part(), active = document.activeElement) {
  let focused = null;
  for (const form of from.querySelectorAll("form")) {
    const same = [...found.querySelectorAll("form")].find((other) => other.getAttribute("action") === form.getAttribute("action"));
    // what somebody has gone on in already is later than what was carried
    if (same?.elements.length !== form.elements.length || same.contains(document.activeElement)) continue;
    if (form.closest("details[open]")) same.closest("details")?.setAttribute("open", "");
    [...form.elements].forEach((field, place) => {
      const other = same.elements[place];
      if (field.type !== "hidden" && field.matches("input, select, textarea")) {
        other.value = field.value;
        other.checked = field.checked;
      }
      if (field === active) focused = other;
    });
  }
  return focused;
}

function show(found) {
  const field = carryOver(found);
  const focused = document.activeElement?.closest("[data-read]")?.dataset.read;
  const still = new Set(openReads(found));
  const gone = [...part().querySelectorAll("[data-open]")].filter((card) => !still.has(card.dataset.read));
  gone.forEach(tellGone);
  part().replaceWith(found);
  globalThis.htmx.process(found);
  after();
  const again = focused && found.querySelector(`[data-read="${focused}"] button, [data-read="${focused}"] a`);
  (field || again || document.getElementById("list-heading")).focus({ preventScroll: Boolean(field || again) });
}

// A claim that ended and not by this page: whoever reads on must hear of it, and can still say that the report is written.
function tellGone(card) {
  const notice = document.getElementById("gone").content.firstElementChild.cloneNode(true);
  const name = card.querySelector("h2").textContent, to = `${address}/reads/${card.dataset.read}/complete`;
  notice.querySelector("[data-name]").textContent = name;
  const form = notice.querySelector("form");
  form.setAttribute("action", to);
  form.setAttribute("hx-post", to);
  document.getElementById("notices").append(notice);
  globalThis.htmx.process(notice);
  notice.focus();
}

const unread = () => document.querySelectorAll("#notices [data-gone]").length;

async function showWaiting() {
  if (!fresh) return;
  try {
    show((await fetchSettled()) ?? fresh);
  } catch {
    lost();
  }
}

// what somebody has unfolded stays so when the list is another
const unfolded = new Set();
document.addEventListener("toggle", ({ target }) => {
  const fold = target.dataset?.fold;
  if (fold) target.open ? unfolded.add(fold) : unfolded.delete(fold);
}, true);

function after() {
  for (const fold of list.querySelectorAll("[data-fold]")) fold.open = unfolded.has(fold.dataset.fold);
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

const AGAIN = 5_000;

function listen() {
  const events = new EventSource(`${address}/events?wait=900`);
  events.addEventListener("list", (event) => hear(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    lost();
    // a browser opens it again by itself unless something else than a stream answered
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN);
  });
}

// only what was heard and could be looked at is live; until then it is tried again
async function hear(tag) {
  try {
    await look(tag);
    found();
  } catch {
    lost();
    setTimeout(() => hear(tag), AGAIN);
  }
}

if (own) listen();

// --- claims are kept alive for as long as the page is open -----------------------------------------------------------

async function beat() {
  if (!own) return;
  // what they have opened elsewhere, or were given, is theirs to keep alive too
  await look().catch(lost);
  for (const read of openReads(part())) {
    try {
      await settled;
      if (!openReads(part()).includes(read)) continue;
      const answer = await fetch(`${address}/reads/${read}/heartbeat?wait=0`, { method: "POST", headers: { "HX-Request": "true" } });
      if (answer.status === 401) return toSignIn();
      if (!answer.ok || answer.headers.get("X-Refused")) await look();
    } catch {
      lost();
    }
  }
}

if (own) setInterval(beat, HEARTBEAT);

// --- opening: the claim here, the images in the PACS ------------------------------------------------------------------

const images = new Map();

document.addEventListener("submit", (event) => {
  // one act at a time: the answer to one says how the list is for the next
  if (busy) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  busy = true;
  acts += 1;
  settled = new Promise((resolve) => { settle = resolve; });
  const link = event.target.dataset.pacs;
  // a window may be opened at a person's own act only, so it is opened now, and closed if somebody was faster
  if (link) images.set(event.target, { link, tab: globalThis.open("about:blank", "_blank") });
}, true);

// What was not answered may or may not have been done: whoever reads is told so, and the list is looked at again.
function tellUnsure(words) {
  const notices = document.getElementById("notices");
  const notice = document.getElementById("unsure").content.firstElementChild.cloneNode(true);
  notice.querySelector("[data-words]").textContent = words;
  notices.querySelector("[data-unsure]")?.remove();
  notices.append(notice);
  notice.focus();
}

watchAnswers({
  unanswered: () => {
    lost();
    if (own) tellUnsure("The service did not answer. What you asked for may or may not have been done.");
  },
  refused: (words) => tellUnsure(`${words} Nothing was done.`),
  answered: () => document.querySelector("[data-unsure]")?.remove(),
});

document.addEventListener("htmx:finally:request", (event) => {
  const form = event.detail.ctx?.sourceElement, answer = event.detail.ctx?.response, opened = images.get(form);
  busy = false;
  settle();
  images.delete(form);
  const done = answer?.status === 200 && !answer.headers.get("X-Refused");
  if (opened?.tab && done) { opened.tab.opener = null; opened.tab.location = opened.link; }
  else opened?.tab?.close();
  if (done) form?.closest("[data-gone]")?.remove();
  if (own && !answer?.headers.get("X-Refused") && !done) look().catch(lost);
});

// the answer to an act takes the list's place too: what is being filled in for another read goes on in it
let former = null;
document.addEventListener("htmx:before:swap", () => { former = { part: part(), active: document.activeElement }; });

document.addEventListener("htmx:after:swap", () => {
  const field = former && carryOver(part(), former.part, former.active);
  former = null;
  after();
  // whoever has gone on in the answer before this is heard is left where they are
  if (list.contains(document.activeElement)) return;
  (document.getElementById("said") ?? field ?? document.getElementById("list-heading"))?.focus();
});

// --- keys ------------------------------------------------------------------------------------------------------------

const keysOn = document.getElementById("keys-on");
const KEPT = "balancer.keys";
if (keysOn) {
  keysOn.checked = localStorage.getItem(KEPT) !== "off";
  keysOn.addEventListener("change", () => localStorage.setItem(KEPT, keysOn.checked ? "on" : "off"));
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-dialog], [data-close], [data-show], [data-dismiss]");
  if (!target) return;
  if ("dismiss" in target.dataset) return target.closest("[data-gone], [data-unsure]").remove();
  if (target.dataset.dialog) document.getElementById(target.dataset.dialog).showModal();
  else if ("close" in target.dataset) target.closest("dialog").close();
  else showWaiting();
});

document.addEventListener("keydown", (event) => {
  if (!own || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (event.key === "Escape" && fold(event.target)) return event.preventDefault();
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
  c: () => meant((card) => press('[data-key="c"]', card) || unfold("[data-complete]", card)),
  l: () => meant((card) => press('[data-key="l"]', card)),
  r: () => openReads(part()).length === 0 ? unfold(".b-entry--first [data-return]") : meant((card) => unfold("[data-return]", card)),
  u: () => { showWaiting(); return true; },
};

// A key ends the read that is meant: the only one that is open, or the one with the focus. It never guesses.
function meant(act) {
  const cards = [...list.querySelectorAll("[data-open]")];
  const card = document.activeElement?.closest("[data-open]") ?? (cards.length === 1 && !unread() ? cards[0] : null);
  if (card) return act(card);
  if (cards.length) {
    const why = unread() ? "Say first what becomes of the read that is no longer yours." : "Several reads are open: go to the one you mean with Tab, then press the key.";
    document.getElementById("hint").textContent = why;
  }
  return cards.length > 0;
}

function press(selector, within = list) {
  const button = within.querySelector(selector);
  button?.click();
  return Boolean(button);
}

function unfold(selector, within = list) {
  const details = within.querySelector(selector);
  if (!details) return false;
  details.open = true;
  details.querySelector("input")?.focus();
  return true;
}

// Out of what a key has unfolded: the keys of the read are heard again.
function fold(within) {
  const details = within.closest("[data-return][open], [data-complete][open]");
  if (!details) return false;
  details.open = false;
  details.querySelector("summary").focus();
  return true;
}

beat();
