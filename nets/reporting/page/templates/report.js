"use strict";
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

/* Sorting: a click or Enter on a header; rows without a value stay last. */
function sortBy(header) {
  const table = header.closest("table"), body = table.tBodies[0], index = header.cellIndex;
  const first = header.textContent.includes("↑") ? "descending" : "ascending";
  const turned = { ascending: "descending", descending: "ascending" };
  const order = header.ariaSort ? turned[header.ariaSort] : first;
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1, number = header.dataset.sort === "number";
  const key = (row) => {
    const cell = row.cells[index];
    return number ? (cell.dataset.value === undefined ? null : Number(cell.dataset.value)) : cell.textContent.trim();
  };
  const compare = (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === null || y === null) return (x === null) - (y === null);
    return sign * (number ? x - y : x.localeCompare(y));
  };
  body.append(...[...body.rows].sort(compare));
}
for (const header of document.querySelectorAll("th[data-sort]")) {
  const button = make("button", { type: "button", title: "Sort by this column" });
  button.append(...header.childNodes);
  header.append(button);
  button.addEventListener("click", () => sortBy(header));
}

/* Filtering: shows the rows of a table, or the runs, that contain all words typed. */
function filterTools(items, what) {
  const input = make("input", { type: "search", placeholder: "Filter " + what, ariaLabel: "Filter " + what });
  const status = make("span", { ariaLive: "polite" });
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    const fits = (item) => words.every((word) => item.textContent.toLowerCase().includes(word));
    items.forEach((item) => { item.hidden = !fits(item); });
    const shown = items.filter((item) => !item.hidden).length;
    status.textContent = input.value ? `${shown} of ${items.length}` : "";
  });
  return make("div", { className: "tools" }, input, status);
}
for (const figure of document.querySelectorAll(".comparison")) {
  const rows = [...figure.querySelectorAll("tbody:not(.scale) tr")];
  const tools = rows.length > 1 ? filterTools(rows, "models") : make("div", { className: "tools" });
  if (rows.length > 1) tools.append("Click a column to sort by it.");
  if (figure.querySelector(".minor")) {
    const box = make("input", { type: "checkbox" });
    figure.classList.add("folded");
    box.addEventListener("change", () => figure.classList.toggle("folded", !box.checked));
    tools.append(make("label", {}, box, " also show the weights that were best on validation data"));
  }
  figure.prepend(tools);
}
for (const list of document.querySelectorAll(".filtered")) {
  const items = [...list.children];
  list.prepend(filterTools(items, "runs"));
}

/* A link to a folded part opens it; printing opens all models. */
function open() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  target.hidden = false;
  target.scrollIntoView();
}
addEventListener("hashchange", open);
addEventListener("load", open);
addEventListener("beforeprint", () => document.querySelectorAll(".model").forEach((model) => { model.open = true; }));

/* The contents show where the reader is. */
const links = new Map([...document.querySelectorAll("nav li a")].map((link) => [link.hash.slice(1), link]));
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) links.get(entry.target.id).toggleAttribute("aria-current", entry.isIntersecting);
}, { rootMargin: "-20% 0px -70% 0px" });
for (const id of links.keys()) watcher.observe(document.getElementById(id));
