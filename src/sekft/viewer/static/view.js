// Keys, folding, notes and following. Every page works without it.
"use strict";
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

const rows = () => $$("#rows > .row").filter((row) => !row.hidden);
let here = -1;

function stand(at) {
  const all = rows();
  if (!all.length) return;
  here = Math.max(0, Math.min(at, all.length - 1));
  all.forEach((row, number) => row.classList.toggle("here", number === here));
  all[here].scrollIntoView({ block: "nearest" });
  $("a", all[here]).focus({ preventScroll: true });
}

const follow = (id) => { const link = document.getElementById(id); if (link) link.click(); return Boolean(link); };

function marks(step) {
  const found = $$(".step").filter((each) => $(".margin .tag.mark, .margin .tag.bad, .margin .tag.good", each));
  const now = found.findIndex((each) => each.classList.contains("here"));
  const next = found[Math.max(0, Math.min(found.length - 1, now + step))];
  if (!next) return;
  $$(".step.here").forEach((each) => each.classList.remove("here"));
  next.classList.add("here");
  next.scrollIntoView({ block: "center" });
}

// What outlives the page, but for a frame that may store nothing.
const held = {};
function recall(name, otherwise) { try { held[name] = sessionStorage.getItem(name); } catch { /* as held here */ } return held[name] ? JSON.parse(held[name]) : otherwise; }
function remember(name, value) { held[name] = JSON.stringify(value); try { sessionStorage.setItem(name, held[name]); } catch { /* held here alone */ } }

// Selecting two rollouts.
const picked = () => recall("picked", []);
function keep(all) { remember("picked", all); showPicked(); }
function showPicked() {
  const bar = $("#picked"), all = picked();
  if (!bar) return;
  bar.hidden = !all.length;
  $("span", bar).textContent = `${all.length} selected`;
  $("#compare", bar).disabled = all.length !== 2;
  for (const row of $$(".row[data-at]")) $(".pick", row).checked = all.some((each) => each[0] === row.dataset.run && each[1] === row.dataset.at);
}
function pick(run, at) {
  const all = picked(), known = all.findIndex((each) => each[0] === run && each[1] === at);
  if (known >= 0) all.splice(known, 1); else all.push([run, at]);
  keep(all.slice(-2));
}
function compare() {
  const all = picked();
  if (all.length !== 2) return;
  const query = new URLSearchParams({ run: all[0][0], at: all[0][1], run2: all[1][0], at2: all[1][1] });
  location.href = `${$("#data") ? "#" : ""}/compare?${query}`;
}

// The sessions of one scenario are much alike: what was read in another one is pale.
function paleKnown() {
  const page = $("article.rollout");
  if (!page) return;
  const { run, at, scenario } = page.dataset, steps = $$(".step[data-key]", page), own = `${run} ${at}`;
  let read = recall("read", {});
  if (read.scenario !== scenario) read = { scenario, sessions: {} };
  const known = new Set(Object.keys(read.sessions).filter((other) => other !== own).flatMap((other) => read.sessions[other]));
  $("#known").hidden = !known.size;
  steps.forEach((step) => step.classList.toggle("known", known.has(step.dataset.key)));
  read.sessions[own] = steps.map((step) => step.dataset.key);
  remember("read", read);
}

// What was searched for, wherever it stands in the session.
function highlight(query) {
  const wanted = (new URLSearchParams(query).get("q") || "").replace(/^(typed|shown):\s*/, "").toLowerCase(), term = $("article.rollout .term");
  if (!wanted || !term || !CSS.highlights) return;
  const ranges = [], walk = document.createTreeWalker(term, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.data.toLowerCase();
    for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
      const range = new Range();
      range.setStart(walk.currentNode, at);
      range.setEnd(walk.currentNode, at + wanted.length);
      ranges.push(range);
    }
  }
  CSS.highlights.set("found", new Highlight(...ranges));
  ranges[0]?.startContainer.parentElement.scrollIntoView({ block: "center" });
}

// Two sessions side by side: of one scenario by what was typed and answered, of two by the marks that they reached.
const SHARED_SHOWN = 3, CELLS_AT_MOST = 4e6, MARKS = ["seen", "noticed", "learnt", "retrieved", "executed", "ended"];
function common(one, other) {
  const best = Array.from({ length: one.length + 1 }, () => new Uint16Array(other.length + 1)), found = [];
  for (let i = one.length - 1; i >= 0; i--)
    for (let j = other.length - 1; j >= 0; j--)
      best[i][j] = one[i] === other[j] ? best[i + 1][j + 1] + 1 : Math.max(best[i + 1][j], best[i][j + 1]);
  for (let i = 0, j = 0; i < one.length && j < other.length; )
    if (one[i] === other[j]) found.push([i++, j++]);
    else if (best[i + 1][j] >= best[i][j + 1]) i++;
    else j++;
  return found;
}
const zipped = (one, other) => Array.from({ length: Math.max(one.length, other.length) }, (_, at) => [one[at], other[at], false]);
function byText(one, other) {
  const key = (step) => step.dataset.key, lines = [];
  let i = 0, j = 0;
  for (const [a, b] of [...common(one.map(key), other.map(key)), [one.length, other.length]]) {
    lines.push(...zipped(one.slice(i, a), other.slice(j, b)));
    if (one[a]) lines.push([one[a], other[b], true]);
    [i, j] = [a + 1, b + 1];
  }
  return lines;
}
// Stage by stage: the steps that reach a mark stand side by side, below what each did up to it.
function byMarks(...sides) {
  const [ones, others] = sides.map((steps) => {
    const stages = [];
    let reached = 0;
    for (const step of steps) {
      (stages[reached] ||= []).push(step);
      reached = Math.max(reached, ...$$(".tag.mark", step).map((tag) => MARKS.indexOf(tag.textContent) + 1));
    }
    return stages;
  });
  const stages = Array.from({ length: Math.max(ones.length, others.length) }, (_, at) => [ones[at] || [], others[at] || []]);
  return stages.flatMap(([one, other]) => zipped(one.reverse(), other.reverse()).reverse());
}
// Marks the words that only one of two commands has, unless one holds what had to be made visible.
function wordsApart(left, right, tags = ["b", "b"]) {
  const [one, other] = [left, right].map((kbd) => kbd.textContent.split(/(\s)/));
  if (one.length * other.length > CELLS_AT_MOST || $(".ctl", left) || $(".ctl", right)) return;
  const shared = common(one, other);
  for (const [kbd, words, side] of [[left, one, 0], [right, other, 1]]) {
    const same = new Set(shared.map((each) => each[side]));
    kbd.replaceChildren(...words.map((word, at) => (same.has(at) ? word : made(tags[side], "word", [word]))));
  }
}
function made(tag, name, inside) {
  const node = document.createElement(tag);
  node.className = name;
  node.append(...inside);
  return node;
}
function sideBySide(place, articles) {
  const one = articles[0].dataset.scenario === articles[1].dataset.scenario;
  const steps = articles.map((article) => $$(".step[data-key]", article));
  const lines = one ? byText(...steps) : byMarks(...steps), parts = lines.findIndex((line) => !line[2]);
  const half = (step) => made("div", step ? "half step" : "half none", step ? step.cloneNode(true).childNodes : []);
  const shown = lines.map(([left, right, same], at) => {
    const line = made("li", same ? "both" : "apart", same ? [half(left)] : [half(left), half(right)]);
    if (at !== parts || !one) return line;
    line.classList.add("parts");
    const typed = $$("kbd", line);
    if (typed.length === 2) wordsApart(...typed);
    return line;
  });
  const hidden = one ? (parts < 0 ? lines.length : parts) - SHARED_SHOWN : 0, earlier = [];
  if (hidden > 1) earlier.push(made("details", "earlier", [made("summary", "", [`${hidden} earlier steps, alike`]), made("ol", "sides", shown.splice(0, hidden))]));
  const alike = parts < 0 ? "Typed and answered alike throughout." : `Alike for ${Math.max(parts - 1, 0)} action${parts === 2 ? "" : "s"}, then they part.`;
  const heads = articles.map((article) => $(".head", article)), title = one ? [$("h1", heads[0])] : [];
  if (one) heads.forEach((head) => $("h1", head).remove());
  const lead = one ? alike : "Two scenarios, set beside each other mark by mark.";
  place.replaceChildren(...title, made("div", "sides-head", heads), made("p", "lead", [lead]), ...earlier, made("ol", "sides", shown));
}

async function showEffects(link) {
  const place = $("#changes");
  link.textContent = "Typing it again in a sandbox …";
  const answer = await fetch(link.href);
  const text = await answer.text();
  if (answer.ok) { place.innerHTML = text; link.remove(); } else { link.textContent = "It cannot be shown: see the page"; link.onclick = null; }
  place.scrollIntoView({ block: "nearest" });
}

async function note(button) {
  const form = $("#noting");
  if (!form) return;
  button = button || $('button[type="submit"]', form);
  form.requestSubmit(button);
}

function typing(target) { return target.matches("input:not([type=checkbox]), textarea, select"); }

const KEYS = {
  j: () => (rows().length ? stand(here + 1) : follow("after")),
  k: () => (rows().length ? stand(here < 0 ? 0 : here - 1) : follow("before")),
  o: () => { const row = rows()[here]; if (row) $(".what a", row).click(); },
  u: () => follow("up"),
  n: () => marks(1),
  p: () => marks(-1),
  c: compare,
  x: () => {
    const row = rows()[here], page = $("article.rollout");
    if (row && row.dataset.at) pick(row.dataset.run, row.dataset.at);
    else if (page) pick(page.dataset.run, page.dataset.at);
  },
  f: () => {
    const filters = $("#filters");
    if (filters && filters.offsetParent) { $("a, input", filters).focus(); filters.scrollIntoView({ block: "nearest" }); return; }
    const all = $$(".long"), open = all.some((each) => !each.classList.contains("open"));
    all.forEach((each) => unfold(each, open));
  },
  e: () => { const link = $("#show-effects"); if (link) showEffects(link); },
  "/": () => { const search = $("#search"); if (search) { search.focus(); search.select(); } else location.href = "/rollouts#search"; },
  "?": () => { const help = $("#help"); if (help.open) help.close(); else help.showModal(); },
};

function unfold(block, open) {
  block.classList.toggle("open", open);
  const button = $(".unfold", block);
  button.dataset.label = button.dataset.label || button.textContent;
  button.textContent = open ? "Fold" : button.dataset.label;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event.target)) { if (event.key === "Escape") event.target.blur(); return; }
  if ($("#help").open && event.key !== "?") return;
  const verdict = { 1: "keep", 2: "drop", 3: "unsure" }[event.key];
  const button = verdict && $(`#noting .choices button[value="${verdict}"]`);
  if (button) { event.preventDefault(); note(button); return; }
  const act = KEYS[event.key];
  if (act) { event.preventDefault(); act(); }
});

document.addEventListener("click", (event) => {
  const target = event.target;
  if (target.matches(".unfold")) { const block = target.closest(".long"); unfold(block, !block.classList.contains("open")); }
  else if (target.matches("#help-button, #help-button *")) $("#help").showModal();
  else if (target.matches(".pick")) { const row = target.closest(".row"); pick(row.dataset.run, row.dataset.at); }
  else if (target.matches("#compare")) compare();
  else if (target.matches("#unpick")) keep([]);
  else if (target.closest("#show-effects")) { event.preventDefault(); showEffects(target.closest("#show-effects")); }
});

// A run that goes on: the page says that there is more, and a list takes it in at a click.
async function watch() {
  const answer = await fetch("/state").catch(() => null);
  if (answer && answer.ok) {
    const state = await answer.json(), news = $("#news");
    if (state.generation !== document.body.dataset.follow && news) {
      if (document.body.dataset.page === "overview" && !document.hidden && scrollY < 40) { location.reload(); return; }
      news.hidden = false;
      news.href = location.href;
      news.textContent = `${state.rollouts} rollouts now: show them`;
    }
  }
  setTimeout(watch, 2000);
}

showPicked();
function setApart() {
  const sides = $("#sides"), typed = $$(".side .typed kbd");
  if (sides) sideBySide(sides, $$("article", sides));
  if (typed.length === 2) wordsApart(typed[1], typed[0], ["del", "ins"]);
}
setApart();
paleKnown();
highlight(location.search);
if (location.hash === "#search" && $("#search")) $("#search").focus();
if (document.body.dataset.follow) setTimeout(watch, 2000);
