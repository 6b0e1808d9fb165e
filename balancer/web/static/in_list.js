// From study to study of the list one came from: j and k go on and back, Escape goes back to its row. The list is kept in
// this window alone, and holds addresses and nothing else.

const KEPT = "balancer.list";
const BACK = "balancer.row";
const STUDY = /^\/studies\/\d+(?=[?#]|$)/;
const path = (link) => STUDY.exec(link.getAttribute("href"))?.[0];

// what is opened from a list is remembered with those around it
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("tbody a");
  if (!link || !path(link)) return;
  const studies = [...link.closest("tbody").querySelectorAll("a")].map(path).filter(Boolean);
  const from = location.pathname + location.search;
  sessionStorage.setItem(KEPT, JSON.stringify({ from, studies: [...new Set(studies)] }));
});

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

const list = kept();
const bar = document.getElementById("in-list");
const place = list?.studies.indexOf(location.pathname) ?? -1;

if (bar && place >= 0) {
  const go = (name, address) => {
    const link = bar.querySelector(`[data-in-list="${name}"]`);
    if (address) link.href = address;
    else link.remove();
  };
  go("previous", list.studies[place - 1]);
  go("next", list.studies[place + 1]);
  go("back", list.from);
  bar.querySelector("[data-place]").textContent = `${place + 1} of ${list.studies.length} shown there`;
  bar.hidden = false;
  sessionStorage.setItem(BACK, location.pathname);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
    if (event.target.closest?.("input, select, textarea")) return event.target.blur();
    bar.querySelector('[data-in-list="back"]').click();
  });
}

// coming back: to the row of the study that was looked at last
const last = sessionStorage.getItem(BACK);
if (last && list?.from === location.pathname + location.search) {
  sessionStorage.removeItem(BACK);
  [...document.querySelectorAll("tbody a")].find((link) => path(link) === last)?.focus();
}
