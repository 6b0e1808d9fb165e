// A run that is under way: its figures follow, and when it has ended the page is shown as it is then.

const card = document.querySelector("[data-run-events]");
const points = (value) => (value == null ? "not known" : value.toLocaleString("en-GB", { minimumFractionDigits: 1, maximumFractionDigits: 1 }));

if (card) {
  const stages = JSON.parse(card.dataset.stages);
  const put = (name, words) => {
    card.querySelector(`[data-${name}]`).textContent = words;
  };
  const source = new EventSource(card.dataset.runEvents);
  source.addEventListener("progress", (event) => {
    const said = JSON.parse(event.data);
    put("stage", stages[said.stage] ?? said.stage);
    if (said.solver_seconds != null) put("seconds", Math.round(said.solver_seconds).toString());
    put("incumbent", points(said.incumbent_points));
    put("bound", points(said.bound_points));
    put("link", "The figures follow while this page is open.");
  });
  source.addEventListener("ended", () => {
    source.close();
    location.reload();
  });
  source.addEventListener("error", () => {
    put("link", `The link was lost at ${new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })}. It is tried again by itself; the figures are those of before.`);
  });
}
