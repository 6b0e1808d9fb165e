// The chart under the keyboard: one stop of Tab, arrows go from block to block. Without this script every block is a stop.

// What a narrow window leaves out has no place.
const isThere = (block) => block.getClientRects().length > 0;
const blocks = [...document.querySelectorAll("[data-block]")].filter(isThere);
const rows = [...document.querySelectorAll(".b-gantt__strip")]
  .map((strip) => [...strip.querySelectorAll("[data-block]")].filter(isThere))
  .filter((row) => row.length > 0);

const stop = (block) => {
  for (const each of blocks) each.setAttribute("tabindex", each === block ? "0" : "-1");
};
if (blocks.length > 0) stop(blocks[0]);

const middle = (block) => {
  const box = block.getBoundingClientRect();
  return box.left + box.width / 2;
};
const nearest = (row, from) =>
  row.reduce((best, each) => (Math.abs(middle(each) - from) < Math.abs(middle(best) - from) ? each : best));

const STEPS = {
  ArrowLeft: (row, place) => row[place - 1],
  ArrowRight: (row, place) => row[place + 1],
  ArrowUp: (row, place, number) => rows[number - 1] && nearest(rows[number - 1], middle(row[place])),
  ArrowDown: (row, place, number) => rows[number + 1] && nearest(rows[number + 1], middle(row[place])),
};

document.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  const block = event.target.closest?.("[data-block]");
  if (!step || !block || event.ctrlKey || event.altKey || event.metaKey) return;
  const number = rows.findIndex((row) => row.includes(block));
  const next = step(rows[number], rows[number].indexOf(block), number);
  event.preventDefault();
  if (!next) return;
  stop(next);
  next.focus();
});

// What was opened is read next.
document.getElementById("opened")?.focus();
