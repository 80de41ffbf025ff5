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

// Selecting two rollouts; what is selected outlives the page.
const picked = () => JSON.parse(sessionStorage.getItem("picked") || "[]");
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
  sessionStorage.setItem("picked", JSON.stringify(all.slice(-2)));
  showPicked();
}
function compare() {
  const all = picked();
  if (all.length !== 2) return;
  const query = new URLSearchParams({ run: all[0][0], at: all[0][1], run2: all[1][0], at2: all[1][1] });
  location.href = `/compare?${query}`;
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
    if (filters) { $("a, input", filters).focus(); filters.scrollIntoView({ block: "nearest" }); return; }
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
  else if (target.matches("#unpick")) { sessionStorage.removeItem("picked"); showPicked(); }
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
if (location.hash === "#search" && $("#search")) $("#search").focus();
if (document.body.dataset.follow) setTimeout(watch, 2000);
