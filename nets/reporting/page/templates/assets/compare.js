"use strict";
/* Compares two to six rows, or runs, that the address names: "#rows=lenet5-mnist5k,resnet20-mnist5k-s1". */
const ALPHA = 0.05, SHOWN_IMAGES = 60;
const host = document.getElementById("compare"), invitation = [...host.childNodes];
const cell = (tag, ...content) => make(tag, {}, ...content);

function section(title, ...content) {
  return make("section", {}, make("h2", {}, title), ...content);
}
function scrolled(label, table) {
  const box = make("div", { className: "scroll", tabIndex: 0, ariaLabel: label }, table);
  box.setAttribute("role", "region");
  return box;
}
function grid(label, heads, lines) {
  const head = (text) => (text ? make("th", { scope: "col" }, text) : make("td"));
  const table = make("table", { className: "plain" }, make("caption", { className: "hidden" }, label));
  table.append(make("thead", {}, make("tr", {}, ...heads.map(head))));
  table.append(make("tbody", {}, ...lines.map(([first, ...rest]) => make("tr", {}, make("th", { scope: "row" }, first), ...rest))));
  return scrolled(label, table);
}

/* The row or run of a name: its label, the runs that belong to it, and the tables that hold it. */
function item(name, index) {
  const run = index.runs[name];
  const runs = run ? [name] : Object.keys(index.runs).filter((each) => index.runs[each][0] === name);
  if (!runs.length) return null;
  const row = index.runs[runs[0]][0];
  const label = index.runs[runs[0]][1] + (run ? `, seed ${run[2]}` : "");
  return { name, row, label, runs, single: Boolean(run), tables: index.tables[row] ?? [] };
}

const signed = (value, decimals) => (value > 0 ? "+" : value < 0 ? "−" : "±") + (decimals === null ? short(Math.abs(value)) : Math.abs(value).toFixed(decimals));
function numbers(items, table) {
  const value = (each, column) => {
    const found = table.rows[each.row]?.cells[column.key];
    if (!found) return null;
    const alike = !Object.keys(found[2]).length;
    if (!each.single || alike) return found[1] === null ? null : { text: found[0], value: found[1] };
    const one = found[2][nets.taken.index.runs[each.name][2]];
    return one === undefined ? null : { text: column.decimals === null ? short(one) : one.toFixed(column.decimals), value: one };
  };
  const lines = [];
  for (const column of table.columns) {
    const found = items.map((each) => value(each, column));
    if (column.minor || found.every((each) => !each)) continue;
    const arrow = { higher: " ↑", lower: " ↓" }[column.direction] ?? "";
    const ranked = found.filter(Boolean).map((each) => each.value), best = column.direction === "higher" ? Math.max(...ranked) : Math.min(...ranked);
    const cells = found.map((each, place) => {
      const td = cell("td", each ? each.text : "–");
      if (each && arrow && each.value === best && ranked.length > 1) td.className = "best";
      const first = found[0];
      if (place && each && first) td.append(make("span", { className: "interval" }, ` ${signed(each.value - first.value, column.decimals)}`));
      return td;
    });
    const label = `${column.label}${column.unit ? ` (${column.unit})` : ""}${arrow}`;
    lines.push([column.headline ? make("strong", {}, label) : label, ...cells]);
  }
  return grid("Numbers", ["", ...items.map((each) => each.label)], lines);
}

function verdicts(items, table) {
  const headline = table.columns.find((column) => column.headline);
  const list = make("ul", { className: "verdicts" });
  if (!headline) return list;
  items.forEach((first, place) => items.slice(place + 1).forEach((second) => {
    const turned = Boolean(table.tests[`${second.row} ${first.row}`]);
    const found = table.tests[`${first.row} ${second.row}`] ?? table.tests[`${second.row} ${first.row}`];
    const holes = [first, second].filter((each) => !each.single && (table.rows[each.row]?.cells[headline.key]?.[1] ?? null) === null);
    let text;
    if (holes.length) text = `no test: ${holes.map((each) => each.label).join(" and ")} ${holes.length > 1 ? "have" : "has"} no mean, since a seed has no result`;
    else if (first.single || second.single || first.row === second.row) text = "two single runs: the difference is one draw of each, and no test speaks of the rows";
    else if (!found) text = "no test: it needs two seeds of both rows, or two classifiers that have answered the same test images";
    else {
      const [test, n, difference, p] = found, mcnemar = test.toLowerCase().includes("mcnemar");
      const size = signed(turned ? -difference : difference, headline.decimals) + (headline.unit === "%" ? " points" : ` ${headline.unit}`);
      text = `${p < ALPHA ? "told apart" : "not told apart"}: ${headline.label} ${size}, p ${p < 0.001 ? "< 0.001" : "= " + p.toPrecision(2)} (${test}, ${n} ${mcnemar ? "images" : "seeds"}` +
        `${mcnemar ? "; it speaks of one trained network of each" : ""}), before any correction for many tests`;
    }
    list.append(make("li", {}, make("strong", {}, `${second.label} against ${first.label}: `), text));
  }));
  return list;
}

function settings(items, runs) {
  const every = [...new Set(runs.flatMap((run) => Object.keys(run.settings)))].filter((key) => key !== "seed" || items.some((each) => each.single));
  const differing = every.filter((key) => new Set(runs.map((run) => run.settings[key] ?? "–")).size > 1);
  if (!differing.length) return make("p", {}, "None: their descriptions, and what they were made on, are equal.");
  const note = make("p", { className: "muted" }, `${every.length - differing.length} other settings are equal. Shown is the first seed of each row.`);
  const lines = differing.map((key) => [make("code", {}, key), ...runs.map((run) => cell("td", run.settings[key] ?? "–"))]);
  const box = make("div", {}, grid("Settings that differ", ["", ...items.map((each) => each.label)], lines), note);
  return box;
}

/* The runs of two items with the lowest seed that both have; else the first of each. */
function oneOfEach(first, second) {
  const seed = (name) => nets.taken.index.runs[name][2], ok = (name) => nets.taken.index.runs[name][3] === "ok";
  const [a, b] = [first, second].map((each) => each.runs.filter(ok));
  const shared = a.filter((name) => b.some((other) => seed(other) === seed(name) && other !== name));
  return shared.length ? [shared[0], b.find((other) => seed(other) === seed(shared[0]))] : [a[0], b[0]];
}

async function images(items, table) {
  const kept = table.images, names = kept?.names;
  const chosen = (state.get("pair") || "0-1").split("-").map(Number), pair = chosen.map((place) => items[place] ?? items[0]);
  const [a, b] = oneOfEach(...pair);
  if (!kept || !a || !b || a === b) return null;
  const [first, second] = await nets.runs([a, b]);
  if (!first?.right || !second?.right || first.right[0] !== second.right[0] || !kept.answers[a] || !kept.answers[b]) return null;
  const box = make("div", {}), count = [0, 0, 0, 0];
  for (let i = 0; i < first.right[1].length; i++) count[2 * Number(first.right[1][i]) + Number(second.right[1][i])]++;
  if (items.length > 2) {
    const options = items.flatMap((_, i) => items.slice(i + 1).map((_, j) => [`${i}-${i + 1 + j}`, `${items[i].label} and ${items[i + 1 + j].label}`]));
    box.append(make("div", { className: "tools" }, choice("Compare", options, chosen.join("-"), (value) => { state.set("pair", value); show(); })));
  }
  box.append(make("p", {}, `Of ${first.right[1].length.toLocaleString("en")} test images, both are right on ${count[3]}, only ${pair[0].label} on ${count[2]}, only ${pair[1].label} on ${count[1]}, and none on ${count[0]}. (${a} and ${b})`));
  for (const [winner, loser, right, wrong, all] of [[pair[0], pair[1], a, b, count[2]], [pair[1], pair[0], b, a, count[1]]]) {
    const places = kept.places.map((_, i) => i).filter((i) => kept.answers[right][i] === kept.labels[i] && kept.answers[wrong][i] !== kept.labels[i]);
    const shown = places.slice(0, SHOWN_IMAGES), [height, width] = kept.size, zoom = Math.max(1, Math.round(64 / Math.max(height, width)));
    const list = make("ul", { className: "tiles" });
    for (const i of shown) {
      const tile = make("span", { className: "tile" }), [row, column] = [Math.floor(i / kept.columns), i % kept.columns];
      tile.setAttribute("role", "img");
      tile.ariaLabel = `test image ${kept.places[i]}`;
      tile.style.cssText = `width:${width * zoom}px;height:${height * zoom}px;background:url("${kept.file}") ${-column * width * zoom}px ${-row * height * zoom}px / ${kept.columns * width * zoom}px auto`;
      list.append(make("li", {}, tile, make("span", {}, names[kept.labels[i]]), make("span", { className: "wrong" }, `not ${names[kept.answers[wrong][i]]}`)));
    }
    const more = shown.length < all ? `, ${shown.length} of ${all} shown` : "";
    box.append(make("h3", {}, `${winner.label} is right, ${loser.label} is wrong${more}`), shown.length ? list : make("p", { className: "muted" }, "No image."));
  }
  return box;
}

function pictures(items, runs) {
  const kinds = [...new Set(runs.flatMap((run) => run.pictures.map(([kind]) => kind)))];
  const shared = kinds.filter((kind) => runs.filter((run) => run.pictures.some(([each]) => each === kind)).length > 1 && kind !== "worst");
  return shared.map((kind) => {
    const box = make("div", { className: "gallery" });
    runs.forEach((run, place) => {
      const found = run.pictures.find(([each]) => each === kind);
      if (!found) return;
      const image = make("img", { src: found[1], alt: found[2], loading: "lazy" });
      box.append(make("figure", { className: `picture ${kind}` }, make("a", { href: found[1] }, image), make("figcaption", {}, items[place].label)));
    });
    return section(kind.replace(/_/g, " ").replace(/^./, (letter) => letter.toUpperCase()), box);
  });
}

let drawn = "";
async function show() {
  const wanted = state.get("rows").split(",").filter(Boolean).slice(0, MOST), key = wanted.join() + state.get("pair");
  if (key === drawn) return;
  drawn = key;
  const index = await nets.index(), items = wanted.map((name) => item(name, index)).filter(Boolean);
  if (!items.length) { host.replaceChildren(...invitation); return; }
  const unknown = wanted.filter((name) => !items.some((each) => each.name === name));
  const chosen = make("ul", { className: "chosen" });
  for (const each of items) {
    const remove = make("button", { type: "button", ariaLabel: `Remove ${each.label}` }, "×");
    remove.addEventListener("click", () => { state.set("rows", wanted.filter((name) => name !== each.name).join(",")); show(); });
    const links = each.runs.map((name) => {
      const [, , seed, status] = index.runs[name], ok = status === "ok";
      return make("a", { href: `run-${encodeURIComponent(name)}.html`, className: ok ? "" : "hole" }, `s${seed}` + (ok ? "" : ` ${status.replace(/_/g, " ")}`));
    });
    chosen.append(make("li", {}, make("strong", {}, each.label), make("span", { className: "runs" }, ...links.flatMap((link) => [link, " "])), remove));
  }
  const first = await nets.runs(items.map((each) => each.runs.find((name) => index.runs[name][3] === "ok") ?? each.runs[0]));
  const name = items[0].tables.find((table) => items.every((each) => each.tables.includes(table)));
  const table = name ? await nets.table(name) : null;
  const content = [chosen];
  if (unknown.length) content.push(make("p", { className: "gap" }, `Not in this report: ${unknown.join(", ")}.`));
  for (const [place, run] of first.entries()) if (run.status !== "ok") content.push(make("p", { className: "gap" }, `${items[place].label} ${run.status}: ${run.reason}`));
  if (table) {
    content.push(section("Numbers", make("p", { className: "muted" }, make("a", { href: table.file }, table.title), items.length > 1 ? ". Behind each number, its difference from the first." : "."), numbers(items, table), items.length > 1 ? verdicts(items, table) : ""));
  } else content.push(make("p", { className: "reading" }, "These rows are in different tables, so their numbers do not compare."));
  const plot = make("div", { className: "chart card" });
  content.push(section("Learning", plot), section("Settings that differ", settings(items, first)));
  const side = table && items.length > 1 ? await images(items, table) : null;
  if (side) content.push(section("Test images that one gets right and the other wrong", side));
  content.push(...pictures(items, first));
  host.replaceChildren(...content);
  curvesChart(plot, items.map((each) => ({ row: each.name, label: each.label, runs: each.runs.filter((run) => index.runs[run][3] === "ok"), seeds: each.runs.length })));
}
addEventListener("state", show);
show();
