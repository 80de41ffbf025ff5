// One file: lists and sessions are unpacked and shown as the part of the address after # says.
const inflate = async (text) => {
  const bytes = Uint8Array.from(atob(text.trim()), (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(stream).text());
};
const SHOWN = 200, CHOICES_SHOWN = 12, LEAST_SEARCHED = 3, KEPT = ["q", "from", "to", "sort"];
const KIND = { rollouts: "rollout", pairs: "pair", rejected: "draft" };
const packs = $$(".chunk"), unpacked = new Map();
let all = null, list = [], shown = 0, lastList = "#/rollouts";

async function fragment(kind, row) {
  if (!unpacked.has(row.chunk)) unpacked.set(row.chunk, await inflate(packs[row.chunk].textContent));
  return unpacked.get(row.chunk)[`${kind} ${row.run} ${row.place}`];
}
const address = () => { const [page, query = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s); return [page, new URLSearchParams(query)]; };
const found = (page, run, place) => all[page].find((row) => row.run === run && row.place === place);

function fits(row, terms, without) {
  const by = new Map();
  for (const [field, value] of terms) {
    if (field === without || !(field in row || field === "from" || field === "to")) continue;
    const name = field === "axis" ? `axis ${value.split("=")[0]}` : field;
    by.set(name, [...(by.get(name) || []), value]);
  }
  return [...by].every(([name, values]) => {
    const field = name.split(" ")[0], own = row[field];
    if (field === "from") return row.actions >= Number(values.at(-1));
    if (field === "to") return row.actions <= Number(values.at(-1));
    if (field === "has" || field === "lacks") return values.every((mark) => own.includes(mark));
    return values.some((value) => (Array.isArray(own) ? own.includes(value) : String(own) === value));
  });
}

// What was typed and what was shown, as text: the same as the served pages search.
const PARTS = { typed: /<kbd>(.*?)<\/kbd>/gs, shown: /<pre class="out">(.*?)<\/pre>/gs };
const NAMED = { lt: "<", gt: ">", amp: "&", "#39": "'", "#34": '"' };
const text = (html) => html.replace(/<[^>]*>/g, "").replace(/&(lt|gt|amp|#39|#34);/g, (_, name) => NAMED[name]).toLowerCase();
async function holds(kind, row, q) {
  const [, part, wanted] = q.match(/^(?:(typed|shown):\s*)?(.*)$/s), page = await fragment(kind, row);
  if (wanted.length < LEAST_SEARCHED) return false;
  const kinds = part ? [PARTS[part]] : Object.values(PARTS);
  return kinds.some((kind) => [...page.matchAll(kind)].some((piece) => text(piece[1]).includes(wanted.toLowerCase())));
}

const link = (page, terms) => `#/${page}${terms.length ? "?" + new URLSearchParams(terms) : ""}`;
const anchor = (name, href, inside) => { const node = made("a", name, inside); node.href = href; return node; };

// Each choice of each field with the rollouts that it would leave, under the filters of the other fields.
function facets(page, terms) {
  const sections = all.facets[page].map(([field, label]) => {
    const counts = new Map();
    for (const row of all[page]) if (fits(row, terms, field)) for (const value of [row[field]].flat()) counts.set(String(value), (counts.get(String(value)) || 0) + 1);
    const on = (value) => terms.some((term) => term[0] === field && term[1] === value);
    for (const [name, value] of terms) if (name === field && !counts.has(value)) counts.set(value, 0);
    if (counts.size < 2 && ![...counts.keys()].some(on)) return "";
    const choices = [...counts].sort((one, other) => other[1] - one[1]).slice(0, CHOICES_SHOWN).map(([value, n]) => {
      const others = terms.filter((term) => term[0] !== field || term[1] !== value);
      const inside = [made("span", "", [value.replaceAll("_", " ")]), made("span", "n", [n.toLocaleString("en")])];
      return made("li", "", [anchor(on(value) ? "choice on" : "choice", link(page, on(value) ? others : [...others, [field, value]]), inside)]);
    });
    return made("section", "", [made("h2", "", [label]), made("ul", "", choices)]);
  });
  $("#facets").replaceChildren(...sections);
}

function ordered(rows, sort) {
  const field = sort.replace("-", ""), sign = sort.startsWith("-") ? -1 : 1;
  const value = (row) => row[field] ?? "";
  return sort ? rows.toSorted((one, other) => sign * (value(one) < value(other) ? -1 : value(one) > value(other) ? 1 : 0)) : rows;
}

async function showList(page, query) {
  const terms = [...query], q = query.get("q") || "";
  lastList = location.hash || "#/rollouts";
  list = ordered(all[page].filter((row) => fits(row, terms)), query.get("sort") || "");
  if (q) list = (await Promise.all(list.map(async (row) => ((await holds(KIND[page], row, q)) ? row : null)))).filter(Boolean);
  for (const name of KEPT) $(`#find [name=${name}]`).value = query.get(name) || "";
  $$("#find .only-rollouts").forEach((part) => (part.hidden = page !== "rollouts"));
  facets(page, terms);
  $("#total").textContent = list.length.toLocaleString("en");
  $("#what").textContent = page === "rejected" ? "rejected drafts" : page;
  $("#rows").className = "rows" + (page === "pairs" ? " pairs" : page === "rejected" ? " drafts" : "");
  const chips = terms.filter(([field]) => field !== "sort").map((term) => {
    const name = { from: "at least", to: "at most", q: "holds" }[term[0]] || term[0];
    return anchor("chip", link(page, terms.filter((other) => other !== term)), [made("span", "", [name]), ` ${term[1]} ×`]);
  });
  $("#chips").replaceChildren(...chips, chips.length ? anchor("", link(page, []), ["clear all"]) : "");
  $("#rows").replaceChildren();
  shown = 0;
  here = -1;
  more();
}

function more() {
  const template = document.createElement("template");
  template.innerHTML = list.slice(shown, shown + SHOWN).map((row) => row.html).join("");
  const rows = [...template.content.querySelectorAll(".row")];
  rows.forEach((row, at) => { const one = list[shown + at], other = list[shown + at - 1]; row.classList.toggle("same", Boolean(one.scenario && other) && one.scenario === other.scenario && one.run === other.run); });
  $("#rows").append(...rows);
  shown += SHOWN;
  $("#more-line").hidden = shown >= list.length;
  showPicked();
}

async function showOne(kind, query) {
  const page = Object.keys(KIND).find((name) => KIND[name] === kind);
  if (!list.length) list = all[page];
  const row = found(page, query.getAll("run").at(-1), query.get("at"));
  const place = $("#page-one");
  if (!row) { place.textContent = "This one is not in the sample that the file holds."; return; }
  place.innerHTML = await fragment(kind, row);
  const scenario = $("#scenario-place", place);
  if (scenario && row.scenario_chunk !== null) scenario.innerHTML = await fragment("scenario", { ...row, place: row.scenario, chunk: row.scenario_chunk });
  for (const other of $$('a[href^="#/compare?"]', place)) {
    const asked = new URLSearchParams(other.hash.split("?")[1]);
    if (!found("rollouts", asked.get("run"), asked.get("at")) || !found("rollouts", asked.get("run2"), asked.get("at2"))) other.parentElement.remove();
  }
  const up = $("#up", place), at = list.indexOf(row);
  up.href = lastList;
  up.textContent = `← ${at < 0 ? "the list" : `${at + 1} of ${list.length}`}`;
  for (const [id, words, other] of [["before", "previous ", list[at - 1]], ["after", "next ", list[at + 1]]]) {
    $(`#${id}`, place)?.remove();
    if (at < 0 || !other) continue;
    const go = anchor("", link(kind, [["run", other.run], ["at", other.place]]), [words, made("kbd", "", [id === "before" ? "k" : "j"])]);
    go.id = id;
    up.parentElement.append(go);
  }
  setApart();
  paleKnown();
}

async function showBeside(query) {
  const rows = ["", "2"].map((number) => found("rollouts", query.get(`run${number}`), query.get(`at${number}`)));
  const place = $("#page-one");
  if (!rows[0] || !rows[1]) { place.textContent = "One of the two is not in the sample that the file holds."; return; }
  place.innerHTML = '<nav class="crumbs"><a id="up">← the list</a></nav><div id="sides"></div>';
  $("#up").href = lastList;
  $("#sides").innerHTML = (await Promise.all(rows.map((row) => fragment("rollout", row)))).join("");
  $$("#sides .turn").forEach((turn) => turn.removeAttribute("href"));
  setApart();
}

async function route() {
  all = all || (await inflate($("#data").textContent));
  const [page, query] = address(), many = page in KIND, one = page === "compare" || Object.values(KIND).includes(page);
  if (!one && !many && page && page !== "overview") return;
  $("#page-overview").hidden = one || many;
  $("#page-list").hidden = !many;
  $("#page-one").hidden = !one;
  if (many) await showList(page, query);
  else if (page === "compare") await showBeside(query);
  else if (one) await showOne(page, query);
  const top = { compare: "rollouts", rollout: "rollouts", pair: "pairs", draft: "rejected" }[page] || page || "overview";
  for (const each of $$(".top nav a")) if (each.getAttribute("href") === `#/${top}`) each.setAttribute("aria-current", "page"); else each.removeAttribute("aria-current");
  scrollTo(0, 0);
  if (page === "rollout") highlight(lastList.split("?")[1]);
}

KEYS["/"] = () => { if ($("#page-list").hidden) location.hash = "#/rollouts"; setTimeout(() => $("#search").focus(), 60); };
KEYS.j = () => ($("#page-list").hidden ? follow("after") : stand(here + 1));
KEYS.k = () => ($("#page-list").hidden ? follow("before") : stand(here < 0 ? 0 : here - 1));
KEYS.e = () => {};
addEventListener("hashchange", route);
document.addEventListener("submit", (event) => {
  if (event.target.id !== "find") return;
  event.preventDefault();
  const [page, query] = address(), kept = [...query].filter(([field]) => !KEPT.includes(field));
  const given = [...new FormData(event.target)].filter(([, value]) => value);
  location.hash = link(page, [...kept, ...given]);
});
document.addEventListener("click", (event) => {
  if (event.target.id === "more") more();
  const within = event.target.closest('a[href^="#"]:not([href^="#/"], .skip)');
  if (!within) return;
  event.preventDefault();
  const there = document.getElementById(within.hash.slice(1));
  $$(".step.here").forEach((each) => each.classList.remove("here"));
  if (there?.matches(".step")) there.classList.add("here");
  there?.scrollIntoView({ block: there.matches(".step") ? "center" : "start" });
});
route();
