// A manager's page while it is open: words that go on, and keys. Without this script every link and button still works.

import "./vendor/htmx.esm.min.js";
import "./in_list.js";
import { watchAnswers } from "./answers.js";
import { atWords, span, tick } from "./time_left.js";

const main = document.getElementById("main");
// The server's clock may be another than this machine's, and is the one that counts.
const shownAt = Date.now();
const serverAhead = Date.parse(document.documentElement.dataset.now) - shownAt;
const now = () => Date.now() + serverAhead;

// the time in the strip is that of what is shown: whoever comes back to a page that was left open is told how old it is
const clock = document.getElementById("clock");
const AGED = 5 * 60_000;

function sayAge() {
  const age = Date.now() - shownAt;
  if (age < AGED) return;
  clock.textContent = `As of ${atWords(shownAt + serverAhead, now())}, ${span(age)} ago`;
  clock.parentElement.classList.add("b-silent");
  document.getElementById("anew")?.removeAttribute("hidden");
}

setInterval(() => {
  tick(main, now());
  sayAge();
}, 15_000);
// what is worked out is shown as it comes; whoever writes or reads elsewhere meanwhile keeps their place
document.addEventListener("htmx:after:swap", () => tick(main, now()));
// what could not be done is where a page that says so begins
document.getElementById("said")?.focus();

// --- no answer: what is shown stays, marked with since when; what asks again by itself goes on asking ---------------------

const silent = document.getElementById("unanswered");
let silentSince = null;

function say(words) {
  silent.querySelector("[data-words]").textContent = words;
  silent.hidden = false;
}

watchAnswers({
  unanswered: () => {
    silentSince ??= now();
    say(`The service has not answered since ${atWords(silentSince, now())}. What is shown is as it was then.`);
  },
  refused: (words) => say(`${words} What is shown is as it was.`),
  answered: () => {
    silentSince = null;
    silent.hidden = true;
  },
});

// on a phone the sections are one line that is moved sideways: where one is can be seen
const here = document.querySelector(".b-sections [aria-current]");
if (here) here.closest("ul").scrollLeft = here.offsetLeft - 16;

// --- keys: they never fire in a field, never replace a browser's own, and can be switched off --------------------------

const KEPT = "balancer.keys";
const keys = document.getElementById("keys");
const keysOn = document.getElementById("keys-on");
keysOn.checked = localStorage.getItem(KEPT) !== "off";
keysOn.addEventListener("change", () => localStorage.setItem(KEPT, keysOn.checked ? "on" : "off"));

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-dialog], [data-close]");
  if (!target) return;
  if (target.dataset.dialog) document.getElementById(target.dataset.dialog).showModal();
  else target.closest("dialog").close();
});

const PAUSE = 1_500;
let going = 0;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (event.target.closest("input, select, textarea, dialog[open]")) return;
  if (event.key === "?") return keys.showModal();
  if (!keysOn.checked || event.key.length !== 1) return;
  const key = event.key.toLowerCase();
  if (going && Date.now() - going < PAUSE) {
    going = 0;
    document.querySelector(`[data-go="${CSS.escape(key)}"]`)?.click();
    return event.preventDefault();
  }
  going = key === "g" ? Date.now() : 0;
  if (key === "g") return;
  // what a page marks with a key is pressed by it; a field is gone to
  const marked = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!marked) return;
  event.preventDefault();
  if (marked.matches("input, select, textarea")) return marked.focus();
  marked.click();
  // what unfolds is gone into: whoever has keys alone would have to come to it from the top of the page
  if (marked.matches("summary")) marked.parentElement.querySelector("input:not([type=hidden]), select, textarea")?.focus();
});
