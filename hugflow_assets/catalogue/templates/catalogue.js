// Filters and sorts the table of the index, and puts a button to copy beside every block of code. Without it the pages
// are whole, only longer to look through. The address keeps what was chosen, so that a search can be sent to someone.
"use strict";

const form = document.getElementById("filters");
const body = document.getElementById("datasets");

if (form && body) {
  const rows = Array.from(body.rows, (row, at) => ({
    row, at, ...row.dataset,
    text: row.textContent.toLowerCase() + " " + row.querySelector("a").getAttribute("href").toLowerCase(),
    languages: row.dataset.language.split(" "),
    length: row.dataset.hours === "" ? null : Number(row.dataset.hours),
  }));
  const found = document.getElementById("found");
  const fits = (one, asked) =>
    asked.words.every((word) => one.text.includes(word)) &&
    (!asked.language || one.languages.includes(asked.language)) &&
    (!asked.licence || one.licence === asked.licence) &&
    (!asked.owner || one.owner === asked.owner) &&
    (!asked.state || one.state === asked.state) &&
    (asked.least === "" || (one.length !== null && one.length >= Number(asked.least))) &&
    (asked.most === "" || (one.length !== null && one.length <= Number(asked.most)));
  const orders = {
    size: (a, b) => b.size - a.size,
    hours: (a, b) => (b.length ?? -1) - (a.length ?? -1),
    rows: (a, b) => b.rows - a.rows,
    landed: (a, b) => (b.landed > a.landed) - (b.landed < a.landed),
  };
  let sorted = "";
  const apply = () => {
    const asked = Object.fromEntries(new FormData(form));
    asked.words = asked.q.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const one of rows) {
      const fit = fits(one, asked);
      one.row.hidden = !fit;
      shown += fit;
    }
    if (asked.sort !== sorted) {
      sorted = asked.sort;
      body.append(...[...rows].sort((a, b) => (orders[sorted]?.(a, b) || 0) || a.at - b.at).map((one) => one.row));
    }
    found.textContent = shown === rows.length ? `${shown} datasets` : `${shown} of ${rows.length} datasets`;
    const kept = [...new FormData(form)].filter(([, value]) => value);
    history.replaceState(null, "", kept.length ? `#${new URLSearchParams(kept)}` : location.pathname);
  };
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    if (form.elements[name]) form.elements[name].value = value;
  }
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  if (location.hash.includes("=")) apply();
}

if (navigator.clipboard) {
  for (const block of document.querySelectorAll("pre[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(block.querySelector("code").textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    block.append(button);
  }
}
