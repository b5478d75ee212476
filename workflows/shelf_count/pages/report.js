const data = JSON.parse(byId("data").textContent);
const { products, kinds, whys, wants, drawings } = data;
// What `report_data.ReportData.picture` lists, by name.
const [ADDRESS, LINK, STORE, SHELF, TIME, ERROR, SAME, DOUBT, REVIEW, CORRECTED, WHYS, COUNTS, FINDINGS, WANTED, UNKNOWN] =
  Array(15).keys();
const all = data.pictures.map((picture, place) => ({ picture, place, words: null }));
const FIRST = 12;
const room = {}; // how many lines of each section are shown

const productName = (place) => (place < 0 ? "" : products[place][1]);
const dot = (place) => make("span", { class: "dot", style: { background: products[place][2] }, "aria-hidden": "true" });
const spread = (count) => (count[6] ? "or more" : count[3] === count[4] ? "" : `${shown(count[3])} to ${shown(count[4])}`);

function words(one) {
  if (one.words === null) {
    const p = one.picture;
    const named = p[COUNTS].map((count) => productName(count[0]) + " " + products[count[0]][0]);
    const why = p[WHYS].map((place) => whys[place]);
    const found = p[FINDINGS].map((finding) => finding[3]);
    one.words = [p[ADDRESS], p[STORE], p[SHELF], p[TIME], p[ERROR], ...named, ...why, ...found].join("\n").toLowerCase();
  }
  return one.words;
}

// Filters. They stand in the address too, so that a view can be passed on.
const FIELDS = ["text", "store", "shelf", "product", "kind", "review", "errors"];
const field = (id) => (byId(id).type === "checkbox" ? byId(id).checked : byId(id).value);

function choices(id, everything, options) {
  byId(id).replaceChildren(make("option", { value: "" }, everything), ...options.map(([value, name]) => make("option", { value }, name)));
}

function distinct(column, among) {
  const values = new Set(among.map((one) => one.picture[column]).filter(Boolean));
  return [...values].sort(new Intl.Collator("en", { numeric: true }).compare).map((value) => [value, value]);
}

function shelvesOf(store) {
  const before = byId("shelf").value;
  choices("shelf", "All shelves", distinct(SHELF, store ? all.filter((one) => one.picture[STORE] === store) : all));
  byId("shelf").value = before;
  if (byId("shelf").selectedIndex < 0) byId("shelf").value = "";
}

function visible() {
  const wanted = Object.fromEntries(FIELDS.map((id) => [id, field(id)]));
  const text = wanted.text.toLowerCase().split(/\s+/).filter(Boolean);
  const product = wanted.product === "" ? null : Number(wanted.product);
  const kind = wanted.kind === "" || wanted.kind === "any" ? null : kinds.findIndex(([name]) => name === wanted.kind);
  const differs = (finding) => (kind === null || finding[0] === kind) && (product === null || finding[1] === product);
  return all.filter((one) => {
    const p = one.picture;
    if (wanted.store && p[STORE] !== wanted.store) return false;
    if (wanted.shelf && p[SHELF] !== wanted.shelf) return false;
    if (wanted.review && !p[REVIEW]) return false;
    if (wanted.errors && !p[ERROR]) return false;
    if (wanted.kind && !p[FINDINGS].some(differs)) return false;
    if (product !== null && !p[COUNTS].some((c) => c[0] === product && (c[2] || c[7])) && !p[FINDINGS].some(differs)) return false;
    return text.every((word) => words(one).includes(word));
  });
}

function remember() {
  const told = new URLSearchParams();
  for (const id of FIELDS) if (field(id)) told.set(id, field(id) === true ? "1" : field(id));
  history.replaceState(null, "", told.size ? "#" + told : location.pathname + location.search);
}

function recall() {
  const told = new URLSearchParams(location.hash.slice(1));
  byId("store").value = told.get("store") || "";
  shelvesOf(field("store"));
  for (const id of FIELDS) {
    if (byId(id).type === "checkbox") byId(id).checked = told.has(id);
    else byId(id).value = told.get(id) || "";
    if (byId(id).tagName === "SELECT" && byId(id).selectedIndex < 0) byId(id).value = "";
  }
}

// Parts that several sections share.
function link(one, text) {
  const p = one.picture;
  const name = text || lastPart(p[ADDRESS]);
  return p[LINK] ? make("a", { href: p[LINK], target: "_blank", rel: "noopener noreferrer", title: p[ADDRESS] }, name) : make("span", { title: p[ADDRESS] }, name);
}

function where(one) {
  const p = one.picture;
  return make("span", { class: "soft small place" }, [p[STORE], p[SHELF], p[TIME]].filter(Boolean).join(" · "));
}

const chip = (kind, text) => make("span", { class: "chip " + kind }, text);

function table(section, heads, lines, toRow, none) {
  const body = byId(section + "-body");
  const most = room[section] || FIRST;
  if (!lines.length) {
    body.replaceChildren(make("div", { class: "panel none" }, none));
    return;
  }
  const head = make("tr", {}, heads.map((text) => make("th", { scope: "col", class: text.startsWith(">") ? "right" : null }, text.replace(">", ""))));
  const rows = make("tbody", {}, lines.slice(0, most).map(toRow));
  body.replaceChildren(make("div", { class: "panel" }, make("table", { class: "stack" }, make("thead", {}, head), rows)), more(section, lines.length, most));
}

function more(section, length, most) {
  if (length <= most) return "";
  const further = (step) => () => {
    room[section] = most + step;
    show();
  };
  const step = Math.min(50, length - most);
  return make("div", { class: "more noprint" }, make("button", { class: "button", type: "button", onclick: further(step) }, `Show ${shown(step)} more`), make("span", { class: "soft small" }, `${shown(most)} of ${shown(length)} shown`));
}

// The sections.
function showTiles(seen) {
  const counted = seen.filter((one) => !one.picture[ERROR]);
  const differing = seen.filter((one) => one.picture[FINDINGS].length).length;
  const review = seen.filter((one) => one.picture[REVIEW]).length;
  const corrected = seen.filter((one) => one.picture[CORRECTED]).length;
  const errors = seen.length - counted.length;
  const tile = (number, text, href, tone) => make("li", { class: "tile " + (number ? tone : "") }, make("a", { href }, make("b", {}, shown(number)), make("span", {}, text)));
  byId("tiles").replaceChildren(
    tile(counted.length, counted.length === 1 ? "picture counted" : "pictures counted", "#pictures", ""),
    tile(differing, "with differences", "#differences", "warm"),
    tile(review, "to review", "#queue", "amber"),
    tile(corrected, "seen by a person", "#pictures", ""),
    tile(errors, "not counted", "#unread", "warm"),
  );
}

function totalsOf(seen) {
  const sums = products.map((_, place) => ({ place, pictures: 0, n: 0, low: 0, high: 0, more: false, wanted: false, fewest: 0, most: 0, differing: 0 }));
  for (const { picture: p } of seen) {
    if (p[SAME]) continue;
    for (const [place, row, n, low, high, , saturated] of p[COUNTS]) {
      if (row) continue;
      const sum = sums[place];
      sum.pictures += 1; sum.n += n; sum.low += low; sum.high += high; sum.more ||= Boolean(saturated);
    }
    for (const place of new Set(p[FINDINGS].map((finding) => finding[1]))) if (place >= 0) sums[place].differing += 1;
    for (const [place, fewest, most] of p[WANTED] < 0 ? [] : wants[p[WANTED]]) {
      const sum = sums[place];
      sum.wanted = true; sum.fewest += fewest; sum.most += most < 0 ? Infinity : most;
    }
  }
  return sums;
}

function bar(sum, largest) {
  const share = (number) => Math.min(100, (100 * number) / largest) + "%";
  const parts = [make("i", { style: { width: share(sum.n) } })];
  if (sum.wanted) {
    const most = sum.most === Infinity ? sum.fewest : sum.most;
    parts.push(make("u", { style: { left: `calc(${share(sum.fewest)} - 2px)` } }));
    if (most > sum.fewest) parts.push(make("u", { class: "span", style: { left: share(sum.fewest), width: share(most - sum.fewest) } }));
  }
  return make("span", { class: "meter", "aria-hidden": "true" }, parts);
}

function expectedText(sum) {
  if (!sum.wanted) return "";
  if (sum.most === Infinity) return `at least ${shown(sum.fewest)}`;
  return sum.fewest === sum.most ? shown(sum.fewest) : `${shown(sum.fewest)} to ${shown(sum.most)}`;
}

function showTotals(seen) {
  const chosen = field("product") === "" ? null : Number(field("product"));
  const sums = totalsOf(seen).filter((sum) => (chosen === null || sum.place === chosen) && (sum.pictures || sum.wanted));
  const largest = Math.max(1, ...sums.map((sum) => Math.max(sum.n, sum.most === Infinity ? sum.fewest : sum.most)));
  const twice = seen.filter((one) => one.picture[SAME]).length;
  byId("totals-note").textContent = twice ? `${plural(twice, "picture is", "pictures are")} the same file as another, and counted once` : "";
  room.totals ||= 100;
  table("totals", ["Product", ">Found", "Between", ">Expected", "Found, and expected as a mark", ">Pictures that differ"], sums, (sum) =>
    make("tr", {},
      make("td", { class: "name" }, dot(sum.place), productName(sum.place)),
      make("td", { class: "right strong", "data-label": "Found" }, shown(sum.n)),
      make("td", { class: "soft number", "data-label": "Between" }, sum.more ? `${shown(sum.low)} or more` : sum.low === sum.high ? "" : `${shown(sum.low)} and ${shown(sum.high)}`),
      make("td", { class: "right", "data-label": "Expected" }, expectedText(sum)),
      make("td", {}, bar(sum, largest)),
      make("td", { class: "right", "data-label": "Pictures that differ" }, sum.differing ? shown(sum.differing) : "")), "Nothing was counted here.");
}

function showDifferences(seen) {
  const product = field("product") === "" ? null : Number(field("product"));
  const kind = field("kind");
  const lines = [];
  for (const one of seen) for (const finding of one.picture[FINDINGS]) {
    if ((product === null || finding[1] === product) && (!kind || kind === "any" || kinds[finding[0]][0] === kind)) lines.push({ one, finding });
  }
  lines.sort((a, b) => b.finding[4] - a.finding[4] || a.one.place - b.one.place);
  byId("differences-note").textContent = lines.length ? plural(lines.length, "difference", "differences") + ", the surest first" : "";
  table("differences", ["", "Product", "What", "Picture", ">How sure"], lines, ({ one, finding }) =>
    make("tr", {},
      make("td", {}, chip(kinds[finding[0]][0], kinds[finding[0]][1])),
      make("td", { class: "name" }, finding[1] < 0 ? "" : [dot(finding[1]), productName(finding[1])]),
      make("td", {}, sentence(finding[3])),
      make("td", {}, link(one), where(one)),
      make("td", { class: "right", "data-label": "How sure" }, finding[4] + " %")), "No differences here.");
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function doubtful(p) {
  return p[COUNTS].filter((count) => count[1] === 0 && count[7]);
}

function showQueue(seen) {
  const lines = seen.filter((one) => one.picture[REVIEW]).sort((a, b) => b.picture[DOUBT] - a.picture[DOUBT] || a.place - b.place);
  byId("queue-note").textContent = lines.length ? "The most doubtful first. To go through them: askmask review " + data.run : "";
  table("queue", ["Picture", "Why", "Count in doubt", "Doubt"], lines, (one) => {
    const p = one.picture;
    return make("tr", {},
      make("td", {}, link(one), where(one)),
      make("td", {}, make("ul", { class: p[WHYS].length > 1 ? "reasons" : null }, p[WHYS].map((place) => make("li", {}, sentence(whys[place]))))),
      make("td", {}, doubtful(p).map((count) => make("span", { class: "place" }, dot(count[0]), `${productName(count[0])} `, make("b", { class: "number" }, shown(count[2])), make("span", { class: "soft" }, spread(count) ? ` (${spread(count)})` : "")))),
      make("td", { "data-label": "Doubt" }, make("span", { class: "number small" }, `${Math.round(p[DOUBT] / 10)} %`), make("span", { class: "meter amber", "aria-hidden": "true" }, make("i", { style: { width: p[DOUBT] / 10 + "%" } }))));
  }, "Nothing to review here.");
}

function states(p) {
  const chips = [];
  if (p[REVIEW]) chips.push(chip("review", "To review"));
  if (p[CORRECTED] === 1) chips.push(chip("", "Seen"));
  if (p[CORRECTED] === 2) chips.push(chip("", "Corrected"));
  return chips;
}

function legend(one) {
  const p = one.picture;
  const numbers = new Map((drawings[one.place] || [, , , []])[3].map(([place, first, last]) => [place, first === last ? `${first}` : `${first}–${last}`]));
  const whole = p[COUNTS].filter((count) => count[1] === 0);
  const items = whole.map((count) => make("li", {}, dot(count[0]), productName(count[0]), make("b", { class: "number" }, shown(count[2])), make("span", { class: "soft small" }, spread(count) ? `\u00a0(${spread(count)})` : ""), make("span", { class: "soft small" }, numbers.has(count[0]) ? `\u00a0 no. ${numbers.get(count[0])}` : "")));
  const unknown = p[UNKNOWN].map(([place, why]) => make("li", { class: "soft" }, dot(place), `${productName(place)}: the detector ${why}`));
  return make("ul", { class: "legend" }, items, unknown);
}

function findingsOf(p) {
  if (!p[FINDINGS].length) return "";
  return make("ul", { class: "findings" }, p[FINDINGS].slice(0, 6).map((finding) => make("li", {}, chip(kinds[finding[0]][0], kinds[finding[0]][1]), make("span", {}, finding[1] < 0 || finding[0] === 3 ? "" : productName(finding[1]) + ": ", finding[3]))), p[FINDINGS].length > 6 ? make("li", { class: "soft small" }, `and ${p[FINDINGS].length - 6} more`) : "");
}

function card(one) {
  const p = one.picture;
  const [source, width, height] = drawings[one.place];
  const image = make("img", { src: source, width, height, loading: "lazy", decoding: "async", alt: `What was counted on ${lastPart(p[ADDRESS])}` });
  return make("article", { class: "card" },
    make("button", { class: "view", type: "button", "aria-label": `Enlarge ${lastPart(p[ADDRESS])}`, onclick: () => enlarge(one) }, image),
    make("div", { class: "text" },
      make("div", {}, make("div", { class: "title" }, make("h3", {}, link(one)), make("span", {}, states(p))), where(one)),
      legend(one), findingsOf(p),
      p[REVIEW] ? make("ul", { class: "soft small reasons" }, p[WHYS].map((place) => make("li", {}, sentence(whys[place])))) : ""));
}

function byRow(p) {
  const rows = [...new Set(p[COUNTS].map((count) => count[1]))].sort((a, b) => a - b);
  const kept = [...new Set(p[COUNTS].map((count) => count[0]))];
  const at = (place, row) => p[COUNTS].find((count) => count[0] === place && count[1] === row);
  return make("div", { class: "panel" }, make("table", {},
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Product"), rows.map((row) => make("th", { scope: "col", class: "right" }, row ? `Row ${row}` : "All")))),
    make("tbody", {}, kept.map((place) => make("tr", {}, make("td", { class: "name" }, dot(place), productName(place)), rows.map((row) => make("td", { class: "right" + (row ? "" : " strong") }, at(place, row) ? shown(at(place, row)[2]) : "")))))));
}

function enlarge(one) {
  const p = one.picture;
  const [source, width, height] = drawings[one.place];
  byId("large-body").replaceChildren(
    make("img", { src: source, width, height, alt: "" }),
    make("div", { class: "inside" },
      make("div", {}, make("h2", { id: "large-name" }, link(one)), where(one)), legend(one), findingsOf(p), byRow(p),
      make("p", { class: "soft small" }, "Tinted and numbered: counted. Dashed: may be one, not counted. Double line: added by a person. Crossed: taken out by a person. White outline: an empty place. At the left: the number of the row.")));
  byId("large").showModal();
}

function showPictures(seen) {
  const counted = seen.filter((one) => !one.picture[ERROR]);
  const drawn = counted.filter((one) => drawings[one.place]).sort((a, b) => b.picture[DOUBT] - a.picture[DOUBT] || a.place - b.place);
  const plain = counted.filter((one) => !drawings[one.place]);
  byId("pictures-note").textContent = counted.length ? `${shown(drawn.length)} of ${shown(counted.length)} drawn` + (plain.length ? "; the others are listed below" : "") : "";
  const most = room.gallery || 9;
  byId("gallery").replaceChildren(...drawn.slice(0, most).map(card));
  const further = more("gallery", drawn.length, most);
  if (further) byId("gallery").after(further);
  if (!plain.length && drawn.length) return byId("pictures-body").replaceChildren();
  table("pictures", ["Picture", "Counts", "Differences", ""], plain, (one) =>
    make("tr", {}, make("td", {}, link(one), where(one)), make("td", {}, legend(one)), make("td", {}, findingsOf(one.picture)), make("td", {}, states(one.picture), one.picture[SAME] ? make("span", { class: "soft small" }, `Same as ${lastPart(one.picture[SAME])}`) : "")), "No pictures here.");
}

function showUnread(seen) {
  const lines = seen.filter((one) => one.picture[ERROR]);
  byId("unread").hidden = !lines.length;
  byId("unread-note").textContent = plural(lines.length, "picture", "pictures");
  table("unread", ["Picture", "What is wrong"], lines, (one) => make("tr", {}, make("td", {}, link(one), where(one)), make("td", {}, one.picture[ERROR])), "");
}

function show() {
  document.querySelectorAll("#pictures > .more").forEach((old) => old.remove());
  const seen = visible();
  for (const section of [showTiles, showTotals, showDifferences, showQueue, showPictures, showUnread]) section(seen);
  const filtered = FIELDS.some(field);
  byId("clear").disabled = !filtered;
  byId("about").textContent = [data.list, filtered ? `${shown(seen.length)} of ${plural(all.length, "picture", "pictures")}` : plural(all.length, "picture", "pictures"), times()].filter(Boolean).join(" · ");
}

function times() {
  const known = all.map((one) => one.picture[TIME]).filter(Boolean).sort();
  return !known.length ? "" : known[0] === known.at(-1) ? known[0] : `${known[0]} to ${known.at(-1)}`;
}

function changed() {
  for (const section of Object.keys(room)) delete room[section];
  remember();
  show();
}

choices("store", "All stores", distinct(STORE, all));
choices("product", "All products", products.map(([, name], place) => [String(place), name]));
choices("kind", "All pictures", [["any", "Any difference"], ...kinds]);
recall();
let waiting = 0;
byId("filters").addEventListener("input", (event) => {
  clearTimeout(waiting);
  if (event.target.id === "store") shelvesOf(field("store"));
  if (event.target.id === "text") waiting = setTimeout(changed, 120);
  else changed();
});
byId("filters").addEventListener("submit", (event) => event.preventDefault());
byId("filters").addEventListener("reset", () => setTimeout(() => { shelvesOf(""); changed(); }));
byId("print").addEventListener("click", () => window.print());
byId("large").addEventListener("click", (event) => { if (event.target === byId("large")) byId("large").close(); });
byId("notices").replaceChildren(...data.notices.map((text) => make("p", { class: "notice" }, text)));
const looked = [data.models.preset, data.models.detector, data.models.segmenter].filter(Boolean);
byId("foot").textContent = ["Counts hold with the range beside them in 95 of 100 cases. Ranges of totals are the sums of each picture's.", looked.length ? `Models: ${[...new Set(looked)].join(", ")}.` : ""].join(" ");
show();
