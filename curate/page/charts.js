"use strict";
// Charts. Everything they show was counted when the page was made; nothing is fetched.

const page = JSON.parse(document.getElementById("data").textContent);
const views = new Map();
const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);

function color(name) {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

function theme() {
  const [text, muted, line] = [color("text"), color("muted"), color("line")];
  const font = getComputedStyle(document.body).fontFamily;
  return {
    background: null,
    font,
    view: { stroke: null },
    axis: {
      labelColor: muted, titleColor: muted, gridColor: line, domainColor: line, tickColor: line,
      labelFontSize: 11.5, titleFontSize: 11.5, titleFontWeight: 400, labelFont: font, titleFont: font,
      titlePadding: 6,
    },
    text: { color: text, font, fontSize: 11.5 },
  };
}

// What a mouse, a finger and a screen reader are told of a mark.
const TIP = { tooltip: { field: "tip" }, description: { field: "tip" } };
const COUNTS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

// Large counts as 10k, 2.5M: SI prefixes, with M and B as people say them.
const SHORT = "datum.value >= 1e9 ? format(datum.value / 1e9, ',~g') + 'B' : datum.value >= 1e6 ? "
  + "format(datum.value / 1e6, ',~g') + 'M' : datum.value >= 1e4 ? format(datum.value / 1e3, ',~g') + 'k' : "
  + "format(datum.value, ',~g')";

function countAxis(title, steep, largest) {
  const axis = { title, labelExpr: SHORT, tickCount: 4, domain: false, ticks: false };
  if (largest < 5) axis.values = [0, 1, 2, 3, 4].slice(0, largest + 1);
  else if (steep) axis.values = [0, ...COUNTS.filter((value) => value <= 1.2 * largest)];
  return axis;
}

function number(value) {
  if (typeof value !== "number") return String(value);
  return value.toLocaleString("en-US", Number.isInteger(value) ? {} : { maximumSignificantDigits: 6 }); // counts in full
}

function histogram(chart, unit, width, failing = true) {
  const largest = Math.max(...chart.bins.map((bin) => bin[2]));
  const values = chart.bins.map(([from, to, all, fails], at) => ({
    from, to, all, fails, tip: `${binName(chart, at)} ${unit === "clusters" ? "" : chart.axis || ""}\n${number(all)} ${unit}`
      + (failing && fails ? `, ${number(fails)} of them fail` : ""),
  }));
  const domain = chart.ends;
  const scaleX = chart.log ? { type: "log", nice: false, domain } : { zero: false, nice: false, domain };
  const scaleY = chart.steep ? { type: "symlog", constant: 1, nice: false, domain: [0, largest] } : { domain: [0, largest] };
  const x = {
    field: "from", type: "quantitative", scale: scaleX,
    axis: { title: chart.axis, labelExpr: SHORT, grid: false, tickCount: 5, labelOverlap: true,
      ...(chart.log ? { values: COUNTS } : {}) },
  };
  const bars = (field, fill, aria) => ({
    mark: { type: "rect", fill, stroke: color("card"), strokeWidth: 0.6, aria },
    encoding: {
      x, x2: { field: "to" }, ...TIP,
      y: { field, type: "quantitative", scale: scaleY,
        axis: countAxis(unit + (chart.steep ? " (log)" : ""), chart.steep, largest) },
      y2: { datum: 0 },
    },
  });
  const lines = thresholds(chart, width);
  const layer = [bars("all", color("kept"), true)];
  if (failing) layer.push(bars("fails", color("dropped"), false)); // the bar behind it tells both
  const at = { field: "value", type: "quantitative", scale: scaleX };
  if (lines.length) {
    layer.push({ data: { values: lines.filter((line) => !line.off) }, mark: { type: "rule", strokeDash: [4, 3], strokeWidth: 1.5, color: color("text") },
      encoding: { x: at, tooltip: { field: "label" } } });
    layer.push({ data: { values: lines.filter((line) => line.labeled) }, mark: { type: "text", y: -11, fontWeight: 600 },
      encoding: { x: at, text: { field: "short" }, tooltip: { field: "label" } } });
  }
  return { height: 150, data: { values }, layer };
}

// Lines to draw; the general bound comes first, and what is too near to a label has none.
function thresholds(chart, width) {
  const [low, high] = chart.ends;
  const scale = chart.log ? Math.log : (value) => value;
  const lines = (chart.thresholds || []).map(({ value, label }) => {
    const inside = Math.min(high, Math.max(low, value));
    const short = value > high ? `${number(value)} →` : value < low ? `← ${number(value)}` : number(value);
    return { value: inside, label, short, off: inside !== value,
      at: ((width - 50) * (scale(inside) - scale(low))) / (scale(high) - scale(low)) }; // 50: the axis
  });
  const labeled = [];
  for (const line of lines) {
    line.half = Math.max(30, 7 * line.short.length) / 2;
    line.labeled = labeled.every((other) => Math.abs(line.at - other.at) >= line.half + other.half);
    if (line.labeled) labeled.push(line);
  }
  return lines;
}

function binName(chart, at) {
  const [from, to] = chart.bins[at];
  if (chart.above && at === chart.bins.length - 1) return `${number(from)} or more`;
  if (chart.below && at === 0) return `${number(to)} or less`;
  if (chart.log && from === 0.5) return "0";
  const whole = Number.isInteger(to);
  if (whole && to - from === 1) return number(from);
  return whole && to > 1 ? `${number(from)} to ${number(to - 1)}` : `${number(from)} to ${number(to)}`;
}

// Rows and kinds are numbers to Vega, never names: names come from the crawl, and one like
// `constructor` would be found in the plain objects that its scales look names up in.
function stackedBars(rows, fields, colors, width, share = false) {
  const totals = rows.map(([, ...counts]) => counts.reduce((sum, count) => sum + count, 0));
  const longest = Math.max(...rows.map(([name]) => name.length));
  const above = width < 480 && longest > 14; // no room for names beside the bars
  const limit = above ? Math.floor(width / 8.5) : 36;
  const names = rows.map(([name]) => (name.length > limit ? `…${name.slice(1 - limit)}` : name)); // a host's end tells whose it is
  const values = rows.flatMap(([name, ...counts], row) => counts.map((count, at) => ({ row, count, at,
    tip: `${name}: ${fields[at]}\n${number(count)} of ${number(totals[row])} (${percent(count, totals[row])})` })).filter((value) => value.count));
  const ends = totals.map((total, row) => ({ row, end: share ? 1 : total, label: number(total) }));
  const largest = share ? 1 : Math.max(...totals, 1);
  const plot = width - (above ? 10 : Math.min(longest, limit) * 7 + 10);
  const room = Math.min(0.4, (7 * Math.max(...ends.map((end) => end.label.length)) + 14) / plot);
  const axis = share ? { title: "share of documents", format: ".0%", values: [0, 0.25, 0.5, 0.75, 1] } : { ...countAxis("documents", false, largest), tickCount: 5 };
  const y = { field: "row", type: "ordinal", sort: null, scale: { domain: rows.map((_, row) => row) },
    axis: { title: null, labelExpr: "names[datum.value]", labelLimit: above ? width : 300, domain: false, ticks: false, labelColor: color("text"), labelFontSize: 12.5,
      ...(above ? { labelAlign: "left", labelPadding: 0, labelOffset: -9 } : { labelPadding: 6 }) } };
  const scale = { domain: [0, largest / (1 - room)], nice: false };
  const place = above ? { yOffset: 8 } : {};
  return {
    height: (above ? 42 : 24) * rows.length, params: [{ name: "names", value: names }],
    layer: [
      { data: { values }, mark: { type: "bar", stroke: color("card"), strokeWidth: 0.6, ...(above ? { height: 15 } : {}), ...place },
        encoding: { y, x: { field: "count", type: "quantitative", stack: share ? "normalize" : "zero", scale, axis },
          color: { field: "at", type: "ordinal", scale: { domain: fields.map((_, at) => at), range: colors }, legend: null },
          order: { field: "at", type: "quantitative" }, ...TIP } },
      { data: { values: ends }, mark: { type: "text", align: "left", dx: 6, aria: false, ...place, color: color("muted") },
        encoding: { y, x: { field: "end", type: "quantitative", scale, axis }, text: { field: "label" } } },
    ],
  };
}

// As the page's text has them: never 0 or 100 for what is not.
function percent(part, whole) {
  if (!whole) return "–";
  const share = (100 * part) / whole;
  if (share > 0 && share < 0.1) return "< 0.1 %";
  if (share > 99.9 && share < 100) return "> 99.9 %";
  return `${share.toFixed(share > 0 && share < 100 ? 1 : 0)} %`;
}

function dateBars({ unit, rows }) {
  const values = rows.flatMap(([start, kept, lost]) => [
    { start: start.padEnd(10, "-01").slice(0, 10), kind: "kept", count: kept, at: 0, tip: `${start}\n${number(kept)} kept` },
    { start: start.padEnd(10, "-01").slice(0, 10), kind: "not kept", count: lost, at: 1, tip: `${start}\n${number(lost)} not kept` },
  ]).filter((row) => row.count);
  const timeUnit = { day: "utcyearmonthdate", month: "utcyearmonth", year: "utcyear" }[unit];
  return {
    height: 170, data: { values, format: { parse: { start: "utc:'%Y-%m-%d'" } } },
    mark: { type: "bar", stroke: color("card"), strokeWidth: 0.4 },
    encoding: {
      x: { field: "start", type: "temporal", timeUnit, bandPosition: 0, scale: { type: "utc" },
        axis: { title: `UTC ${unit}`, grid: false, tickCount: rows.length < 6 ? rows.length : 6, labelOverlap: true,
          format: { day: "%b %d, %Y", month: "%b %Y", year: "%Y" }[unit] } },
      y: { field: "count", type: "quantitative", axis: countAxis("documents", false, Math.max(...rows.map(([, kept, lost]) => kept + lost))) },
      color: { field: "kind", scale: { domain: ["kept", "not kept"], range: [color("kept"), color("dropped")] }, legend: null },
      order: { field: "at", type: "quantitative" }, ...TIP,
    },
  };
}

function clusterSizes({ sizes }) {
  const values = sizes.map(([low, high, count]) => {
    const name = low === high ? number(low) : `${number(low)}–${number(high)}`;
    return { name, count, tip: `${name} documents\n${number(count)} clusters` };
  });
  const largest = Math.max(...values.map((row) => row.count));
  const steep = largest > 100;
  return {
    height: 150, data: { values }, mark: { type: "bar", fill: color("kept"), ...(values.length < 5 ? { size: 40 } : {}) },
    encoding: {
      x: { field: "name", type: "ordinal", sort: null, axis: { title: "documents in a cluster", labelAngle: 0, labelOverlap: true, ticks: false } },
      y: { field: "count", type: "quantitative", scale: steep ? { type: "symlog", constant: 1, nice: false } : {},
        axis: countAxis("clusters" + (steep ? " (log)" : ""), steep, largest) }, ...TIP,
    },
  };
}

function recallCurve({ recall, jaccard }) {
  const values = recall.map(([at, found]) => ({ at, found, tip: `Jaccard ${at.toFixed(2)}\n${percent(found, 1)} found` }));
  return {
    height: 150, data: { values },
    layer: [
      { mark: { type: "line", color: color("kept"), point: { filled: true, fill: color("kept"), size: 34 } },
        encoding: { x: { field: "at", type: "quantitative", scale: { zero: false, nice: false }, axis: { title: "Jaccard of two documents", grid: false, tickCount: 5 } },
          y: { field: "found", type: "quantitative", axis: { title: "found", format: ".0%", tickCount: 4, domain: false, ticks: false } }, ...TIP } },
      { data: { values: [{ at: jaccard, label: `dropped from ${jaccard} on` }] }, mark: { type: "rule", strokeDash: [4, 3], strokeWidth: 1.5, color: color("text") },
        encoding: { x: { field: "at", type: "quantitative" }, tooltip: { field: "label" } } },
    ],
  };
}

const TRAINING = [["training", "r3"], ["validation", "kept"], ["unigram baseline", "dropped"], ["uniform baseline", "rest"]];

function lossCurve({ losses, validations, unigram, uniform }) {
  const line = (rows, name, extra) => ({
    data: { values: rows.map(([step, loss]) => ({ step, loss, tip: `step ${number(step)}\n${name}: ${loss.toFixed(4)}` })) },
    mark: { type: "line", color: color(Object.fromEntries(TRAINING)[name]), ...extra },
    encoding: { x: { field: "step", type: "quantitative", scale: { nice: false }, axis: { title: "step", grid: false, labelExpr: SHORT } },
      y: { field: "loss", type: "quantitative", scale: { zero: false }, axis: { title: "nats per token", tickCount: 6, domain: false, ticks: false } }, ...TIP },
  });
  const level = (loss, name) => ({
    data: { values: [{ loss, tip: `${name}: ${loss.toFixed(4)}` }] },
    mark: { type: "rule", strokeDash: [5, 3], strokeWidth: 2, color: color(Object.fromEntries(TRAINING)[name]) },
    encoding: { y: { field: "loss", type: "quantitative" }, ...TIP },
  });
  const layer = [];
  if (losses.length) layer.push(line(losses, "training", { strokeWidth: 1.5, opacity: 0.85 }));
  if (validations.length) layer.push(line(validations, "validation", { strokeWidth: 2.5, point: { filled: true, fill: color("kept"), size: 50 } }));
  if (unigram !== null) layer.push(level(unigram, "unigram baseline"));
  if (uniform !== null) layer.push(level(uniform, "uniform baseline"));
  return { height: 300, layer };
}

let languageShare = false;

function languageBars({ languages, reasons, rows }, width) {
  const counts = new Map(rows.map(([language, reason, count]) => [`${language}\n${reason}`, count]));
  const table = languages.map((name) => [name, ...reasons.map((reason) => counts.get(`${name}\n${reason}`) || 0)]);
  return stackedBars(table, reasons, reasonColors(reasons).map(color), width, languageShare);
}

function reasonColors(reasons) {
  let next = 0;
  return reasons.map((reason) => (reason === "kept" ? "kept" : reason === "others" ? "rest" : `r${++next}`));
}
