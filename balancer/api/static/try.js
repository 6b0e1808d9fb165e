// Asks this very service what a form of the reference describes, and shows the answer.
"use strict";

function address(form) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  for (const field of form.querySelectorAll("input")) {
    if (field.dataset.in === "path") path = path.replace(`{${field.name}}`, encodeURIComponent(field.value));
    else if (field.value) query.append(field.name, field.value);
  }
  return query.size ? `${path}?${query}` : path;
}

async function ask(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const shown = form.querySelector("pre");
  shown.hidden = false;
  shown.textContent = "asking ...";
  try {
    const answer = await fetch(address(form), { headers: { accept: "application/json" } });
    const body = await answer.text();
    let pretty = body;
    try { pretty = JSON.stringify(JSON.parse(body), null, 2); } catch { /* shown as it came */ }
    shown.textContent = `${answer.status} ${answer.statusText}\n${pretty}`;
  } catch {
    shown.textContent = "The service does not answer. Is it running?";
  }
}

for (const form of document.querySelectorAll("form.try")) {
  form.hidden = false;
  form.addEventListener("submit", ask);
}
