// One file: lists and sessions are unpacked and shown as the part of the address after # says.
const inflate = async (text) => {
  const bytes = Uint8Array.from(atob(text.trim()), (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(stream).text());
};
const SHOWN = 200;
const packs = $$(".chunk"), unpacked = new Map();
let all = null, list = [], shown = 0, lastList = "#/rollouts";

async function fragment(kind, row) {
  if (!unpacked.has(row.chunk)) unpacked.set(row.chunk, await inflate(packs[row.chunk].textContent));
  return unpacked.get(row.chunk)[`${kind} ${row.run} ${row.place}`];
}
const KIND = { rollouts: "rollout", pairs: "pair", rejected: "draft" };

function fits(row, terms) {
  const by = new Map();
  for (const [field, value] of terms) if (!["q", "sort", "offset"].includes(field)) by.set(field, [...(by.get(field) || []), value]);
  for (const [field, values] of by) {
    if (field === "axis") {
      const axes = new Map();
      for (const value of values) { const axis = value.split("=")[0]; axes.set(axis, [...(axes.get(axis) || []), value]); }
      for (const wanted of axes.values()) if (!wanted.some((value) => row.axis.includes(value))) return false;
    } else if (field === "has" || field === "lacks") {
      if (!values.every((mark) => row[field].includes(mark))) return false;
    } else if (field === "from" || field === "to") {
      const limit = Number(values.at(-1));
      if (field === "from" ? row.actions < limit : row.actions > limit) return false;
    } else if (field === "note") {
      if (!values.some((value) => (value === "any" ? row.note : value === "none" ? !row.note : row.note === value))) return false;
    } else if (Array.isArray(row[field])) {
      if (!values.some((value) => row[field].includes(value))) return false;
    } else if (!values.includes(String(row[field]))) return false;
  }
  return true;
}

const words = (html) => html.replace(/<[^>]*>/g, "").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&#39;/g, "'").replace(/&#34;/g, '"').replace(/&amp;/g, "&").toLowerCase();

async function showList(page, query) {
  const terms = [...new URLSearchParams(query)], q = new URLSearchParams(query).get("q") || "";
  lastList = `#/${page}${query ? "?" + query : ""}`;
  list = all[page].filter((row) => fits(row, terms));
  if (q) {
    const kept = [];
    for (const row of list) if (words(await fragment(KIND[page], row)).includes(q.toLowerCase())) kept.push(row);
    list = kept;
  }
  $("#search").value = q;
  $("#total").textContent = list.length.toLocaleString("en");
  $("#what").textContent = page === "rejected" ? "rejected drafts" : page;
  $("#rows").className = "rows" + (page === "pairs" ? " pairs" : page === "rejected" ? " drafts" : "");
  const chips = $("#chips");
  chips.replaceChildren(...terms.map(([field, value], at) => {
    const link = document.createElement("a");
    link.className = "chip";
    link.href = `#/${page}?${new URLSearchParams(terms.filter((_, other) => other !== at))}`;
    link.textContent = `${field} ${value} ×`;
    return link;
  }));
  $("#rows").replaceChildren();
  shown = 0;
  here = -1;
  more();
}

function more() {
  const template = document.createElement("template");
  template.innerHTML = list.slice(shown, shown + SHOWN).map((row) => row.html).join("");
  $("#rows").append(...template.content.querySelectorAll(".row"));
  shown += SHOWN;
  $("#more-line").hidden = shown >= list.length;
  showPicked();
}

async function showOne(kind, query) {
  const asked = new URLSearchParams(query), page = Object.keys(KIND).find((name) => KIND[name] === kind);
  if (!list.length) list = all[page];
  const row = all[page].find((each) => each.run === asked.getAll("run").at(-1) && each.place === asked.get("at"));
  const place = $("#page-one");
  if (!row) { place.textContent = "This one is not in the sample that the file holds."; return; }
  place.innerHTML = await fragment(kind, row);
  const scenario = $("#scenario-place", place);
  if (scenario && row.scenario_chunk !== null) scenario.innerHTML = await fragment("scenario", { ...row, place: row.scenario, chunk: row.scenario_chunk });
  const up = $("#up", place), at = list.indexOf(row);
  if (up) { up.href = lastList; up.textContent = `← ${at < 0 ? "the list" : `${at + 1} of ${list.length}`}`; }
  for (const [id, other] of [["before", list[at - 1]], ["after", list[at + 1]]]) {
    $(`#${id}`, place)?.remove();
    if (at < 0 || !other) continue;
    const link = document.createElement("a");
    link.id = id;
    link.href = `#/${kind}?${new URLSearchParams({ run: other.run, at: other.place })}`;
    link.textContent = id === "before" ? "previous (k)" : "next (j)";
    up?.parentElement.append(link);
  }
}

async function route() {
  all = all || (await inflate($("#data").textContent));
  const [page, query = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const one = Object.values(KIND).includes(page), many = page in KIND;
  if (!one && !many && page && page !== "overview") return;
  $("#page-overview").hidden = one || many;
  $("#page-list").hidden = !many;
  $("#page-one").hidden = !one;
  if (many) await showList(page, query);
  if (one) await showOne(page, query);
  for (const link of $$(".top nav a")) {
    const current = link.getAttribute("href") === `#/${one ? Object.keys(KIND).find((name) => KIND[name] === page) : page || "overview"}`;
    if (current) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  scrollTo(0, 0);
}

KEYS["/"] = () => { if ($("#page-list").hidden) location.hash = "#/rollouts"; setTimeout(() => $("#search").focus(), 60); };
KEYS.j = () => ($("#page-list").hidden ? follow("after") : stand(here + 1));
KEYS.k = () => ($("#page-list").hidden ? follow("before") : stand(here < 0 ? 0 : here - 1));
KEYS.c = KEYS.x = KEYS.e = () => {};
addEventListener("hashchange", route);
document.addEventListener("submit", (event) => {
  if (event.target.id !== "find") return;
  event.preventDefault();
  const [page, query = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s), terms = new URLSearchParams(query);
  if ($("#search").value) terms.set("q", $("#search").value); else terms.delete("q");
  location.hash = `#/${page}?${terms}`;
});
document.addEventListener("click", (event) => { if (event.target.id === "more") more(); });
route();
