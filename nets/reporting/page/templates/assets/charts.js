"use strict";
/* Charts of the data in data/*.js, drawn by uPlot. Scripts hand their data to `nets.take`. */
const nets = {
  taken: { index: null, run: new Map(), table: new Map() },
  waiting: new Map(),

  take(kind, content) {
    if (kind === "index") this.taken.index = content; else this.taken[kind].set(content.name, content);
  },

  /* Load a script of data/ once; resolves to whether it is there. */
  load(file) {
    if (!this.waiting.has(file)) {
      this.waiting.set(file, new Promise((done) => {
        const script = make("script", { src: `data/${encodeURIComponent(file)}.js` });
        script.addEventListener("load", () => done(true));
        script.addEventListener("error", () => done(false));
        document.head.append(script);
      }));
    }
    return this.waiting.get(file);
  },
  async index() { await this.load("index"); return this.taken.index; },
  async runs(names) {
    await Promise.all(names.map((name) => this.load("run-" + name)));
    return names.map((name) => this.taken.run.get(name)).filter(Boolean);
  },
  async table(name) { await this.load(name); return this.taken.table.get(name); },
};

const dark = matchMedia("(prefers-color-scheme: dark)");
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const DASHES = [[], [8, 4], [2, 3], [8, 3, 2, 3], [14, 4]];
const look = (place) => {
  const colours = dark.matches ? nets.taken.index.dark : nets.taken.index.colours;
  return { colour: colours[place % colours.length], dash: DASHES[Math.floor(place / colours.length) % DASHES.length] };
};
const short = (value) => {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e9) return +(value / 1e9).toPrecision(4) + " G";
  if (size >= 1e6) return +(value / 1e6).toPrecision(4) + " M";
  if (size >= 1e4) return +(value / 1e3).toPrecision(4) + " k";
  return String(+value.toPrecision(size < 1000 ? 4 : 6)).replace("-", "−");
};
/* 98 and 99 % are as far apart as 70 and 80 %, as in the figures. */
const STRETCH = { distr: 100, log: 1, fwd: (v) => -Math.log(101 - Math.min(v, 100.9)), bwd: (v) => 101 - Math.exp(-v) };

function choice(label, options, value, changed) {
  const select = make("select", {});
  for (const [key, text] of options) select.append(make("option", { value: key, selected: key === value }, text));
  select.addEventListener("change", () => changed(select.value));
  return make("label", {}, label + " ", select);
}

/* A legend of buttons that hide and show; `entries` are {label, look, on}. */
function legend(entries, changed) {
  const list = make("div", { className: "legend", role: "group", ariaLabel: "Shown" });
  entries.forEach((entry, place) => {
    const swatch = make("span", { className: "swatch" });
    swatch.style.borderTop = `3px ${entry.look.dash.length ? "dashed" : "solid"} ${entry.look.colour}`;
    const button = make("button", { type: "button", ariaPressed: String(entry.on) }, swatch, entry.label);
    button.addEventListener("click", (event) => changed(place, event.shiftKey || event.detail > 1));
    list.append(button);
  });
  return list;
}

/* The tip that follows the pointer and names the nearest line and its values. */
function tipPlugin(text) {
  let tip;
  return { hooks: {
    init: (u) => { tip = u.over.appendChild(make("div", { className: "tip-box", hidden: true })); },
    setCursor: (u) => {
      const words = u.cursor.left < 0 ? null : text(u);
      tip.hidden = !words;
      if (!words) return;
      tip.replaceChildren(...words.map((word, place) => make(place ? "div" : "strong", {}, word)));
      const left = u.cursor.left, wide = u.over.clientWidth;
      tip.style.left = left > wide / 2 ? "" : left + 14 + "px";
      tip.style.right = left > wide / 2 ? wide - left + 14 + "px" : "";
      tip.style.top = Math.max(0, Math.min(u.cursor.top, u.over.clientHeight - tip.offsetHeight)) + "px";
    },
  } };
}

const axis = (label, more = {}) => ({
  label, stroke: css("--muted"), grid: { stroke: css("--rule"), width: 1 }, ticks: { show: false },
  font: "12px " + css("--sans"), labelFont: "12px " + css("--sans"), labelSize: 22,
  values: (u, ticks) => ticks.map((tick) => (tick === null ? "" : short(tick))), ...more,
});

/* What is nearest to the pointer among [place, x, y]; null if nothing is near. */
function nearest(u, points, reach = 40) {
  let best = null, least = reach * reach;
  for (const point of points) {
    const dx = u.valToPos(point.x, "x") - u.cursor.left, dy = u.valToPos(point.y, "y") - u.cursor.top;
    const away = dx * dx + dy * dy;
    if (away < least) [best, least] = [point, away];
  }
  return best;
}

const chart = {
  /* A frame with tools above, a plot, and a legend; `draw` is called for each change and returns what to show. */
  frame(host, draw) {
    const live = make("div", { className: "live" });
    host.classList.add("drawn");
    host.append(live);
    let plot = null, drawing = 0;
    const redraw = async () => {
      const turn = ++drawing, made = await draw(live.clientWidth || 600);
      if (turn !== drawing) return;
      plot?.destroy();
      const box = make("div", { className: "plot", role: "img", ariaLabel: made.aria ?? "Chart" });
      const focused = live.contains(document.activeElement) ? document.activeElement.textContent : null;
      live.replaceChildren(made.tools, box, made.legend ?? "", make("p", { className: "muted note" }, made.note ?? ""));
      if (focused) [...live.querySelectorAll("button, select")].find((each) => each.textContent === focused)?.focus();
      plot = made.options ? new uPlot(made.options, made.data, box) : null;
      if (!plot) box.replaceChildren(make("p", { className: "muted" }, made.empty ?? "Nothing to show."));
    };
    let width = 0;
    new ResizeObserver(() => {
      if (Math.abs(live.clientWidth - width) > 4) { width = live.clientWidth; redraw(); }
    }).observe(live);
    dark.addEventListener("change", redraw);
    addEventListener("state", redraw);
    return redraw;
  },
};

/* Learning curves of rows: the mean over seeds, in a band from the lowest to the highest. */
const FIRST = 12;
function curvesChart(host, rows, keys = "c.") {
  const get = (key, otherwise) => state.get(keys + key) || otherwise;
  const set = (key, value, otherwise) => { state.set(keys + key, value === otherwise ? "" : value); redraw(); };
  const smooth = (values, reach) => (reach ? values.map((_, i) => {
    const part = values.slice(Math.max(0, i - reach), i + reach + 1).filter((v) => v !== null);
    return part.length ? part.reduce((sum, v) => sum + v, 0) / part.length : null;
  }) : values);
  const redraw = chart.frame(host, async (width) => {
    await nets.index();
    const first = rows.slice(0, FIRST).map((row) => row.row).join(",");
    const shown = new Set(get("rows", first).split(","));
    const named = [];
    const add = async (row) => {
      const runs = await nets.runs(row.runs);
      const seeds = runs.filter((run) => run.history.epoch?.length);
      if (seeds.length) named.push({ row, seeds });
    };
    for (const row of rows) if (shown.has(row.row) || named.length === 0) await add(row);
    const titles = Object.assign({}, ...named.flatMap(({ seeds }) => seeds.map((run) => run.titles)));
    const columns = Object.keys(titles);
    const metric = get("y", named.map(({ seeds }) => seeds[0].watched).find(Boolean) ?? columns[0]);
    const x = get("x", "epoch"), reach = Number(get("smooth", "0")), bands = get("seeds", "band");
    const percent = (titles[metric] ?? "").includes("(%)");
    const scale = get("scale", percent ? "stretched" : "linear");
    const lines = [];
    for (const { row, seeds } of named.filter(({ row }) => shown.has(row.row))) {
      const found = seeds.filter((run) => run.history[metric]);
      if (!found.length) continue;
      const length = Math.min(...found.map((run) => run.history[metric].length));
      const at = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
      const place = rows.indexOf(row), all = found.map((run) => smooth(run.history[metric].slice(0, length), reach));
      const xs = [...Array(length).keys()].map((i) => at(found.map((run) => run.history[x][i])));
      const measured = xs.map((_, i) => i).filter((i) => all.every((values) => values[i] !== null && (scale !== "log" || values[i] > 0)));
      const column = (pick) => measured.map((i) => pick(all.map((values) => values[i])));
      const label = row.label + (found.length < row.seeds ? ` (${found.length} of ${row.seeds} seeds)` : "");
      const each = bands === "each" && found.length > 1;
      lines.push({ label, place, xs: measured.map((i) => xs[i]), mean: column(at), count: found.length,
        low: column((v) => Math.min(...v)), high: column((v) => Math.max(...v)), each: each ? all.map((values) => measured.map((i) => values[i])) : null });
    }
    const series = [{}], parts = [], bandsOf = [], points = [];
    for (const line of lines) {
      const { colour, dash } = look(line.place), few = line.xs.length < 12;
      const data = line.each ? [line.xs, ...line.each] : line.count > 1 ? [line.xs, line.mean, line.high, line.low] : [line.xs, line.mean];
      const start = series.length;
      data.slice(1).forEach((_, place) => {
        const main = line.each || place === 0;
        series.push({ stroke: main ? colour : "transparent", width: main ? 2 : 0, dash, spanGaps: true, points: { show: Boolean(main && few), size: 5, fill: colour } });
      });
      if (!line.each && line.count > 1) bandsOf.push({ series: [start + 1, start + 2], fill: colour + "26" });
      parts.push(data);
      line.xs.forEach((value, i) => points.push({ line, i, x: value, y: line.mean[i] }));
    }
    const entries = rows.map((row, place) => ({ label: row.label, look: look(place), on: shown.has(row.row) }));
    const only = rows.length > 1 ? legend(entries, (place, alone) => {
      const name = rows[place].row, names = new Set(shown);
      if (alone) names.clear();
      if (!alone && names.has(name)) names.delete(name); else names.add(name);
      set("rows", [...names].filter(Boolean).join(",") || "none", first);
    }) : null;
    const tools = make("div", { className: "tools" },
      choice("Show", columns.map((name) => [name, titles[name]]), metric, (value) => set("y", value)),
      choice("over", [["epoch", "epochs"], ["step", "steps"], ["seconds", "seconds of training"]], x, (value) => set("x", value, "epoch")),
      choice("scale", [["linear", "linear"], ["log", "logarithmic"], ...(percent ? [["stretched", "widened towards 100 %"]] : [])], scale, (value) => set("scale", value)),
      choice("smoothing", [["0", "none"], ["1", "3 values"], ["2", "5 values"], ["5", "11 values"]], String(reach), (value) => set("smooth", value, "0")));
    if (named.some(({ seeds }) => seeds.length > 1)) {
      tools.append(choice("seeds", [["band", "mean and band"], ["each", "each a line"]], bands, (value) => set("seeds", value, "band")));
    }
    if (rows.length > 1) {
      const every = make("button", { type: "button" }, "Show all"), none = make("button", { type: "button" }, "Hide all");
      every.addEventListener("click", () => set("rows", rows.slice(0, 60).map((row) => row.row).join(","), first));
      none.addEventListener("click", () => set("rows", "none", first));
      tools.append(every, none);
    }
    const values = lines.flatMap((line) => line.mean.slice(Math.floor(line.mean.length / 10)).concat(line.low.slice(Math.floor(line.low.length / 10)), line.high.slice(Math.floor(line.high.length / 10))));
    if (!values.length) return { tools, legend: only, empty: lines.length ? "No values." : "No curve is chosen." };
    const low = Math.min(...values), high = Math.max(...values), room = 0.04 * (high - low || Math.abs(high) || 1);
    const range = scale === "log" ? [low / 1.1, high * 1.1] : [low - room, percent ? Math.min(100, high + room) : high + room];
    const scaled = scale === "log" ? { distr: 3 } : scale === "stretched" ? STRETCH : {};
    const marks = scale === "stretched" ? fixed(ticksOf(range)) : scale === "log" ? fixed(logTicks(range)) : {};
    return {
      tools, legend: only, data: uPlot.join(parts),
      aria: `${titles[metric]} over ${x}: ${lines.map((line) => `${line.label} ends at ${short(line.mean.at(-1))}`).join("; ")}`,
      note: rows.length > 1 ? "Line: the mean over seeds; band: from the lowest to the highest seed. The steep beginning may be cut off. Click a name to hide or show it, twice to show it alone." : "The steep beginning may be cut off.",
      options: {
        width, height: Math.max(260, Math.min(440, width * 0.5)), series, bands: bandsOf, legend: { show: false },
        scales: { x: { time: false }, y: { ...scaled, range: () => range } },
        axes: [axis({ epoch: "epoch", step: "step", seconds: "seconds of training" }[x]), axis(titles[metric], { size: 60, ...marks })],
        cursor: { drag: { x: true, y: false }, points: { show: false } },
        plugins: [tipPlugin((u) => {
          const near = nearest(u, points, 60);
          if (!near) return null;
          const { line, i } = near, spread = line.count > 1 ? [`${line.count} seeds: ${short(line.low[i])} to ${short(line.high[i])}`] : [];
          return [line.label, `${x} ${short(line.xs[i])}: ${short(line.mean[i])}`, ...spread];
        })],
      },
    };
  });
}
const ROUND = [100, 90, 98, 80, 50, 95, 99, 70, 60, 96, 97, 20, 0, 94, 92, 85, 75, 65, 40, 30, 10];
function ticksOf([low, high]) {
  const chosen = [], { fwd } = STRETCH;
  for (const tick of ROUND) {
    const free = chosen.every((other) => Math.abs(fwd(tick) - fwd(other)) > 0.09 * (fwd(high) - fwd(low)));
    if (tick >= low && tick <= high && free) chosen.push(tick);
  }
  return chosen.length > 2 ? chosen.sort((a, b) => a - b) : [0, 1, 2, 3, 4].map((i) => +(low + ((high - low) * i) / 4).toPrecision(3));
}

/* Rows of a table as points: any column against any other, and the front of those that no other row beats in both. */
function headText(head) {
  const copy = head.cloneNode(true);
  copy.querySelectorAll("sup, em").forEach((part) => part.remove());
  copy.querySelectorAll("br").forEach((part) => part.replaceWith(" "));
  const unit = copy.querySelector(".unit");
  if (unit) unit.textContent = `(${unit.textContent})`;
  return copy.textContent.replace(/\s+/g, " ").trim();
}
const COSTS = ["sample_macs", "parameters", "macs", "seconds", "peak_memory_mb"];
function pointsChart(host, source, keys = "p.") {
  const heads = source.heads.map((head, index) => ({ index, key: head.dataset.key, text: headText(head), aria: head.textContent }));
  const numbers = heads.filter((head) => head.key && source.heads[head.index].dataset.sort === "number" && !head.key.startsWith("against_best") &&
    source.rows.filter((row) => row.cells[head.index].dataset.value !== undefined).length > 1);
  if (numbers.length < 2) return;
  const get = (key, otherwise) => (numbers.some((head) => head.key === state.get(keys + key)) ? state.get(keys + key) : otherwise);
  const set = (key, value) => { state.set(keys + key, value); redraw(); };
  const redraw = chart.frame(host, async (width) => {
    await nets.index();
    const yKey = get("y", numbers[0].key), xKey = get("x", COSTS.find((key) => numbers.some((head) => head.key === key)) ?? numbers[1].key);
    const [xHead, yHead] = [xKey, yKey].map((key) => numbers.find((head) => head.key === key));
    const value = (row, head) => Number(row.cells[head.index].dataset.value ?? NaN);
    const ends = (row, head) => (row.cells[head.index].dataset.ends ?? "").split(" ").filter(Boolean).map(Number);
    let points = source.rows.map((row, place) => ({ place, name: row.dataset.name, href: row.cells[0].querySelector("a")?.href,
      x: value(row, xHead), y: value(row, yHead), ends: ends(row, yHead), alone: Boolean(row.cells[yHead.index].querySelector(".alone")) }))
      .filter((point) => Number.isFinite(point.x) && Number.isFinite(point.y));
    const cost = COSTS.includes(xKey), log = (state.get(keys + "scale") || (cost ? "log" : "linear")) === "log";
    if (log) points = points.filter((point) => point.x > 0);
    const upward = yHead.aria.includes("↑"), ranked = upward || yHead.aria.includes("↓");
    const sideways = xHead.aria.includes("↑");
    const beats = (a, b) => {
      const [x, y] = [sideways ? a.x >= b.x : a.x <= b.x, upward ? a.y >= b.y : a.y <= b.y];
      return x && y && (a.x !== b.x || a.y !== b.y);
    };
    const front = ranked ? points.filter((point) => !points.some((other) => beats(other, point))) : [];
    points.sort((a, b) => a.x - b.x);
    const options = numbers.map((head) => [head.key, head.text]);
    const tools = make("div", { className: "tools" },
      choice("Show", options, yKey, (key) => set("y", key)), choice("against", options, xKey, (key) => set("x", key)),
      choice("scale", [["log", "logarithmic"], ["linear", "linear"]], log ? "log" : "linear", (key) => set("scale", key)));
    if (!points.length) return { tools, empty: "No row has both numbers." };
    const spread = (list, logarithmic) => {
      const [low, high] = [Math.min(...list), Math.max(...list)];
      return logarithmic ? [low / 1.6, high * 1.6] : [low - 0.08 * (high - low || 1), high + 0.08 * (high - low || 1)];
    };
    const percent = yHead.text.includes("(%)"), yValues = points.flatMap((point) => [point.y, ...point.ends]);
    const tight = spread(yValues, false), yRange = percent ? [Math.max(0, tight[0]), Math.min(100.5, tight[1])] : tight;
    const xRange = spread(points.map((point) => point.x), log);
    const onFront = new Set(front);
    const draw = (u) => {
      const { ctx } = u, ratio = devicePixelRatio, at = (point) => [u.valToPos(point.x, "x", true), u.valToPos(point.y, "y", true)];
      ctx.save();
      ctx.beginPath();
      front.slice().sort((a, b) => a.x - b.x).forEach((point, place, all) => {
        const [x, y] = at(point);
        if (place) ctx.lineTo(x, at(all[place - 1])[1]);
        ctx[place ? "lineTo" : "moveTo"](x, y);
      });
      ctx.setLineDash([4 * ratio, 4 * ratio]);
      ctx.strokeStyle = css("--muted");
      ctx.stroke();
      ctx.setLineDash([]);
      const taken = [];
      for (const point of points) {
        const [x, y] = at(point), { colour } = look(point.place);
        ctx.strokeStyle = ctx.fillStyle = colour;
        ctx.lineWidth = 1.5 * ratio;
        if (point.ends.length === 2) {
          ctx.globalAlpha = 0.45;
          ctx.setLineDash(point.alone ? [2 * ratio, 3 * ratio] : []);
          ctx.beginPath();
          for (const [place, end] of point.ends.entries()) ctx[place ? "lineTo" : "moveTo"](x, u.valToPos(end, "y", true));
          ctx.stroke();
          ctx.setLineDash([]);
          ctx.globalAlpha = 1;
        }
        ctx.beginPath();
        ctx.arc(x, y, 4.5 * ratio, 0, 7);
        if (point.alone) { ctx.fillStyle = css("--surface"); ctx.fill(); ctx.stroke(); } else ctx.fill();
        taken.push([x - 6 * ratio, y - 6 * ratio, x + 6 * ratio, y + 6 * ratio]);
      }
      ctx.font = `${12 * ratio}px ${css("--sans")}`;
      ctx.textBaseline = "middle";
      ctx.textAlign = "left";
      for (const point of [...points].sort((a, b) => onFront.has(b) - onFront.has(a))) {
        const [x, y] = at(point), wide = ctx.measureText(point.name).width, tall = 7 * ratio;
        const right = u.bbox.left + u.bbox.width, gap = 9 * ratio;
        const places = [[x + gap, y], [x - gap - wide, y], [x - wide / 2, y - 2 * tall], [x - wide / 2, y + 2 * tall], [x + gap, y - 1.7 * tall], [x + gap, y + 1.7 * tall]];
        const fits = places.find(([left, middle]) => left >= u.bbox.left && left + wide <= right && middle - tall >= u.bbox.top &&
          middle + tall <= u.bbox.top + u.bbox.height &&
          taken.every((box) => left > box[2] || left + wide < box[0] || middle - tall > box[3] || middle + tall < box[1]));
        if (!fits) continue;
        taken.push([fits[0], fits[1] - tall, fits[0] + wide, fits[1] + tall]);
        ctx.fillStyle = css(onFront.has(point) ? "--ink" : "--muted");
        ctx.fillText(point.name, ...fits);
      }
      ctx.restore();
    };
    return {
      tools,
      aria: `${yHead.text} against ${xHead.text}. On the front: ${front.map((point) => point.name).join(", ") || "no row"}`,
      note: (front.length ? "Dashed: the Pareto front; no other row is better in both. " : "") + "Bars: 95 % intervals; an open point has one seed and a dotted bar for the test set alone. Names that don't fit show when you point at them; a click opens the model.",
      data: [points.map((point) => point.x), points.map((point) => point.y)],
      options: {
        width, height: Math.max(280, Math.min(460, width * 0.52)), legend: { show: false },
        scales: { x: { time: false, ...(log ? { distr: 3 } : {}), range: () => xRange }, y: { ...(percent && tight[1] > 80 ? STRETCH : {}), range: () => yRange } },
        series: [{}, { paths: () => null, points: { show: false } }],
        axes: [axis(xHead.text, log ? fixed(logTicks(xRange)) : {}), axis(yHead.text, { size: 60, ...(percent && tight[1] > 80 ? fixed(ticksOf(yRange)) : {}) })],
        cursor: { drag: { x: false, y: false }, points: { show: false } },
        hooks: { draw: [draw], ready: [(u) => u.over.addEventListener("click", () => {
          const near = nearest(u, points);
          if (near?.href) location.href = near.href;
        })] },
        plugins: [tipPlugin((u) => {
          const near = nearest(u, points);
          u.over.style.cursor = near?.href ? "pointer" : "";
          if (!near) return null;
          const range = near.ends.length === 2 ? ` [${short(near.ends[0])}, ${short(near.ends[1])}]` : "";
          return [near.name, `${yHead.text}: ${short(near.y)}${range}`, `${xHead.text}: ${short(near.x)}`];
        })],
      },
    };
  });
}
/* Ticks of a logarithmic axis: 1, or 1 and 3, or 1, 2 and 5 of each decade; even ones where these are too few. */
function logTicks([low, high]) {
  const decades = Math.log10(high / low), steps = decades > 2.5 ? [1] : decades > 1.5 ? [1, 3] : [1, 2, 5], ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const step of steps) {
      const tick = Number(`${step}e${power}`);
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return ticks.length > 2 ? ticks : [0.1, 0.5, 0.9].map((part) => +(low * (high / low) ** part).toPrecision(2));
}
const fixed = (ticks) => ({ splits: () => ticks, filter: (u, all) => all });

for (const host of document.querySelectorAll("[data-chart=curves]")) curvesChart(host, JSON.parse(host.dataset.rows));
for (const host of document.querySelectorAll("[data-chart=points]")) {
  const source = tables.find((rows) => rows.figure.dataset.table === host.dataset.tableName);
  if (source) pointsChart(host, source);
}
