// The theme's own search, asked from the command line: node search.js SITE QUERY...
// Prints one JSON line per query: the places found, best first.
"use strict";
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const [site, ...queries] = process.argv.slice(2);
const workers = path.join(site, "assets/javascripts/workers");
const worker = fs.readdirSync(workers).find((name) => /^search\..*\.js$/.test(name));
const index = JSON.parse(fs.readFileSync(path.join(site, "search/search_index.json"), "utf-8"));
const [SETUP, READY, QUERY, RESULT] = [0, 1, 2, 3];

const listeners = [];
const context = { console, URL, Promise, setTimeout, location: { href: "http://localhost/" } };
Object.assign(context, {
  self: context,
  addEventListener: (_, listener) => listeners.push(listener),
  postMessage: ({ type, data }) => {
    if (type === RESULT) console.log(JSON.stringify(data.items.map(([page]) => page.location)));
    if (type === READY || type === RESULT) next();
  },
  importScripts: () => undefined,
});
vm.createContext(context);
vm.runInContext(fs.readFileSync(path.join(workers, worker), "utf-8"), context);
const send = (data) => listeners.forEach((listener) => listener({ data }));
const next = () => queries.length && send({ type: QUERY, data: queries.shift() });
send({ type: SETUP, data: { ...index, options: { suggest: false } } });
