"use strict";
/* What all pages share: the state in the address, and tables that sort, filter and tick their rows. */
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

/* The state of a page is in its address, as "#sort=macs-up&filter=lenet", so that it can be kept and sent. */
const state = {
  get active() { return location.hash.includes("="); },
  all() { return new Map(this.active ? new URLSearchParams(location.hash.slice(1)) : []); },
  get(key) { return this.all().get(key) ?? ""; },
  set(key, value) {
    const values = this.all();
    if (value === "") values.delete(key); else values.set(key, value);
    const plain = (text) => encodeURIComponent(text).replace(/%2C/g, ",");
    const text = [...values].map(([name, each]) => `${name}=${plain(each)}`).join("&");
    history.replaceState(null, "", text ? "#" + text : location.pathname + location.search);
  },
};

/* The rows of a table. Of a long one, only those in sight are in the document. */
const LONG = 150, SPARE = 12;
class Rows {
  constructor(figure, prefix) {
    Object.assign(this, { figure, prefix, table: figure.querySelector("table"), scroll: figure.querySelector(".scroll") });
    this.body = this.table.tBodies[0];
    const rest = this.table.querySelector("template.rest");
    this.rows = [...this.body.rows, ...(rest ? rest.content.querySelectorAll("tr") : [])];
    rest?.remove();
    this.shown = this.rows;
    this.long = this.rows.length > LONG;
    this.texts = new Map();
    this.heads = [...this.table.tHead.rows[0].cells];
    if (this.long) this.makeLong();
    this.makeHeads();
    this.makeTools();
  }

  makeLong() {
    const widths = this.heads.map((head) => head.getBoundingClientRect().width);
    this.table.style.width = widths.reduce((sum, width) => sum + width, 0) + "px";
    this.heads.forEach((head, index) => { head.style.width = widths[index] + "px"; });
    this.figure.classList.add("long");
    this.table.setAttribute("aria-rowcount", this.rows.length + 1);
    this.above = make("tr", { ariaHidden: "true" });
    this.below = make("tr", { ariaHidden: "true" });
    for (const pad of [this.above, this.below]) pad.append(make("td", { colSpan: this.heads.length }));
    this.body.replaceChildren(this.rows[0]);
    this.height = this.rows[0].getBoundingClientRect().height;
    let waiting = false;
    this.scroll.addEventListener("scroll", () => {
      if (!waiting) requestAnimationFrame(() => { waiting = false; this.paint(); });
      waiting = true;
    }, { passive: true });
  }

  makeHeads() {
    for (const head of this.heads) {
      if (!head.dataset.sort) continue;
      const button = make("button", { type: "button", title: "Sort by this column" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => this.click(head));
    }
  }

  makeTools() {
    const tools = make("div", { className: "tools" });
    if (this.rows.length > 1) {
      const what = this.figure.dataset.table === "runs" ? "runs" : "rows";
      this.input = make("input", { type: "search", placeholder: "Filter " + what, ariaLabel: "Filter " + what });
      this.status = make("span", { ariaLive: "polite" });
      this.input.addEventListener("input", () => { state.set(this.prefix + "filter", this.input.value); this.apply(); });
      tools.append(this.input, this.status, make("span", { className: "tip" }, "Click a column to sort by it."));
    }
    if (this.figure.querySelector(".minor")) {
      this.box = make("input", { type: "checkbox" });
      this.box.addEventListener("change", () => { state.set(this.prefix + "all", this.box.checked ? "1" : ""); this.apply(); });
      tools.append(make("label", {}, this.box, " also show columns of less interest"));
    }
    this.tools = tools;
    if (tools.childNodes.length) this.figure.prepend(tools);
  }

  click(head) {
    const first = head.textContent.includes("↑") ? "down" : "up";
    const turned = { ascending: "down", descending: "up" };
    state.set(this.prefix + "sort", `${this.heads.indexOf(head)}-${turned[head.ariaSort] ?? first}`);
    this.apply();
  }

  /* Sort and filter as the address says. */
  apply() {
    const [index, way] = state.get(this.prefix + "sort").split("-");
    const head = this.heads[index], filter = state.get(this.prefix + "filter");
    let rows = this.rows;
    if (head && way) {
      for (const other of this.heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", way === "up" ? "ascending" : "descending");
      rows = this.sorted(Number(index), way === "up" ? 1 : -1, head.dataset.sort === "number");
    }
    const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
    this.shown = words.length ? rows.filter((row) => words.every((word) => this.text(row).includes(word))) : rows;
    if (this.input) {
      if (this.input.value !== filter) this.input.value = filter;
      this.status.textContent = filter ? `${this.shown.length} of ${this.rows.length}` : "";
    }
    if (this.box) {
      this.box.checked = state.get(this.prefix + "all") === "1";
      this.figure.classList.toggle("folded", !this.box.checked);
    }
    if (this.long) this.scroll.scrollTop = 0;
    this.paint();
  }

  text(row) {
    if (!this.texts.has(row)) this.texts.set(row, row.textContent.toLowerCase());
    return this.texts.get(row);
  }

  sorted(index, sign, number) {
    const key = (row) => {
      const cell = row.cells[index];
      return number ? (cell.dataset.value === undefined ? null : Number(cell.dataset.value)) : cell.textContent.trim();
    };
    const keyed = this.rows.map((row) => [key(row), row]);
    keyed.sort(([x], [y]) => {
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (number ? x - y : x < y ? -1 : x > y);
    });
    return keyed.map(([, row]) => row);
  }

  paint() {
    if (!this.long) {
      this.body.replaceChildren(...this.shown);
      return;
    }
    const first = Math.max(0, Math.floor(this.scroll.scrollTop / this.height) - SPARE);
    const last = Math.min(this.shown.length, first + Math.ceil(this.scroll.clientHeight / this.height) + 2 * SPARE);
    this.above.style.height = first * this.height + "px";
    this.below.style.height = (this.shown.length - last) * this.height + "px";
    const visible = this.shown.slice(first, last);
    visible.forEach((row, index) => row.setAttribute("aria-rowindex", first + index + 2));
    this.body.replaceChildren(this.above, ...visible, this.below);
  }
}

/* Ticks: two to six rows of a page can be compared. */
const MOST = 6;
const ticks = {
  get names() { return state.get("ticked").split(",").filter(Boolean); },
  boxes: new Map(),

  add(row) {
    const name = row.dataset.row, head = row.cells[0];
    const box = make("input", { type: "checkbox", className: "tick", ariaLabel: "Compare " + head.textContent.trim() });
    box.addEventListener("change", () => {
      const names = this.names.filter((each) => each !== name);
      if (box.checked) names.push(name);
      state.set("ticked", names.slice(-MOST).join(","));
      this.apply();
    });
    head.prepend(box);
    this.boxes.set(name, [...(this.boxes.get(name) ?? []), box]);
  },

  apply() {
    const names = this.names;
    for (const [name, boxes] of this.boxes) for (const box of boxes) box.checked = names.includes(name);
    this.bar ??= document.body.appendChild(make("aside", { className: "bar", ariaLabel: "Ticked rows" }));
    this.bar.hidden = !names.length;
    const link = make("a", { className: "go", href: `compare.html#rows=${names.map(encodeURIComponent).join(",")}` }, "Compare");
    const clear = make("button", { type: "button" }, "Clear");
    clear.addEventListener("click", () => { state.set("ticked", ""); this.apply(); });
    const count = `${names.length} ticked` + (names.length === MOST ? ", the most that fit side by side" : "");
    this.bar.replaceChildren(make("span", { ariaLive: "polite" }, count), names.length > 1 ? link : "tick another one", clear);
  },
};

const tables = [...document.querySelectorAll("figure.comparison")].map((figure, place) => {
  const rows = new Rows(figure, place ? `t${place}.` : "");
  for (const row of rows.rows) if (row.dataset.row) ticks.add(row);
  return rows;
});
function applyState() {
  tables.forEach((rows) => rows.apply());
  if (ticks.boxes.size) ticks.apply();
  dispatchEvent(new Event("state"));
}
applyState();
addEventListener("hashchange", () => { if (state.active || !location.hash) applyState(); });
addEventListener("beforeprint", () => {
  document.querySelectorAll("details").forEach((each) => { each.open = true; });
  document.querySelectorAll("img[loading]").forEach((each) => { each.loading = "eager"; });
});
