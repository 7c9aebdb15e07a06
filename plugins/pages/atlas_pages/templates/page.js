"use strict";
(() => {
const all = (what, root = document) => [...root.querySelectorAll(what)];
const make = (tag, attributes = {}, ...inside) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
    else made.setAttribute(name, value);
  }
  made.append(...inside);
  return made;
};
const save = (name, content, type) => {
  const link = make("a", { href: URL.createObjectURL(new Blob([content], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};
const quoted = (cell) => {
  const text = /^[=+@\t\r-]/.test(cell) && isNaN(cell) ? "'" + cell : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
};
const csv = (rows) => rows.map((row) => row.map(quoted).join(",")).join("\n") + "\n";
const written = (cell) => {  // a number as a page writes it: thin spaces, a real minus, a unit behind it
  const found = cell.textContent.trim().replace(/[\u202f\u2009]/g, "").replace(/\u2212/g, "-").match(/^-?[\d.]+(e-?\d+)?/);
  return found ? Number(found[0]) : NaN;
};
const tools = (...buttons) => make("p", { class: "tools" }, ...buttons);
const button = (text, act, more = {}) => make("button", { type: "button", ...more, on: { click: act } }, text);

// on a phone: sections that are no first answer are folded, and of a long table the first rows are shown
const phone = matchMedia("(max-width: 560px)").matches, SOME = 5;
if (phone) {
  for (const part of all("[data-fold]")) {
    const [title, ...rest] = part.children;
    part.append(make("details", { class: "fold" }, make("summary", {}, title), ...rest));
  }
  for (const table of all(".scroll > table")) {
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
    if (!table.tHead || rows.length <= SOME + 1) continue;
    table.classList.add("some");
    const more = button(`Show all ${rows.length}`, () => { table.classList.remove("some"); more.remove(); });
    table.parentNode.after(more);
  }
  const reveal = () => {
    const part = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let one = part && (part.querySelector(":scope > .fold") || part.closest("details")); one; one = one.parentNode.closest("details")) one.open = true;
    if (part) part.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
}

// every table whose columns mean one thing each: click a title to sort, and take it along
for (const table of all("table.sortable")) {
  const titles = all("thead th", table);
  titles.forEach((title, column) => {
    const act = () => {
      const up = title.getAttribute("aria-sort") === "descending";
      titles.forEach((one) => one.removeAttribute("aria-sort"));
      title.setAttribute("aria-sort", up ? "ascending" : "descending");
      const body = table.tBodies[0];
      const rows = [...body.rows].map((row) => [row, written(row.cells[column]), row.cells[column].textContent.trim()]);
      rows.sort((a, b) => {
        const order = isNaN(a[1]) || isNaN(b[1]) ? isNaN(a[1]) - isNaN(b[1]) || a[2].localeCompare(b[2]) : a[1] - b[1];
        return up || isNaN(a[1]) !== isNaN(b[1]) ? order : -order;
      });
      body.append(...rows.map(([row]) => row));
    };
    const text = [...title.childNodes];
    title.replaceChildren(make("button", { type: "button", class: "sort", on: { click: act } }, ...text));
  });
  const name = (table.caption ? table.caption.textContent : table.dataset.name || "table").trim().replace(/\W+/g, "-").toLowerCase();
  const lines = () => [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim().replace(/\s+/g, " ")));
  (table.closest(".scroll") || table).after(tools(button("CSV", () => save(name + ".csv", csv(lines()), "text/csv"))));
}

// every figure as a file, in the colors of the page
const drawn = (svg) => {
  const copy = svg.cloneNode(true);
  copy.querySelectorAll(".over").forEach((one) => one.remove());
  const style = getComputedStyle(document.documentElement), [, , width, height] = svg.getAttribute("viewBox").split(" ");
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", width * 2);
  copy.setAttribute("height", height * 2);
  copy.style.fontFamily = "sans-serif";
  copy.style.background = style.getPropertyValue("--bg");
  return new XMLSerializer().serializeToString(copy).replace(/var\((--[\w-]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
};
for (const svg of all("figure .canvas > svg")) {
  const figure = svg.closest("figure"), name = figure.dataset.name || "figure";
  const png = () => {
    const image = new Image();
    image.onload = () => {
      const canvas = make("canvas", { width: image.width, height: image.height });
      canvas.getContext("2d").drawImage(image, 0, 0);
      canvas.toBlob((made) => save(name + ".png", made, "image/png"));
    };
    image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(drawn(svg));
  };
  figure.append(tools(button("SVG", () => save(name + ".svg", drawn(svg), "image/svg+xml"), { "aria-label": `${name} as SVG` }), button("PNG", png, { "aria-label": `${name} as PNG` })));
}

// all test materials: search, filter, sort, page
const data = document.getElementById("rows");
if (!data) return;
const { arms, parts, families, unit, places, url, classes, asked, columns } = JSON.parse(data.textContent);
const home = document.getElementById("explorer"), size = phone ? SOME : 25;
const number = (value) => (value === null || value === undefined ? "\u2013" : (places === 99 ? value.toPrecision(3) : value.toFixed(places)).replace("-", "\u2212"));
const probability = (value) => (!classes || value === null ? number(value) : value < 0.005 ? "below 0.01" : value > 0.995 ? "above 0.99" : number(value));
const truth = (value) => (classes ? classes[value] : number(value));
const elements = columns.formula.map((text) => new Set(text.match(/[A-Z][a-z]?/g)));
const state = { text: "", part: "", element: "", family: "", flag: "", arm: 0, by: "error", up: false, page: 0 };
const value = {
  id: (i) => columns.id[i], formula: (i) => columns.formula[i], part: (i) => columns.part[i],
  true: (i) => columns.true[i], predicted: (i) => columns.mean[state.arm][i],
  error: (i) => { const m = columns.mean[state.arm][i]; return m === null ? null : Math.abs(m - columns.true[i]); },
  interval: (i) => { const e = columns.ends[state.arm]; return e && e[0][i] !== null ? e[1][i] - e[0][i] : null; },
  flagged: (i) => (columns.flag[state.arm] ? columns.flag[state.arm][i] : null),
  label: (i) => (columns.label[state.arm] ? columns.label[state.arm][i] : null),
};
// what was decided of a prediction: a column each of distance to the border, P, label and what competes
const decided = (key) => (i) => (columns.decided[state.arm] ? columns.decided[state.arm][key][i] : null);
for (const key of ["distance", "p", "label", "against"]) value["decided_" + key] = decided(key);
const beyond = (i) => { const e = columns.ends[state.arm]; return e && e[0][i] !== null && (columns.true[i] < e[0][i] || columns.true[i] > e[1][i]); };
const kept = () => {
  const text = state.text.toLowerCase();
  const found = [];
  for (let i = 0; i < columns.id.length; i++) {
    if (columns.mean[state.arm][i] === null) continue;
    if (state.part !== "" && columns.part[i] !== Number(state.part)) continue;
    if (state.element && !elements[i].has(state.element)) continue;
    if (state.family !== "" && columns.family[i] !== Number(state.family)) continue;
    if (state.flag === "flagged" && !value.flagged(i)) continue;
    if (state.flag === "beyond" && !beyond(i)) continue;
    if (text && !columns.formula[i].toLowerCase().includes(text) && !columns.id[i].toLowerCase().includes(text)) continue;
    found.push(i);
  }
  const of = value[state.by], sign = state.up ? 1 : -1;
  const order = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
  return found.sort((a, b) => {
    const [x, y] = [of(a), of(b)];
    return x === null || y === null ? (x === null) - (y === null) : sign * order(x, y) || a - b;
  });
};
const subscripts = (text) => {
  const made = make("span");
  text.split(/((?<=[A-Za-z)\]])\d+\.?\d*)/).forEach((bit, k) => made.append(k % 2 ? make("sub", {}, bit) : bit));
  return made;
};
const linked = (id) => (url ? make("a", { href: url.replace("{id}", encodeURIComponent(id)), rel: "noreferrer" }, id) : id);
const titles = [["id", "id"], ["formula", "formula"], ["part", "part"], ["true", "true"], ["predicted", classes ? `P(${classes[1]})` : "predicted"], ["error", "error"]];
if (!classes && columns.ends.some(Boolean)) titles.push(["interval", "interval"]);
if (columns.flag.some(Boolean)) titles.push(["flagged", "flagged"]);
if (columns.label.some(Boolean)) titles.push(["label", "label"]);
if (asked) titles.push(["decided_distance", `to ${asked.border}`], ["decided_p", `P(${asked.yes})`], ["decided_label", "decision"], ["decided_against", asked.competing]);
const cell = {
  id: (i) => linked(columns.id[i]), formula: (i) => subscripts(columns.formula[i]),
  part: (i) => make("span", { class: "part " + (columns.part[i] ? "out" : "in") }, parts[columns.part[i]]),
  true: (i) => truth(columns.true[i]), predicted: (i) => probability(value.predicted(i)), error: (i) => probability(value.error(i)),
  interval: (i) => (value.interval(i) === null ? "\u2013" : `${number(columns.ends[state.arm][0][i])} to ${number(columns.ends[state.arm][1][i])}${beyond(i) ? " (missed)" : ""}`),
  flagged: (i) => (value.flagged(i) ? "yes" : "no"), label: (i) => value.label(i) ?? "\u2013",
  decided_distance: (i) => number(value.decided_distance(i)), decided_label: (i) => value.decided_label(i) ?? "\u2013",
  decided_p: (i) => { const p = value.decided_p(i); return p === null ? "\u2013" : p < 0.005 ? "below 0.01" : p > 0.995 ? "above 0.99" : p.toFixed(2); },
  decided_against: (i) => (value.decided_against(i) === null ? "\u2013" : subscripts(value.decided_against(i))),
};
const right = new Set(["true", "predicted", "error", "interval", "decided_distance", "decided_p"]);
const head = make("tr"), body = make("tbody"), count = make("p", { class: "note", role: "status" }), pager = tools();
const table = make("table", { class: "worst rows" }, make("caption", { class: "unseen" }, "All test materials"), make("thead", {}, head), body);
let shown = [];
const choose = (changes) => { Object.assign(state, { page: 0 }, changes); draw(); };
const draw = () => {
  shown = kept();
  head.replaceChildren(...titles.map(([key, title]) => make("th", { scope: "col", class: right.has(key) ? "num" : "", ...(state.by === key ? { "aria-sort": state.up ? "ascending" : "descending" } : {}) },
    make("button", { type: "button", class: "sort", on: { click: () => choose({ by: key, up: state.by === key ? !state.up : false }) } }, title))));
  const from = state.page * size, rows = shown.slice(from, from + size);
  body.replaceChildren(...rows.map((i) => {
    const row = make("tr", { tabindex: 0 }, ...titles.map(([key, title]) => make("td", { class: right.has(key) ? "num" : "", "data-title": title }, cell[key](i))));
    for (const event of ["focus", "mouseenter"]) row.addEventListener(event, () => ring([i]));
    return row;
  }));
  count.textContent = shown.length ? `${from + 1} to ${from + rows.length} of ${shown.length} predictions` + (unit ? `, in ${unit}` : "") : "No material fits; clear a filter.";
  pager.replaceChildren(
    button("Previous", () => { state.page--; draw(); }, state.page ? {} : { disabled: "" }),
    button("Next", () => { state.page++; draw(); }, from + size < shown.length ? {} : { disabled: "" }),
    button("CSV", () => save("predictions.csv", csv([titles.map((one) => one[1]).concat("lower", "upper"), ...shown.map((i) => titles.map(([key]) => key === "part" ? parts[columns.part[i]] : value[key](i) ?? "").concat((columns.ends[state.arm] || [[], []]).map((e) => e[i] ?? "")))]), "text/csv")));
  ring(narrowed() ? shown : []);
};
const narrowed = () => Boolean(state.text || state.part !== "" || state.element || state.family !== "" || state.flag);
const pick = (label, key, options) => {
  const select = make("select", { on: { change: (event) => choose({ [key]: event.target.value }) } }, ...options.map(([code, text]) => make("option", { value: code }, text)));
  select.dataset.key = key;
  return make("label", {}, label + " ", select);
};
const known = [...new Set(elements.flatMap((one) => [...one]))].sort();
const search = make("input", { type: "search", on: { input: (event) => choose({ text: event.target.value }) } });
home.append(make("div", { class: "filters" },
  ...(arms.length > 1 ? [pick("arm", "arm", arms.map((arm, k) => [k, arm]))] : []),
  make("label", {}, "search ", search),
  ...(new Set(columns.part).size > 1 ? [pick("part", "part", [["", "both"], ...parts.map((part, k) => [k, part])])] : []),
  pick("element", "element", [["", "any"], ...known.map((one) => [one, one])]),
  pick("family", "family", [["", "any"], ...families.map((one, k) => [k, one])]),
  pick("show", "flag", [["", "all"], ["flagged", "flagged"], ["beyond", "outside interval"]]),
  button("Clear", () => { all("select", home).forEach((one) => { if (one.dataset.key !== "arm") one.value = ""; }); search.value = ""; choose({ text: "", part: "", element: "", family: "", flag: "" }); })),
  make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table of test materials" }, table), count, pager);
const set = (key, code) => { for (const one of all("select", home)) if (one.dataset.key === key) one.value = code; choose({ [key]: code }); };

// figures that say where a material stands in them: hover a dot, see it; narrow the table, see which dots are left
const over = document.getElementById("hover");
const placed = all("figure[data-limits]").map((figure) => {
  const svg = figure.querySelector("svg"), limits = JSON.parse(figure.dataset.limits), arm = arms.indexOf(figure.dataset.arm);
  if (arm < 0) return null;  // a name that HTML reads otherwise, such as one with a carriage return
  const rings = document.createElementNS("http://www.w3.org/2000/svg", "path");
  rings.setAttribute("class", "over");
  svg.append(rings);
  const [left, top, width, height] = limits.box, [x0, x1] = limits.x, [y0, y1] = limits.y;
  const at = (i) => { const m = columns.mean[arm][i]; return m === null ? null : [left + (width * (columns.true[i] - x0)) / (x1 - x0), top + height - (height * (m - y0)) / (y1 - y0)]; };
  svg.addEventListener("pointermove", (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    let best = null, least = 64;
    for (let i = 0; i < columns.id.length; i++) {
      const one = at(i);
      if (!one) continue;
      const far = (one[0] - point.x) ** 2 + (one[1] - point.y) ** 2;
      if (far < least) [best, least] = [i, far];
    }
    over.hidden = best === null;
    if (best === null) return;
    const error = columns.mean[arm][best] - columns.true[best];
    over.textContent = `${columns.formula[best]} (${columns.id[best]}): true ${number(columns.true[best])}, predicted ${number(columns.mean[arm][best])}, error ${number(error)} ${unit}`;
    over.style.left = Math.min(event.pageX + 12, document.documentElement.clientWidth - 260) + "px";
    over.style.top = event.pageY + 14 + "px";
  });
  svg.addEventListener("pointerleave", () => { over.hidden = true; });
  return { rings, at };
}).filter(Boolean);
const ring = (rows) => {
  for (const { rings, at } of placed) {
    rings.setAttribute("d", rows.slice(0, 5000).map(at).filter(Boolean).map(([x, y]) => `M${(x - 3.2).toFixed(1)} ${y.toFixed(1)}a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0 -6.4 0`).join(""));
  }
};
for (const one of all("[data-element]")) {
  one.style.cursor = "pointer";
  one.addEventListener("click", () => { set("element", one.dataset.element); home.scrollIntoView({ block: "nearest" }); });
}
for (const one of all("[data-family]")) {
  const code = families.indexOf(one.dataset.family);
  if (code < 0) continue;
  one.replaceChildren(button(one.textContent, () => { set("family", code); home.scrollIntoView({ block: "nearest" }); }, { class: "sort" }));
}
draw();
})();
