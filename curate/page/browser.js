// The browser of sample documents, the theme, the price. Page text is only ever shown as text.

const PAGE_SIZE = 20;
const FAILS = "fails.";
const state = { words: [], reason: "", language: "", sort: "", down: false, shown: PAGE_SIZE };
const element = (id) => document.getElementById(id);

function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function reasonOf(sample) {
  return [sample.o, sample.s, sample.r].filter(Boolean).join(".");
}

// Samples come mixed, the first of each reason first: so this is the order of the reasons.
const RANKS = new Map([...new Set(page.samples.map(reasonOf))].map((reason, at) => [reason, at]));

const samples = page.samples.map((sample, place) => ({
  ...sample,
  place,
  rank: RANKS.get(reasonOf(sample)),
  reason: reasonOf(sample),
  host: parse(sample.u)?.host,
  hay: [sample.t, sample.u, sample.x, sample.d, sample.r, sample.s, sample.l, sample.i, sample.p].join("\n").toLowerCase(),
}));

function parse(url) {
  try { return new URL(url); } catch { return null; }
}

const SORTS = [
  ["", "a mix of reasons", (s) => s.place],
  ["reason", "reason", (s) => s.rank],
  ["title", "title", (s) => s.t],
  ["host", "host", (s) => s.host],
  ["language", "language", (s) => s.l],
  ["chars", "characters", (s) => s.c],
  ["tokens", "tokens", (s) => s.k],
  ["crawled", "crawl date", (s) => s.w],
  ["published", "publication date", (s) => s.y],
  ...page.rule_names.flatMap((rule, at) => (rule.allowed ? [] : [[`rule${at}`, `${rule.stage}: ${rule.key}`, (s) => s.n?.[at]]])),
];

function options(select, entries) {
  select.replaceChildren(...entries.map(([value, label]) => {
    const option = make("option", "", label);
    option.value = value;
    return option;
  }));
}

function fillFilters() {
  const count = (key) => {
    const counts = new Map();
    for (const sample of samples) if (sample[key]) counts.set(sample[key], (counts.get(sample[key]) || 0) + 1);
    return counts;
  };
  const reasons = [["", `all (${number(samples.length)})`]];
  for (const outcome of ["kept", "dropped", "errored"]) {
    const size = samples.filter((sample) => sample.o === outcome).length;
    if (size) reasons.push([outcome, `${outcome} (${number(size)})`]);
    if (outcome === "kept") continue;
    for (const [reason, size] of count("reason")) {
      if (reason.startsWith(`${outcome}.`)) reasons.push([reason, `\u2003${reason.slice(outcome.length + 1).replace(".", ": ")} (${size})`]);
    }
  }
  options(element("reason"), [...reasons, ...failures()]);
  const languages = [...count("l")].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  options(element("language"), [["", "all"], ...languages.map(([name, size]) => [name, `${name} (${size})`])]);
  options(element("sort"), SORTS.map(([value, label]) => [value, label]));
}

// A document is dropped by the first rule that it fails, and may fail others: a choice of its own.
function failures() {
  const found = page.rule_names.map(({ stage, reason }) => `${FAILS}${stage}.${reason}`);
  return [...new Set(found)].map((value) => [value, samples.filter((sample) => fits(sample, value)).length])
    .filter(([, size]) => size)
    .map(([value, size]) => [value, `fails ${value.slice(FAILS.length).replace(".", ": ")} (${number(size)})`]);
}

function fits(sample, reason) {
  if (!reason.startsWith(FAILS)) return !reason || sample.reason === reason || sample.o === reason;
  return (sample.f || []).some((at) => `${FAILS}${page.rule_names[at].stage}.${page.rule_names[at].reason}` === reason);
}

// A button whose records are not among the samples would choose nothing.
function disableButtons() {
  const known = new Set([...element("reason").options].map((option) => option.value));
  for (const button of document.querySelectorAll("[data-reason]")) {
    button.disabled = !known.has(button.dataset.reason);
    if (button.disabled) button.title = "none of these records is among the samples of this page";
  }
}

function matching() {
  const { words, reason, language } = state;
  const found = samples.filter((sample) =>
    fits(sample, reason)
    && (!language || sample.l === language)
    && words.every((word) => sample.hay.includes(word)));
  const key = SORTS.find(([value]) => value === state.sort)[2];
  const sign = state.down ? -1 : 1;
  const missing = (value) => value === undefined || value === null || value === "";
  return found.sort((a, b) => {
    const [left, right] = [key(a), key(b)];
    if (missing(left) || missing(right)) return missing(left) - missing(right) || a.place - b.place;
    return (left < right ? -sign : left > right ? sign : 0) || a.place - b.place;
  });
}

function show() {
  const found = matching();
  const shown = found.slice(0, state.shown);
  element("samples").replaceChildren(...shown.map(card));
  element("found").textContent = found.length
    ? `${number(found.length)} of ${number(samples.length)} sample records` : "No sample record fits. Try fewer words, or another reason.";
  const left = found.length - shown.length;
  element("more").hidden = left === 0;
  element("more").textContent = `Show more (${number(left)} left)`;
}

function card(sample) {
  const made = make("article", `sample ${sample.o}`);
  const top = make("div", "top");
  top.append(make("span", "why", sample.r ? `${sample.s}: ${sample.r}` : sample.o));
  const lengths = [sample.k ? `${number(sample.k)} tokens` : "", sample.c !== undefined ? `${number(sample.c)} characters` : `${number(sample.b)} bytes`];
  const facts = [sample.o === "kept" || !sample.r ? "" : sample.o, sample.l, ...lengths,
    sample.y ? `published ${sample.y}` : "", sample.z > 1 ? `cluster of ${number(sample.z)}` : ""];
  for (const fact of facts) if (fact) top.append(make("span", "", fact));
  made.append(top);
  if (sample.t) made.append(direction(make("h3", "", sample.t)));
  if (sample.u) made.append(link(sample.u));
  if (sample.d) made.append(make("div", "met", sample.d));
  if (sample.x) made.append(direction(make("div", "excerpt clamp", sample.x)));
  made.append(details(sample, made));
  return made;
}

function direction(made) {
  made.dir = "auto";
  return made;
}

function link(url) {
  const safe = /^https?:$/.test(parse(url)?.protocol) && !/[\s\\]|…$/.test(url); // a cut one leads nowhere
  const made = make(safe ? "a" : "div", "url", url);
  if (safe) {
    made.href = url;
    made.rel = "noopener noreferrer";
    made.target = "_blank";
  }
  return made;
}

function details(sample, article) {
  const made = make("details");
  made.append(make("summary", "", sample.n ? "numbers and place" : "place"));
  made.addEventListener("toggle", () => {
    article.querySelector(".excerpt")?.classList.toggle("clamp", !made.open);
    if (made.open && made.childElementCount === 1) made.append(...inside(sample));
  });
  return made;
}

function* inside(sample) {
  if (sample.n) yield ruleTable(sample);
  const facts = [["doc_id", sample.i], ["place", sample.p], ["record", `${number(sample.b)} bytes`], ["crawled", sample.w]];
  if (sample.v) facts.push(["survivor", `${sample.v}, Jaccard ${sample.j?.toFixed(4)}`]);
  const rows = facts.filter(([, value]) => value).map(([name, value]) => {
    const row = make("tr");
    row.append(make("td", "muted", name), make("td", "mono", value));
    return row;
  });
  const table = make("table");
  table.append(...rows);
  yield table;
}

function ruleTable(sample) {
  const table = make("table");
  const head = make("tr");
  for (const name of ["rule", "number", "threshold", ""]) head.append(make("th", name === "number" ? "num" : "", name));
  table.append(head);
  page.rule_names.forEach((rule, at) => {
    const value = sample.n[at];
    const missing = value === null || value === undefined || value === "";
    const fails = sample.f.includes(at);
    const bound = sample.m && at in sample.m ? sample.m[at] : rule.min ?? rule.max ?? null;
    const off = bound === null && !rule.allowed;
    const row = make("tr");
    row.append(make("td", "", `${rule.stage}: ${rule.key}`), make("td", `num${fails ? " fails" : ""}`, missing ? "–" : number(value)),
      make("td", "", rule.allowed ? `in ${rule.allowed.join(", ")}` : off ? `off for ${sample.l ?? "it"}` : `${rule.min !== undefined ? "≥" : "≤"} ${number(bound)}`),
      make("td", fails ? "fails" : "muted", missing ? "does not apply" : off ? "" : fails ? "fails" : "passes"));
    table.append(row);
  });
  return table;
}

function change(part) {
  Object.assign(state, { shown: PAGE_SIZE }, part);
  show();
}

function setPrice() {
  const price = Number(element("price")?.value || 0);
  for (const place of document.querySelectorAll("[data-core-hours]")) {
    const dollars = price * Number(place.dataset.coreHours);
    const digits = dollars < 0.1 ? { maximumSignificantDigits: 2 } : { minimumFractionDigits: 2, maximumFractionDigits: 2 };
    place.textContent = `$${dollars.toLocaleString("en-US", digits)}`;
  }
}

const THEMES = ["auto", "light", "dark"];

function setTheme(name) {
  if (name === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  element("theme").textContent = `◐ ${name[0].toUpperCase()}${name.slice(1)}`;
  element("theme").setAttribute("aria-label", `Color theme: ${name}`);
}

function storedTheme(name) {
  try { // a file opened from disk may have no storage
    if (name) localStorage.setItem("curate-theme", name);
    return localStorage.getItem("curate-theme");
  } catch { return null; }
}

function listen() {
  element("search").addEventListener("input", (event) => change({ words: event.target.value.toLowerCase().split(/\s+/).filter(Boolean) }));
  for (const name of ["reason", "language", "sort"]) element(name).addEventListener("change", (event) => change({ [name]: event.target.value }));
  element("order").addEventListener("click", (event) => {
    event.target.setAttribute("aria-pressed", String(!state.down));
    event.target.textContent = state.down ? "Ascending" : "Descending";
    change({ down: !state.down });
  });
  element("more").addEventListener("click", () => { state.shown += 5 * PAGE_SIZE; show(); });
  element("price")?.addEventListener("input", setPrice);
  element("theme").addEventListener("click", () => {
    const now = document.documentElement.dataset.theme || "auto";
    const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
    setTheme(next);
    storedTheme(next);
    drawAll();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());
  document.addEventListener("click", (event) => {
    const reason = event.target.closest("[data-reason]")?.dataset.reason;
    if (reason !== undefined) {
      element("search").value = element("language").value = "";
      element("reason").value = reason;
      change({ words: [], language: "", reason });
      element("reason").focus({ preventScroll: true });
      element("documents").scrollIntoView();
    }
    const axis = event.target.closest("[data-axis]");
    if (axis) {
      languageShare = axis.dataset.axis === "share";
      for (const button of document.querySelectorAll("[data-axis]")) button.setAttribute("aria-pressed", String(button === axis));
      draw(document.querySelector('[data-chart="languages"]'));
    }
  });
}

const initial = storedTheme();
setTheme(THEMES.includes(initial) ? initial : "auto");
const { reasons } = page.languages;
const shades = reasonColors(reasons);
legend("language-legend", reasons.map((name, at) => [name, shades[at],
  name === "others" ? undefined : name === "kept" ? "kept" : samples.find((s) => s.r && `${s.s}: ${s.r}` === name)?.reason]));
if (page.training) {
  const present = { training: page.training.losses.length, validation: page.training.validations.length,
    "unigram baseline": page.training.unigram !== null, "uniform baseline": page.training.uniform !== null };
  legend("training-legend", TRAINING.filter(([name]) => present[name]));
}
fillFilters();
disableButtons();
listen();
listenToCharts();
setPrice();
show();
drawAll();
