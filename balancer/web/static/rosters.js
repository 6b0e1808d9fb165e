// The week's grid by keyboard: arrows go over half-days, Escape closes what is open. Links do the rest, script or none.

const grid = document.querySelector(".b-week");
const rows = grid ? [...grid.querySelectorAll("tr")].map((row) => [...row.cells]) : [];
const shown = (cell) => cell?.querySelector("[data-half]") ?? null;
const visible = (link) => link !== null && link.offsetParent !== null;

// One stop for Tab: the half-day that is open, else the first; arrows go on from it.
const halves = grid ? [...grid.querySelectorAll("[data-half]")].filter(visible) : [];
const stop = (link) => halves.forEach((other) => (other.tabIndex = other === link ? 0 : -1));
stop(halves.find((link) => link.getAttribute("aria-current")) ?? halves[0]);

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

// The next half-day in a direction; gaps (nothing rostered) are stepped over.
function next(link, [down, right]) {
  const cell = link.closest("td");
  let row = rows.findIndex((cells) => cells.includes(cell));
  let place = rows[row].indexOf(cell);
  for (;;) {
    row += down;
    place += right;
    if (!rows[row] || place < 0 || place > 14) return null;
    const found = shown(rows[row][place]);
    if (visible(found)) return found;
  }
}

grid?.addEventListener("keydown", (event) => {
  const link = event.target.closest("[data-half]");
  const step = STEPS[event.key];
  if (!link || !step || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  const found = next(link, step);
  if (!found) return;
  stop(found);
  found.focus();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  document.querySelector("[data-close-open]")?.click();
});

// Coming back from what was open: to its half-day.
const BACK = "balancer.half";
const open = document.getElementById("open");
if (open) {
  const current = grid?.querySelector("[aria-current='true'][data-half]");
  if (current) sessionStorage.setItem(BACK, current.getAttribute("aria-label").split(":")[0]);
  open.focus({ preventScroll: true });
} else {
  const name = sessionStorage.getItem(BACK);
  sessionStorage.removeItem(BACK);
  const back = name && halves.find((link) => link.getAttribute("aria-label").startsWith(name));
  if (back) {
    stop(back);
    back.focus();
  }
}
