"use strict";
// The page's script: it draws the charts from the JSON block, and nothing
// else needs it. Everything comes from this file; nothing is loaded.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  for (const s of data.facets.flatMap((f) => f.series)) {
    for (const p of s.points) p.e = {};
    for (const [key, list] of Object.entries(s.e)) {
      list.forEach((e, i) => {
        if (e) s.points[i].e[key] = e.length === 3 ? [...e, data.n, 0] : e;
      });
    }
  }
  const root = document.documentElement;
  const state = {
    facet: data.start,
    measure: {}, // chart id → index
    log: null, // whether throughput is drawn on a logarithmic axis; null: as suits the data
    dots: false, // whether every sample is drawn beside the medians of throughput
    shared: false, // bars of all series on one scale
    hidden: new Set(), // indices of names
    focus: -1, // the one series that is not dimmed, if any
    theme: "",
  };

  // ---- elements ----

  const byId = (id) => document.getElementById(id);

  function add(parent, tag, attrs, text) {
    const e = document.createElement(tag);
    for (const k in attrs) e.setAttribute(k, attrs[k]);
    if (text !== undefined) e.textContent = text;
    parent.append(e);
    return e;
  }

  function draw(parent, tag, attrs, text) {
    const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const k in attrs) e.setAttribute(k, attrs[k]);
    if (text !== undefined) e.textContent = text;
    parent.append(e);
    return e;
  }

  // ---- numbers, printed as the tables print them ----

  function fixed(v, k) {
    const s = 10 ** k;
    return ((Math.sign(v) * Math.floor(Math.abs(v) * s + 0.5)) / s).toFixed(k);
  }

  function digits(v) {
    const a = Math.abs(v);
    if (v === 0) return "0";
    if (a < 1e-9 || a >= 1e7) return v.toExponential(2);
    if (a >= 100) return fixed(v, 0);
    if (a >= 10) return fixed(v, 1);
    if (a >= 1) return fixed(v, 2);
    let k = 3;
    while (a * 10 ** k < 99.5) k++;
    return fixed(v, k);
  }

  const prefixes = {
    k: [[1e12, 1e12, " T"], [1e9, 1e9, " G"], [1e6, 1e6, " M"], [1e4, 1e3, " k"]],
    ns: [[1e9, 1e9, " s"], [1e6, 1e6, " ms"], [1e4, 1e3, " µs"], [-1, 1, " ns"]],
  };

  function format(m, v) {
    v *= m.factor;
    if (m.notation === "%") return digits(v * 100) + "%";
    if (m.notation === "×") return digits(v) + "×";
    for (const [from, by, prefix] of prefixes[m.notation]) {
      if (Math.abs(v) >= from) return (digits(v / by) + prefix + " " + m.suffix).trim();
    }
    return (digits(v) + " " + m.suffix).trim();
  }

  // ---- colours and markers: those of the names, the same as in the pictures ----

  function marker(i, x, y, r) {
    const sq = (s) => `M${x - s},${y - s}h${2 * s}v${2 * s}h${-2 * s}Z`;
    const tri = (s) => `M${x},${y - s * 1.15}l${s},${s * 1.9}h${-2 * s}Z`;
    const disc = (s) => `M${x - s},${y}a${s},${s} 0 1 0 ${2 * s},0a${s},${s} 0 1 0 ${-2 * s},0Z`;
    const shapes = [
      disc(r), sq(r * 0.88), tri(r), `M${x},${y - r * 1.3}l${r * 1.3},${r * 1.3}l${-r * 1.3},${r * 1.3}l${-r * 1.3},${-r * 1.3}Z`,
      disc(r * 0.9), sq(r * 0.85), tri(r),
      `M${x - r},${y - r}l${2 * r},${2 * r}m0,${-2 * r}l${-2 * r},${2 * r}`,
      `M${x - r * 1.2},${y}h${2.4 * r}M${x},${y - r * 1.2}v${2.4 * r}`,
    ];
    const n = data.marks[i][1];
    if (data.marks[i][2]) return { d: shapes[n], class: "mark open" };
    return { d: shapes[n], class: n < 4 ? "mark full" : n < 7 ? "mark open" : "mark stroke" };
  }

  const lineClass = (i) => (data.marks[i][2] ? "line old" : "line");
  const colour = (i) => `s${data.marks[i][0]}`;

  // ---- scales ----

  const place = (f, x) => (f.x.log ? Math.log2(Math.max(x, f.x.procs ? 0.5 : 0)) : x);
  const labelOf = (f, x) => f.x.labels[f.x.values.indexOf(x)];
  const atText = (f, x) => (f.x.procs && !x ? "GOMAXPROCS not stated" : `${f.x.title} ${labelOf(f, x)}`);
  const overOf = (f) => (f.x.procs && f.usable ? f.x.values.filter((p) => p > f.usable) : []);

  function ticks(min, max, n) {
    const raw = (max - min) / n;
    const mag = 10 ** Math.floor(Math.log10(raw));
    const step = mag * ([1, 2, 2.5, 5].find((m) => m * mag >= raw * (1 - 1e-9)) || 10);
    const at = [];
    for (let i = Math.ceil(min / step - 1e-9); i * step <= max * (1 + 1e-9); i++) at.push(i * step);
    return at;
  }

  function decades(min, max) {
    const at = [];
    const each = max / min > 1000 ? [1] : max / min > 8 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 8];
    for (let d = Math.floor(Math.log10(min)); d <= Math.log10(max); d++) {
      for (const m of each) if (m * 10 ** d >= min && m * 10 ** d <= max) at.push(m * 10 ** d);
    }
    return at;
  }

  // tickFormat prints an axis's ticks, all with the prefix that suits its end:
  // one of which the end is enough times.
  function tickFormat(m, max, enough = 2) {
    const [by, unit] =
      m.notation === "%" ? [0.01, "%"] : m.notation === "×" ? [1, "×"]
      : m.notation === "ns" ? [[1e9, " s"], [1e6, " ms"], [1e3, " µs"], [0, " ns"]].find(([from]) => max * m.factor >= enough * from)
      : [[1e9, " G"], [1e6, " M"], [1e3, " k"], [0, ""]].find(([from]) => max >= enough * from);
    const scale = (by || 1) / (m.notation === "ns" ? m.factor : 1);
    return (v) => Number((v / scale).toPrecision(6)) + (v === 0 && unit[0] === " " ? "" : unit);
  }

  // ---- facets ----

  const facetElements = [...document.querySelectorAll(".facet")];
  const facet = () => data.facets[state.facet];
  const visible = () => facet().series.filter((s) => !state.hidden.has(s.name));
  const sectionOf = (id) => facetElements[state.facet].querySelector(`[data-section="${CSS.escape(id)}"]`);

  let charts = []; // of the facet that is shown

  function showFacet(i) {
    state.facet = Math.min(Math.max(i, 0), data.facets.length - 1);
    facetElements.forEach((e, j) => (e.hidden = j !== state.facet));
    const select = byId("facet-select");
    if (select) select.value = state.facet;
    buildLegend();
    charts = [];
    for (const s of facet() ? facet().sections : []) {
      const into = sectionOf(s.id).querySelector(".charts");
      into.textContent = "";
      into.classList.toggle("many", s.charts.length > 1 && s.id !== "cpu");
      for (const def of s.charts) charts.push(newChart(add(into, "figure", { class: def.bars ? "chart wide" : "chart" }), s, def));
    }
    redraw();
  }

  // redraw draws what is in view at once, the rest when there is time.
  let drawing = 0;
  function redraw() {
    hideTip();
    const turn = ++drawing;
    const later = [];
    for (const c of charts) {
      const top = c.figure.getBoundingClientRect().top;
      if (top < innerHeight && top > -600) c.draw();
      else later.push(c);
    }
    const next = () => {
      if (turn !== drawing || !later.length) return;
      later.shift().draw();
      setTimeout(next);
    };
    setTimeout(next);
    save();
  }

  // ---- legend ----

  function buildLegend() {
    const legend = byId("legend");
    legend.textContent = "";
    if (!facet()) return;
    const tools = add(legend, "div", { class: "legend-tools" });
    add(tools, "h2", {}, data.nouns);
    const all = add(tools, "button", { type: "button", id: "show-all" }, "all");
    all.onclick = () => setHidden([]);
    const none = add(tools, "button", { type: "button", id: "show-none" }, "none");
    none.onclick = () => setHidden(facet().series.map((s) => s.name));
    const list = add(legend, "ul");
    for (const s of ranked()) {
      const item = add(list, "li", { "data-name": s.name });
      const b = add(item, "button", { type: "button", class: "toggle " + colour(s.name), "aria-pressed": !state.hidden.has(s.name), title: data.names[s.name] });
      const g = draw(b, "svg", { width: 30, height: 14, viewBox: "0 0 30 14", "aria-hidden": "true" });
      draw(g, "path", { class: lineClass(s.name), d: "M1,7H29" });
      draw(g, "path", marker(s.name, 15, 7, 4));
      add(b, "span", {}, data.names[s.name].replaceAll("/", "/\u200b")); // where a line may break
      b.onclick = (e) => (e.shiftKey ? only(s.name) : toggle(s.name));
      b.onkeydown = (e) => legendKey(e, s.name);
      b.onpointerenter = () => emphasise(s.name);
      b.onpointerleave = () => emphasise(-1);
      b.onfocus = () => emphasise(s.name);
      b.onblur = () => emphasise(-1);
    }
    for (const dashed of new Set(facet().sections.flatMap((s) => s.charts.flatMap((c) => c.measures.map((m) => m.dashed)))).values()) {
      if (!dashed) continue;
      const note = add(list, "li", { class: "note" });
      const g = draw(note, "svg", { width: 30, height: 14, "aria-hidden": "true" });
      draw(g, "path", { class: "ceiling", d: "M1,7H29" });
      const many = facet().series.length > mostCeilings;
      add(note, "span", {}, many ? `${dashed}: of ${facet().series.length} lines the highest; point at a name for its own` : dashed);
    }
    add(legend, "p", { class: "hint" }, "Press ? for the keys.");
  }

  // ranked are the facet's series, the highest at the right end first.
  function ranked() {
    const end = (s) => {
      const p = s.points.filter((p) => p.e.rate).pop();
      return p ? p.e.rate[0] : -1;
    };
    return [...facet().series].sort((a, b) => end(b) - end(a));
  }

  function legendKey(e, name) {
    const items = [...document.querySelectorAll("#legend .toggle")];
    const at = items.indexOf(e.currentTarget);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[e.key];
    if (to !== undefined) items[(to + items.length) % items.length].focus();
    else if (e.key === "o") only(name);
    else if (e.key === "f") setFocus(state.focus === name ? -1 : name);
    else return;
    e.preventDefault();
    e.stopPropagation();
  }

  function syncLegend() {
    for (const li of document.querySelectorAll("#legend li[data-name]")) {
      const name = Number(li.dataset.name);
      li.firstChild.setAttribute("aria-pressed", !state.hidden.has(name));
      li.classList.toggle("focus", state.focus === name);
    }
  }

  function setHidden(names) {
    state.hidden = new Set(names);
    if (state.hidden.has(state.focus)) state.focus = -1;
    syncLegend();
    redraw();
  }
  function toggle(name) {
    const h = new Set(state.hidden);
    if (!h.delete(name)) h.add(name);
    setHidden(h);
  }
  function only(name) {
    const others = facet().series.map((s) => s.name).filter((n) => n !== name);
    setHidden(others.every((n) => state.hidden.has(n)) ? [] : others);
  }
  function setFocus(name) {
    state.focus = name;
    syncLegend();
    emphasise(-1);
    save();
  }

  // emphasise dims all series but one: the pinned one, or the one pointed at.
  function emphasise(name) {
    const on = name >= 0 ? name : state.focus;
    root.classList.toggle("dimmed", on >= 0);
    for (const g of document.querySelectorAll("[data-series]")) g.classList.toggle("on", Number(g.dataset.series) === on);
  }

  // ---- charts ----

  function newChart(figure, section, def) {
    const c = { figure, def, section, points: [] };
    const head = add(figure, "figcaption");
    c.title = add(head, "b", {}, def.title);
    c.unit = add(head, "span", { class: "unit" });
    if (def.measures.length > 1 && !def.bars) choice(head, def.measures.map((m) => m.label), "Measure", () => state.measure[def.id] || 0, (i) => (state.measure[def.id] = i));
    if (scalable(section)) choice(head, ["linear", "log"], "Scale of the y axis", () => Number(logarithmic()), (i) => (state.log = i === 1));
    if (scalable(section) && facet().series.some((s) => s.points.some((p) => p.rates))) choice(head, ["medians", "all samples"], "Distribution", () => Number(state.dots), (i) => (state.dots = i === 1));
    if (def.bars && !stacks[def.bars](def.measures).share) choice(head, ["own scales", "one scale"], "Scale", () => Number(state.shared), (i) => (state.shared = i === 1));
    c.body = add(figure, "div", { class: "plot" });
    c.draw = () => {
      if (!c.body.clientWidth) return;
      c.body.textContent = "";
      c.points = [];
      (def.bars ? drawBars : drawLines)(c);
      emphasise(-1);
    };
    return c;
  }

  // scalable reports whether the reader may choose a section's axis.
  const scalable = (section) => section.id === "throughput" || section.id === "latency";

  let choices = 0;
  function choice(parent, labels, name, get, set) {
    const group = add(parent, "span", { class: "choice", role: "radiogroup", "aria-label": name });
    const id = "choice" + choices++;
    labels.forEach((text, i) => {
      const label = add(group, "label");
      const input = add(label, "input", { type: "radio", name: id, value: i });
      input.checked = get() === i;
      input.onchange = () => {
        set(i);
        redraw();
      };
      add(label, "span", {}, text);
    });
  }

  // xAxis lays out the axis and returns its scale.
  function xAxis(g, f, left, right, top, bottom, label) {
    const xs = f.x.values, first = place(f, xs[0]), last = place(f, Math.max(xs[xs.length - 1], f.x.reach || 0));
    const room = f.x.procs ? 0.18 : (last - first) * 0.04 || 0.5;
    const lo = first - room, hi = last + room;
    const x = (p) => left + ((place(f, p) - lo) / (hi - lo)) * (right - left);
    const over = overOf(f);
    const rows = [[], []]; // what stands in each, from and to
    const put = (at, text) => {
      const w = text.length * 5.6;
      const start = Math.min(at, right - w);
      const row = rows.findIndex((texts) => texts.every(([from, to]) => start + w + 8 <= from || start >= to));
      if (row < 0) return false;
      rows[row].push([start, start + w + 8]);
      draw(g, "text", { class: "annotation", x: start, y: top - 5 - row * 12 }, text);
      return true;
    };
    const from = over.length ? f.usable < xs[0] ? left : Math.min(x(f.usable) + 12, right) : right;
    if (over.length) draw(g, "rect", { class: "over", x: from, y: top, width: Math.max(0, right - from), height: bottom - top });
    // What the ground means comes first: labels of boundaries give way to it.
    if (over.length) {
      const text = `oversubscribed: above ${f.usable} usable CPUs`;
      put(from, text.length * 5.6 < right - left ? text : "oversubscribed");
    }
    for (const b of f.bounds || []) {
      const at = x(f.x.procs ? b.After * 1.06 : b.After);
      if (at <= left || at >= right) continue;
      draw(g, "path", { class: "boundary", d: `M${at},${top}V${bottom}` });
      put(at, b.Label.slice(0, 24));
    }
    const taken = [];
    const power = (p) => (Number.isInteger(Math.log2(p)) ? 1 : 0);
    for (const p of [...xs].sort((a, b) => power(b) - power(a) || b - a)) {
      draw(g, "path", { class: "axis", d: `M${x(p)},${bottom}v4` });
      const text = labelOf(f, p), w = text.length * 7 + 6;
      if (taken.some(([q, v]) => Math.abs(q - x(p)) < (w + v) / 2)) continue;
      taken.push([x(p), w]);
      draw(g, "text", { class: "tick", x: x(p), y: bottom + 17, "text-anchor": "middle" }, text);
    }
    if (label) draw(g, "text", { class: "label", x: (left + right) / 2, y: bottom + 32, "text-anchor": "middle" }, f.x.title);
    return x;
  }

  // yAxis draws the grid for values from min to max and returns the scale.
  function yAxis(g, m, min, max, log, left, right, top, bottom) {
    if (log) {
      min /= 1.15;
      max *= 1.15;
    } else {
      if (!(max > min)) max = min + 1;
      const pad = (max - min) * 0.06;
      max += pad;
      if (min < 0) min -= pad;
    }
    const t = log ? Math.log : (v) => v;
    const y = (v) => bottom - ((t(v) - t(min)) / (t(max) - t(min))) * (bottom - top);
    const text = log ? (v) => tickFormat(m, v, 1)(v) : tickFormat(m, max);
    for (const v of log ? decades(min, max) : ticks(min, max, bottom - top > 200 ? 6 : 4)) {
      draw(g, "path", { class: v === 0 && !log ? "grid zero" : "grid", d: `M${left},${y(v)}H${right}` });
      draw(g, "text", { class: "tick", x: left - 8, y: y(v) + 4, "text-anchor": "end" }, text(v));
    }
    return y;
  }

  const est = (p, key) => p.e[key];

  // reach is the range of an axis: that of the medians, and of their intervals
  // up to half as much again. Wider ones leave the chart, with an arrowhead:
  // they would press the medians together.
  function reach(medians, intervals, log) {
    const min = Math.min(...medians), max = Math.max(...medians), low = Math.min(...intervals, min), high = Math.max(...intervals, max);
    if (log) return [Math.max(min / 2, Math.min(min, low > 0 ? low : min)), Math.min(max * 2, high)];
    const span = (max - Math.min(0, min)) / 2;
    return span > 0 ? [Math.max(min - span, low), Math.min(max + span, high)] : [low, high];
  }

  // whisker is the path of an interval: bars at its ends, arrowheads where it
  // leaves the axis.
  function whisker(x, y, lo, hi, top, bottom) {
    const end = (v, limit, tip) => {
      const at = Number.isFinite(y(v)) ? y(v) : bottom;
      const out = limit === top ? at < top : at > bottom;
      return out ? [limit, `M${x - 3},${limit + tip}L${x},${limit}L${x + 3},${limit + tip}`] : [at, `M${x - 3},${at}h6`];
    };
    const [y1, d1] = end(lo, bottom, -4), [y2, d2] = end(hi, top, 4);
    return `${d1}${d2}M${x},${y1}V${y2}`;
  }

  // logarithmic is whether throughput is drawn so: unless the reader chose, it
  // is where a linear axis would press the lower lines together.
  function logarithmic() {
    if (state.log !== null) return state.log;
    const f = facet();
    if (f.sections.some((s) => s.id === "latency")) return true; // waits span orders of magnitude
    const rates = f.series.map((s) => s.points.map((p) => (est(p, "rate") || [0])[0]));
    // Along a size, one series alone can fall by orders of magnitude.
    const best = (f.x.procs ? rates.map((r) => Math.max(0, ...r)) : rates.flat()).filter((v) => v > 0);
    return Math.max(...best) > 25 * Math.min(...best);
  }

  function drawLines(c) {
    const f = facet(), m = c.def.measures[state.measure[c.def.id] || 0] || c.def.measures[0];
    const large = c.section.charts.length === 1;
    const series = visible().filter((s) => s.points.some((p) => est(p, m.key) || (p.unstable && c.section.id === "latency")));
    const log = scalable(c.section) && logarithmic();
    const width = c.body.clientWidth, height = large ? Math.min(460, Math.max(300, width * 0.5)) : 250;
    const bottom = height - 40, left = 64;
    const labels = large && width > 620 && series.length * labelGap <= bottom - 32;
    const right = width - (labels ? 128 : 14);
    const top = f.bounds || overOf(f).length ? 32 : 12;
    c.unit.textContent = m.about;

    const range = [], intervals = [];
    for (const s of series) {
      for (const p of s.points) {
        const e = est(p, m.key), ceil = m.ceiling && est(p, m.ceiling);
        if (e) range.push(e[0], ...(e[5] || []));
        if (e && e[1] !== null) intervals.push(e[1], e[2]);
        if (ceil) range.push(ceil[0]);
      }
    }
    if (m.ideal === "one") range.push(1);
    const dots = state.dots && scalable(c.section) && m.key === c.def.measures[0].key;
    if (dots) for (const s of series) for (const p of s.points) range.push(...(p.rates || []));
    const usable = log ? range.filter((v) => v > 0) : range;
    if (!usable.length) {
      add(c.body, "p", { class: "empty" }, series.length ? "Nothing above zero to show." : "No line is shown.");
      return;
    }
    const [min, max] = reach(usable, intervals, log);
    const g = draw(c.body, "svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "application", tabindex: 0, "aria-roledescription": "chart",
      "aria-label": `${c.def.title || c.section.title}, ${m.label}, by ${f.x.title}, ${series.length} lines. Arrow keys move between points.` });
    const xg = draw(g, "g"), yg = draw(g, "g");
    const x = xAxis(xg, f, left, right, top, bottom, true);
    const y = yAxis(yg, m, log ? min : Math.min(0, min), max, log, left, right, top, bottom);
    const shows = (v) => !log || v > 0;

    if (m.ideal) {
      const xs = f.x.values, top1 = xs[xs.length - 1], p0 = xs[0], p1 = f.x.procs && f.usable ? Math.min(f.usable, top1) : top1;
      const clip = draw(draw(g, "clipPath", { id: "clip-" + c.section.id }), "rect", { x: left, y: top, width: right - left, height: bottom - top });
      let d = "";
      for (let i = 0; i <= 40; i++) {
        const p = p0 * (p1 / p0) ** (i / 40);
        d += `${i ? "L" : "M"}${x(p)},${y(m.ideal === "one" ? 1 : p / p0)}`;
      }
      if (clip && p0 > 0) draw(g, "path", { class: "ceiling", d, "clip-path": `url(#clip-${c.section.id})` });
    }
    if (m.ceiling) drawCeilings(g, series, m, x, y, shows);

    const ends = [];
    series.forEach((s, i) => {
      const shift = (i - (series.length - 1) / 2) * Math.min(3, 14 / series.length);
      const gs = draw(g, "g", { class: colour(s.name), "data-series": s.name });
      const pts = s.points.filter((p) => est(p, m.key) && shows(est(p, m.key)[0]));
      for (const p of s.points) if (p.unstable && c.section.id === "latency") drawUnstable(c, gs, s, p, m, x(p.p) + shift, top, f);
      if (!pts.length) return;
      draw(gs, "path", { class: lineClass(s.name), d: "M" + pts.map((p) => `${x(p.p) + shift},${y(est(p, m.key)[0])}`).join("L") });
      for (const p of pts) {
        const e = est(p, m.key), px = x(p.p) + shift, py = y(e[0]);
        if (e[1] !== null) draw(gs, "path", { class: "whisker", d: whisker(px, y, e[1], e[2], top, bottom) });
        if (p.notes && p.notes.length) draw(gs, "circle", { class: "noted", cx: px, cy: py, r: 7.5 });
        if (dots) for (const r of p.rates || []) if (shows(r)) draw(gs, "circle", { class: "dot", cx: px, cy: y(r), r: 2.6 });
        for (const v of e[5] || []) if (shows(v)) draw(gs, "circle", { class: "dot machine", cx: px, cy: y(v), r: 2.6 });
        draw(gs, "path", marker(s.name, px, py, 3.6));
        c.points.push({ s, p, x: px, y: py, m, e, at: atText(f, p.p) });
      }
      ends.push({ name: s.name, y: y(est(pts[pts.length - 1], m.key)[0]) });
    });
    if (labels) drawEnds(g, ends, right, top, bottom);
    const cursor = draw(g, "circle", { class: "cursor", r: 8, visibility: "hidden" });
    interact(c, g, cursor);
  }

  // drawUnstable marks a load that was not carried, at the top: how long callers wait has no end.
  function drawUnstable(c, gs, s, p, m, px, top, f) {
    draw(gs, "circle", { class: "mark open", cx: px, cy: top + 6, r: 4 });
    c.points.push({ s, p, x: px, y: top + 6, m, e: null, at: atText(f, p.p) });
  }

  const mostCeilings = 6; // that one chart shows each of

  // drawCeilings draws each series' control; of many series only the highest,
  // and the one's that is emphasised.
  function drawCeilings(g, series, m, x, y, shows) {
    const few = series.length <= mostCeilings;
    for (const s of series) {
      const pts = s.points.filter((p) => est(p, m.ceiling) && shows(est(p, m.ceiling)[0]));
      if (!pts.length) continue;
      const at = pts.map((p) => [x(p.p), y(est(p, m.ceiling)[0])]);
      const d = at.length > 1 ? "M" + at.join("L") : `M${at[0][0] - 12},${at[0][1]}h24`; // of one point a dash at its place
      draw(g, "path", { class: `ceiling ${colour(s.name)}${few ? "" : " rare"}`, "data-series": s.name, d });
    }
    if (few) return;
    const highest = new Map();
    for (const s of series) for (const p of s.points) if (est(p, m.ceiling)) highest.set(p.p, Math.max(highest.get(p.p) || 0, est(p, m.ceiling)[0]));
    const d = [...highest].sort((a, b) => a[0] - b[0]).map(([p, v]) => `${x(p)},${y(v)}`).join("L");
    if (d) draw(g, "path", { class: "ceiling", d: "M" + d });
  }

  const labelGap = 14; // between the names of two lines

  // drawEnds names lines at their right ends, moved apart where they are close.
  function drawEnds(g, ends, right, top, bottom) {
    ends.sort((a, b) => a.y - b.y);
    const gap = labelGap, x = right + 16;
    let last = top - gap;
    for (const e of ends) last = e.at = Math.max(e.y, last + gap);
    last = bottom + gap;
    for (const e of [...ends].reverse()) last = e.at = Math.min(e.at, last - gap);
    const cut = shorten(ends.map((e) => data.names[e.name]), 16);
    for (const e of ends) {
      if (Math.abs(e.at - e.y) > 3) draw(g, "path", { class: "leader " + colour(e.name), "data-series": e.name, d: `M${right + 2},${e.y}L${x - 3},${e.at}` });
      draw(g, "text", { class: "end " + colour(e.name), "data-series": e.name, x, y: e.at + 4 }, cut(data.names[e.name]));
    }
  }

  // shorten is how names are cut to so many characters: at their end, unless they are then
  // the same, as the two builds of an overlay; then before their last part, or in the middle.
  function shorten(names, most) {
    const cutBefore = (n, end) => (n.length <= most ? n : n.slice(0, most - 1 - end) + "…" + n.slice(n.length - end));
    const last = (n) => Math.min(n.length - Math.max(0, n.lastIndexOf("/")), most >> 1);
    const ways = [(n) => cutBefore(n, 0), (n) => cutBefore(n, last(n)), (n) => cutBefore(n, most >> 1)];
    const apart = (way) => new Set(names.map(way)).size;
    return ways.reduce((best, way) => (apart(way) > apart(best) ? way : best));
  }

  // stacks are the kinds of bars. One is made for a chart's measures, and has the
  // key of the value at a bar's top; parts, of a point from the bottom up as
  // [class, from, to]; what the parts are called; and an interval, from where
  // it is counted. A share is of one whole: all series have one scale, and the
  // value is marked, as medians of parts need not add up to it.
  const stacks = {
    cpu() {
      const [control, overhead, total] = ["c:cpu-ns/op", "overhead", "u:cpu-ns/op"];
      return {
        total,
        names: [["control", "share-nothing ceiling"], ["overhead", "overhead of sharing"], ["negative", "negative overhead: sharing cost less"]],
        parts(p) {
          if (!est(p, overhead)) return null;
          const base = est(p, control)[0], top = base + est(p, overhead)[0];
          return [["control", 0, Math.min(base, Math.max(top, 0))], top > base ? ["overhead", base, top] : ["negative", top, base]];
        },
        interval: (p) => est(p, overhead) && [est(p, control)[0], est(p, overhead)],
      };
    },
    wait(measures) {
      const total = "w:p-wait", parts = measures.filter((m) => m.key.startsWith(total + "-"));
      const cls = (m) => m.key.slice(2);
      return {
        total,
        share: true,
        names: parts.map((m) => [cls(m), m.label]),
        parts(p) {
          let at = 0;
          return est(p, total) && parts.filter((m) => est(p, m.key)).map((m) => [cls(m), at, (at += est(p, m.key)[0])]);
        },
        interval: (p) => [0, est(p, total)],
      };
    },
  };

  function drawBars(c) {
    const f = facet(), stack = stacks[c.def.bars](c.def.measures);
    const m = c.def.measures.find((m) => m.key === stack.total) || c.def.measures[0];
    const split = (p) => stack.parts(p);
    const peak = (s) => Math.max(0, ...s.points.map(split).filter(Boolean).flatMap((b) => b.map((part) => part[2])));
    const series = visible().filter((s) => s.points.some(split)).sort((a, b) => peak(a) - peak(b));
    const one = Math.max(...series.map(peak), 0);
    if (m.about) c.unit.textContent = m.about;
    const key = add(c.body, "p", { class: "key" });
    for (const [cls, text] of stack.names) {
      const item = add(key, "span");
      draw(draw(item, "svg", { width: 18, height: 12, "aria-hidden": "true" }), "rect", { class: cls, x: 1, y: 1, width: 16, height: 10 });
      add(item, "span", {}, text);
    }
    const grid = add(c.body, "div", { class: "bars" });
    for (const s of series) {
      const cell = add(grid, "div", { "data-series": s.name, class: colour(s.name) });
      add(cell, "div", { class: "bar-name", title: data.names[s.name] }, data.names[s.name]);
      const width = Math.max(150, cell.clientWidth), height = 132, left = 54, right = width - 4, top = 6, bottom = height - 20;
      const g = draw(cell, "svg", { width, height, viewBox: `0 0 ${width} ${height}`, tabindex: 0, role: "application", "aria-roledescription": "chart", "aria-label": `${c.def.title}: ${data.names[s.name]}, by ${f.x.title}. Arrow keys move between bars.` });
      const floor = Math.min(0, ...s.points.map(split).filter(Boolean).flatMap((b) => b.map((part) => part[1])));
      const xs = f.x.values, slot = (right - left) / xs.length;
      const firstOver = xs.indexOf(overOf(f)[0]);
      if (firstOver >= 0) draw(g, "rect", { class: "over", x: left + firstOver * slot, y: top, width: right - left - firstOver * slot, height: bottom - top });
      const y = yAxis(g, m, floor, (state.shared || stack.share ? one : peak(s)) * 1.15, false, left, right, top, bottom);
      const every = Math.ceil((Math.max(...f.x.labels.map((l) => l.length)) * 7 + 5) / slot);
      const points = [];
      xs.forEach((value, i) => {
        const mid = left + (i + 0.5) * slot, w = slot * 0.72;
        if ((xs.length - 1 - i) % every === 0) draw(g, "text", { class: "tick", x: mid, y: bottom + 15, "text-anchor": "middle" }, f.x.labels[i]);
        const p = s.points.find((p) => p.p === value), b = p && split(p);
        if (!b) return;
        for (const [cls, from, to] of b) if (to > from) draw(g, "rect", { class: cls, x: mid - w / 2, width: w, y: y(to), height: y(from) - y(to) });
        if (stack.share) draw(g, "path", { class: "whisker dark", d: `M${mid - w / 2},${y(est(p, stack.total)[0])}h${w}` });
        const [base, e] = stack.interval(p) || [];
        if (e && e[1] !== null) draw(g, "path", { class: "whisker dark", d: whisker(mid, y, base + e[1], base + e[2], top, bottom) });
        points.push({ s, p, at: atText(f, value), x: mid, y: y(Math.max(...b.map((part) => part[2]))), m, e: est(p, stack.total), parts: c.def.measures });
      });
      interact({ figure: c.figure, points }, g, null);
    }
    if (!series.length) add(c.body, "p", { class: "empty" }, "No line is shown.");
  }

  // ---- pointing at points ----

  const tip = byId("tip");

  function interact(c, g, cursor) {
    let at = null;
    const show = (pt, x, y) => {
      at = pt;
      if (cursor) {
        cursor.setAttribute("visibility", "visible");
        cursor.setAttribute("cx", pt.x);
        cursor.setAttribute("cy", pt.y);
      }
      showTip(pt, x, y);
    };
    const clear = () => {
      if (cursor) cursor.setAttribute("visibility", "hidden");
      hideTip();
    };
    const toPage = (pt) => {
      const r = g.getBoundingClientRect();
      return [r.left + pt.x, r.top + pt.y];
    };
    g.onpointermove = (e) => {
      const r = g.getBoundingClientRect();
      const pt = nearest(c.points, e.clientX - r.left, e.clientY - r.top);
      if (pt) show(pt, e.clientX, e.clientY);
      else clear();
    };
    g.onpointerleave = clear;
    g.onclick = (e) => {
      if (at && tip.hidden === false) setFocus(state.focus === at.s.name ? -1 : at.s.name);
    };
    g.onblur = clear;
    g.onfocus = () => {
      if (!g.matches(":focus-visible")) return;
      const pt = c.points.includes(at) ? at : c.points[c.points.length - 1];
      if (pt) show(pt, ...toPage(pt));
    };
    g.onkeydown = (e) => {
      const pt = step(c.points, c.points.includes(at) ? at : c.points[0], e.key);
      if (pt) show(pt, ...toPage(pt));
      else if (e.key === "Enter" && at) setFocus(state.focus === at.s.name ? -1 : at.s.name);
      else return;
      e.preventDefault();
      e.stopPropagation();
    };
  }

  function nearest(points, x, y) {
    let best = null, least = 70 ** 2;
    for (const pt of points) {
      if (state.focus >= 0 && pt.s.name !== state.focus && points.some((o) => o.s.name === state.focus)) continue;
      const dx = pt.x - x, dy = pt.parts ? 0 : pt.y - y, d = dx * dx + dy * dy;
      if (d < least) [least, best] = [d, pt];
    }
    return best;
  }

  // step is the point that an arrow key leads to: along the line, or to the
  // next line above or below at the same value of the axis.
  function step(points, at, key) {
    if (!at) return null;
    const along = points.filter((p) => p.s === at.s).sort((a, b) => a.x - b.x);
    const across = points.filter((p) => p.p.p === at.p.p).sort((a, b) => b.y - a.y);
    const i = along.indexOf(at), j = across.indexOf(at);
    switch (key) {
      case "ArrowLeft": return along[Math.max(0, i - 1)];
      case "ArrowRight": return along[Math.min(along.length - 1, i + 1)];
      case "ArrowUp": return across[Math.min(across.length - 1, j + 1)];
      case "ArrowDown": return across[Math.max(0, j - 1)];
      case "Home": return along[0];
      case "End": return along[along.length - 1];
    }
    return null;
  }

  function showTip(pt, x, y) {
    tip.textContent = "";
    const head = add(tip, "div", { class: "tip-head " + colour(pt.s.name) });
    const g = draw(head, "svg", { width: 14, height: 14, "aria-hidden": "true" });
    draw(g, "path", marker(pt.s.name, 7, 7, 4));
    add(head, "b", {}, data.names[pt.s.name]);
    add(head, "span", {}, pt.at);
    if (pt.parts) for (const m of pt.parts) estimateLine(m, est(pt.p, m.key), m.label);
    else estimateLine(pt.m, pt.e, "");
    if (pt.p.unstable) add(tip, "div", { class: "tip-over" }, "Unstable: more was offered than was carried.");
    if (pt.m.key === "efficiency" && pt.e && pt.e[1] > 1) add(tip, "div", { class: "tip-note" }, "Above the ceiling by more than the interval.");
    if (pt.p.over) add(tip, "div", { class: "tip-over" }, "Oversubscribed: above the usable CPUs, no evidence of scaling.");
    for (const n of (pt.p.notes || []).slice(0, 4)) add(tip, "div", { class: "tip-note" }, n);
    tip.hidden = false;
    const w = tip.offsetWidth, h = tip.offsetHeight;
    tip.style.left = Math.max(8, Math.min(x + 16, innerWidth - w - 8)) + "px";
    tip.style.top = (y + 20 + h > innerHeight ? Math.max(8, y - h - 14) : y + 18) + "px";
  }

  function estimateLine(m, e, label) {
    if (!e) return;
    const [median, lo, hi, n, paired, machines] = e;
    const line = add(tip, "div", { class: "tip-value" });
    if (label) add(line, "span", {}, label + " ");
    add(line, "b", {}, format(m, median));
    const of = machines ? "machines" : paired ? (n === 1 ? "paired block" : "paired blocks") : n === 1 ? "sample" : "samples";
    add(tip, "div", { class: "tip-range" }, lo === null ? `${n} ${of}: no interval` : `95%: ${format(m, lo)} … ${format(m, hi)}, ${n} ${of}`);
  }

  function hideTip() {
    tip.hidden = true;
  }

  // ---- tools, keys, address ----

  const dark = matchMedia("(prefers-color-scheme: dark)");
  function toggleTheme() {
    const now = state.theme || (dark.matches ? "dark" : "light");
    state.theme = now === "dark" ? "light" : "dark";
    root.dataset.theme = state.theme;
    save();
  }

  const keys = [
    ["Tab", "to charts, lines and buttons"],
    ["← →", "in a chart: along the line"],
    ["↑ ↓", "in a chart: to the next line; in the legend: to the next entry"],
    ["Enter", "in a chart: focus the line, dim the others; again: undo"],
    ["Space", "in the legend: show or hide the line"],
    ["o", "in the legend: only this line; again: all"],
    ["f", "in the legend: focus this line"],
    ["a", "show all lines"],
    ["m", "next measure of the first chart"],
    ["l", "linear or logarithmic y axis"],
    ["[ ]", "previous, next conditions"],
    ["+ − 0", "in a timeline: zoom time in and out, show the whole"],
    ["t", "light or dark"],
    ["Esc", "undo the focus, close this"],
    ["?", "this help"],
  ];

  function buildTools() {
    const tools = byId("page-tools");
    if (data.facets.length > 1) {
      const label = add(tools, "label", { class: "pick" }, "Charts of ");
      const select = add(label, "select", { id: "facet-select" });
      facetElements.forEach((e, i) => add(select, "option", { value: i }, e.querySelector("h2") ? e.querySelector("h2").textContent : `${i + 1}`));
      select.onchange = () => showFacet(Number(select.value));
    }
    add(tools, "button", { type: "button", id: "theme", title: "Light or dark (t)" }, "Light / dark").onclick = toggleTheme;
    const help = byId("help");
    add(tools, "button", { type: "button", id: "help-button", title: "Keys (?)" }, "?").onclick = () => help.showModal();
    add(help, "h2", {}, "Keys");
    const dl = add(help, "dl");
    for (const [k, what] of keys) {
      add(add(dl, "dt"), "kbd", {}, k);
      add(dl, "dd", {}, what);
    }
    const form = add(help, "form", { method: "dialog" });
    add(form, "button", {}, "Close");
    help.onclick = (e) => e.target === help && help.close();
  }

  // mainChart is that of throughput or, of an open load, of latency.
  const mainChart = () => charts.find((c) => scalable(c.section));

  function cycleMeasure() {
    const c = mainChart();
    if (!c) return;
    const next = ((state.measure[c.def.id] || 0) + 1) % c.def.measures.length;
    state.measure[c.def.id] = next;
    syncChoices(c, ".choice", next);
    redraw();
  }

  function syncChoices(c, selector, i) {
    const group = c.figure.querySelectorAll(selector);
    if (group.length > 0) group[0].querySelectorAll("input")[i].checked = true;
  }

  function toggleLog() {
    state.log = !logarithmic();
    const c = mainChart();
    if (c) c.figure.querySelector('.choice[aria-label^="Scale"]').querySelectorAll("input")[Number(state.log)].checked = true;
    redraw();
  }

  const commands = {
    "?": () => byId("help").showModal(),
    a: () => setHidden([]),
    m: cycleMeasure,
    l: toggleLog,
    t: toggleTheme,
    "[": () => showFacet(state.facet - 1),
    "]": () => showFacet(state.facet + 1),
    Escape: () => setFocus(-1),
  };

  document.onkeydown = (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input:not([type=radio]), select, textarea, dialog[open]")) return;
    const run = commands[e.key];
    if (!run) return;
    e.preventDefault();
    run();
  };

  // The view is kept in the address, so that a link or a reload shows it again, by
  // names: they mean the same in the next report.
  const measuresOf = (id) => facet() ? (facet().sections.flatMap((s) => s.charts).find((c) => c.id === id) || { measures: [] }).measures : [];
  const measureName = (id, i) => (measuresOf(id)[i] || { label: "" }).label;

  function save() {
    const q = new URLSearchParams();
    if (state.facet !== data.start) q.set("conditions", facet().slug);
    for (const id in state.measure) if (state.measure[id]) q.set("measure." + id, measureName(id, state.measure[id]));
    if (state.dots) q.set("samples", "all");
    if (state.log !== null) q.set("y", state.log ? "log" : "linear");
    for (const i of state.hidden) q.append("hide", data.names[i]);
    if (state.focus >= 0) q.set("focus", data.names[state.focus]);
    if (state.theme) q.set("theme", state.theme);
    const hash = q.toString() ? "#" + q : "";
    if (hash || location.hash.includes("=")) history.replaceState(null, "", hash || location.pathname + location.search);
  }

  const facetNamed = (slug) => Math.max(0, data.facets.findIndex((f) => f.slug === slug));

  function restore() {
    const plain = location.hash.match(/^#conditions-(.*)$/); // a link of the contents, opened elsewhere
    if (plain) state.facet = facetNamed(decodeURIComponent(plain[1]));
    if (!location.hash.includes("=")) return;
    for (const [k, v] of new URLSearchParams(location.hash.slice(1))) {
      const name = data.names.indexOf(v);
      if (k === "conditions") state.facet = facetNamed(v);
      else if (k.startsWith("measure.")) state.measure[k.slice(8)] = Math.max(0, measuresOf(k.slice(8)).findIndex((m) => m.label === v));
      else if (k === "samples") state.dots = v === "all";
      else if (k === "y") state.log = v === "log";
      else if (k === "hide" && name >= 0) state.hidden.add(name);
      else if (k === "focus") state.focus = name;
      else if (k === "theme" && (v === "dark" || v === "light")) root.dataset.theme = state.theme = v;
    }
  }

  // ---- the rest of the page ----

  function copyButtons() {
    for (const pre of document.querySelectorAll("pre.copy")) {
      const b = add(pre, "button", { type: "button", class: "copy-button" }, "copy");
      const text = pre.firstChild.textContent;
      b.onclick = async () => {
        b.textContent = (await copy(text)) ? "copied" : "not allowed";
        setTimeout(() => (b.textContent = "copy"), 1500);
      };
    }
  }

  // Links to conditions show their charts without a reload.
  function facetLinks() {
    for (const a of document.querySelectorAll("a[data-conditions]")) {
      a.onclick = (e) => {
        e.preventDefault();
        showFacet(facetNamed(a.dataset.conditions));
        byId("main").scrollIntoView();
      };
    }
  }

  // cellText is what a cell says, without marks and intervals.
  function cellText(cell) {
    const copy = cell.cloneNode(true);
    for (const e of copy.querySelectorAll("small, .warn, .table-tools")) e.remove();
    return copy.textContent.trim();
  }

  const csv = (rows) => rows.map((r) => r.map((c) => (/[",\n]/.test(c) ? `"${c.replaceAll('"', '""')}"` : c)).join(",")).join("\n") + "\n";
  const markdown = (rows) => {
    const line = (r) => `| ${r.map((c) => c.replaceAll("|", "\\|")).join(" | ")} |`;
    return [line(rows[0]), `|${"---|".repeat(rows[0].length)}`, ...rows.slice(1).map(line)].join("\n") + "\n";
  };

  // number is a cell's value for sorting; NaN for text.
  function number(text) {
    const m = text.replace(/^[=✗] /, "").match(/^([−-]?[\d.,]+(?:e[+-]?\d+)?)\s*(ns|µs|ms|s|k|M|G|T)?\b/);
    const by = { ns: 1, µs: 1e3, ms: 1e6, s: 1e9, k: 1e3, M: 1e6, G: 1e9, T: 1e12 };
    return m ? Number(m[1].replaceAll(",", "")) * (by[m[2]] || 1) : NaN;
  }

  // tableTools lets every table be copied, and sorted by a column.
  function tableTools() {
    for (const table of document.querySelectorAll("table")) {
      const head = table.tHead && table.tHead.rows[0];
      if (!head || !table.tBodies[0] || table.closest(".on-paper")) continue;
      const tools = document.createElement("span");
      tools.className = "table-tools";
      if (table.caption) table.caption.append(tools);
      else table.before(tools);
      for (const [text, write] of [["CSV", csv], ["Markdown", markdown]]) {
        const b = add(tools, "button", { type: "button", "aria-label": "Copy as " + text, title: "Copy as " + text }, text);
        b.onclick = async (e) => {
          e.stopPropagation();
          const ok = await copy(write([...table.rows].map((r) => [...r.cells].map(cellText))));
          b.textContent = ok ? "copied" : "not allowed";
          setTimeout(() => (b.textContent = text), 1500);
        };
      }
      [...head.cells].forEach((th, i) => {
        th.classList.add("sortable");
        th.tabIndex = 0;
        const sort = () => {
          const down = th.getAttribute("aria-sort") !== "descending";
          for (const other of head.cells) other.removeAttribute("aria-sort");
          th.setAttribute("aria-sort", down ? "descending" : "ascending");
          const key = (row) => (row.cells[i] ? cellText(row.cells[i]) : "");
          const rows = [...table.tBodies[0].rows].sort((a, b) => {
            const x = key(a), y = key(b), nx = number(x), ny = number(y);
            const c = Number.isNaN(nx) || Number.isNaN(ny) ? Number.isNaN(ny) - Number.isNaN(nx) || y.localeCompare(x) : ny - nx;
            return down ? c : -c;
          });
          table.tBodies[0].append(...rows);
        };
        th.onclick = sort;
        th.onkeydown = (e) => e.key === "Enter" && sort();
      });
    }
  }

  // copy puts text on the clipboard, the old way where the page may not use the new.
  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = add(document.body, "textarea", { "aria-hidden": "true" });
      area.value = text;
      area.select();
      const ok = document.execCommand("copy");
      area.remove();
      return ok;
    }
  }

  // Downloads are unpacked here where the browser can; elsewhere the link
  // gives the compressed file.
  function downloads() {
    if (!window.DecompressionStream) return;
    for (const a of document.querySelectorAll("a.raw")) {
      a.onclick = async (e) => {
        if (e.defaultPrevented || a.dataset.busy) return;
        e.preventDefault();
        const bytes = Uint8Array.from(atob(a.href.slice(a.href.indexOf(",") + 1)), (c) => c.charCodeAt(0));
        const blob = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).blob();
        const link = document.createElement("a");
        link.href = URL.createObjectURL(blob);
        link.download = a.dataset.name;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10000);
      };
    }
  }

  // timeTicks writes as many round times below a timeline as have room.
  function timeTicks(figure, stretch) {
    const from = Number(figure.dataset.from), to = Number(figure.dataset.to), zero = Number(figure.dataset.zero);
    const row = stretch.querySelector(".ticks"), m = { notation: "ns", factor: 1 };
    const step = ticks(0, to - from, Math.max(1, stretch.clientWidth / 90))[1] || to - from;
    const text = tickFormat(m, Math.max(Math.abs(from - zero), to - zero), 1);
    row.textContent = "";
    const room = ((to - from) * 50) / stretch.clientWidth; // for the last one's text
    for (let t = zero + Math.ceil((from - zero) / step) * step; t <= to - room; t += step) {
      add(row, "span", { style: `left:${(100 * (t - from)) / (to - from)}%` }, text(t - zero));
    }
  }

  const redrawTimelines = [];
  function timelines() {
    for (const box of document.querySelectorAll(".zoom")) {
      const stretch = box.firstElementChild, figure = box.closest(".timeline");
      let zoom = 1;
      const set = (z, at) => {
        const before = zoom, mid = at ?? box.clientWidth / 2;
        zoom = Math.min(32, Math.max(1, z));
        stretch.style.width = zoom * 100 + "%";
        timeTicks(figure, stretch);
        box.scrollLeft = ((box.scrollLeft + mid) * zoom) / before - mid;
      };
      redrawTimelines.push(() => timeTicks(figure, stretch));
      set(1);
      const tools = document.createElement("span");
      tools.className = "zoom-tools";
      figure.querySelector(".tracks").before(tools);
      for (const [text, name, f] of [["−", "Zoom out", 0.5], ["+", "Zoom in", 2], ["1:1", "Whole timeline", 0]]) {
        add(tools, "button", { type: "button", "aria-label": name }, text).onclick = () => set(f ? zoom * f : 1);
      }
      box.addEventListener("wheel", (e) => {
        if (!e.ctrlKey && !e.shiftKey) return;
        e.preventDefault();
        set(zoom * (e.deltaY + e.deltaX > 0 ? 0.8 : 1.25), e.clientX - box.getBoundingClientRect().left);
      }, { passive: false });
      box.onkeydown = (e) => {
        const f = { "+": 2, "=": 2, "-": 0.5, "0": 0 }[e.key];
        if (f === undefined) return;
        e.preventDefault();
        set(f ? zoom * f : 1);
      };
      box.onpointerdown = (e) => {
        const start = e.clientX + box.scrollLeft;
        box.setPointerCapture(e.pointerId);
        box.onpointermove = (m) => (box.scrollLeft = start - m.clientX);
        box.onpointerup = () => (box.onpointermove = null);
      };
    }
  }

  root.classList.add("js");
  for (const d of document.querySelectorAll("details.numbers")) d.open = false;
  restore();
  buildTools();
  showFacet(state.facet);
  copyButtons();
  tableTools();
  facetLinks();
  downloads();
  timelines();
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth !== width) {
      redraw();
      for (const f of redrawTimelines) f();
    }
    width = innerWidth;
  });
})();
