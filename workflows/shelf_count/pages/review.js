const data = JSON.parse(byId("data").textContent);
const { products, queue } = data;
const done = new Set();
const ZOOMS = [1, 1.5, 2, 3, 4];
const FEW = 12; // products that are shown on every shelf
const MOST_OTHERS = 30;
let place = -1; // in the queue
let picture = null;
let steps = []; // what was done on this picture and not saved, so that it can be taken back
let adding = null; // the product that a dragged box will be
let zoom = 0;
let own = []; // the products of this shelf, in the order of their keys
let asked = 0; // of the counts asked for, the last; earlier answers that come later are not shown

async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The review has ended, or its program is gone. What was saved is kept. To go on: askmask review");
  }
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error);
  return told;
}

/** Go on only once: a second press while the first is under way would save a picture that nobody has seen. */
let going = false;
function once(work) {
  return async (...given) => {
    if (going) return;
    going = true;
    try {
      await work(...given);
    } finally {
      going = false;
    }
  };
}

/** Run what a hand asked for; say what went wrong where the hand is. */
function act(work) {
  return async (...given) => {
    try {
      byId("error").textContent = "";
      await work(...given);
    } catch (error) {
      byId("error").textContent = error.message;
    }
  };
}

// The picture.
async function open(next) {
  const coming = await ask(`pictures/${next}`);
  [place, picture, steps, zoom] = [next, coming, [], 0];
  picture.added = picture.added.map((one) => ({ ...one }));
  const waiting = queue[place];
  byId("name").textContent = lastPart(waiting.picture);
  byId("name").title = waiting.picture;
  byId("place").textContent = [waiting.store, waiting.shelf].filter(Boolean).join(" · ");
  byId("why").replaceChildren(...waiting.why.map((text) => make("li", {}, text.charAt(0).toUpperCase() + text.slice(1))));
  byId("photo").src = `previews/${place}`;
  byId("photo").alt = lastPart(waiting.picture);
  byId("photo").onerror = () => { byId("error").textContent = "The picture cannot be opened any more; its boxes can still be put right."; };
  byId("boxes").setAttribute("viewBox", `0 0 ${picture.width} ${picture.height}`);
  byId("photo").setAttribute("width", picture.width);
  byId("photo").setAttribute("height", picture.height);
  byId("scroll").scrollTo(0, 0);
  arm(null);
  resize();
  showNumbers(picture);
  showProgress();
}

function resize() {
  if (!picture) return;
  const box = byId("scroll");
  const style = getComputedStyle(box);
  const wide = box.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const high = matchMedia("(max-width: 52rem)").matches ? innerHeight * 0.7 : box.clientHeight - parseFloat(style.paddingBottom);
  const fit = Math.min(wide, (high * picture.width) / picture.height);
  byId("sheet").style.width = Math.round(fit * ZOOMS[zoom]) + "px";
  byId("smaller").disabled = zoom === 0;
  byId("larger").disabled = zoom === ZOOMS.length - 1;
  showBoxes();
}

/** Everything on the picture that can be clicked, the smallest last, so that it lies on top. */
function things() {
  const seen = picture.objects.map((object, index) => ({ kind: object.counted ? "seen" : "near", index, ...object }));
  const taken = new Set(picture.added.map((one) => one.box.join()));
  const own = picture.added.map((one, index) => ({ kind: "added", index, ...one }));
  const area = ({ box: [x0, y0, x1, y1] }) => (x1 - x0) * (y1 - y0);
  return [...seen.filter((one) => one.kind === "seen" || !taken.has(one.box.join())), ...own].sort((a, b) => area(b) - area(a));
}

function showBoxes() {
  const unit = picture.width / byId("sheet").clientWidth; // pixels of the picture in one of the page
  const size = 13 * unit;
  const numbers = {};
  // Who goes by keyboard stays where they were; after a click Enter is for saving, not for the box.
  const focused = document.activeElement?.matches(".thing:focus-visible") && document.activeElement.dataset.key;
  const all = things();
  const reading = [...all].filter((one) => one.kind !== "near" && !one.removed).sort((a, b) => a.product - b.product || (a.row ?? 99) - (b.row ?? 99) || a.box[0] - b.box[0]);
  const number = new Map(reading.map((one) => [one, (numbers[one.product] = (numbers[one.product] || 0) + 1)]));
  byId("boxes").replaceChildren(...all.map((one) => {
    const [x, y, x1, y1] = one.box;
    const frame = { x, y, width: x1 - x, height: y1 - y, rx: 3 * unit };
    const state = one.kind === "seen" ? (one.removed ? "gone" : "") : one.kind;
    const name = one.product < 0 ? "unknown" : products[one.product][1];
    const told = { "": "counted; press to take it out", gone: "taken out; press to count it again", near: "not counted; press to count it", added: "added; press to take it out" }[state];
    return make("g", { class: "thing " + state, tabindex: "0", role: "button", "aria-label": `${name}, ${told}`, "data-key": one.kind + one.index, style: {}, onclick: () => toggle(one), onkeydown: (event) => { if (event.key === " " || event.key === "Enter") { event.preventDefault(); event.stopPropagation(); toggle(one); } } },
      make("rect", { class: "edge", ...frame }), make("rect", { class: "line", ...frame }),
      make("line", { x1: x, y1: y, x2: x1, y2: y1 }), make("line", { x1: x, y1: y1, x2: x1, y2: y }),
      number.has(one) ? make("text", { x: x + 5 * unit, y: y + size * 1.1, "font-size": size, "stroke-width": 3 * unit }, String(number.get(one))) : "");
  }));
  all.forEach((one, index) => byId("boxes").children[index].style.setProperty("--colour", one.product < 0 ? "#fff" : products[one.product][2]));
  if (focused) byId("boxes").querySelector(`[data-key="${focused}"]`)?.focus();
}

// Putting right.
function toggle(one) {
  if (adding !== null) return;
  if (one.kind === "seen") {
    const object = picture.objects[one.index];
    object.removed = !object.removed;
    step(() => { object.removed = !object.removed; });
  } else if (one.kind === "near") {
    const added = { product: one.product, box: one.box };
    picture.added.push(added);
    step(() => { picture.added.splice(picture.added.indexOf(added), 1); });
  } else {
    const [added] = picture.added.splice(one.index, 1);
    step(() => picture.added.push(added));
  }
}

const step = act(async (back) => {
  if (back) steps.push(back);
  showBoxes();
  showSave();
  const mine = ++asked;
  const numbers = await ask(`numbers/${place}`, correction());
  if (mine === asked) showNumbers(numbers);
});

function correction() {
  const named = (one) => [products[one.product][0], one.box];
  const removed = picture.objects.filter((one) => one.counted && one.removed && one.product >= 0).map(named);
  return { removed, added: picture.added.filter((one) => one.product >= 0).map(named), confirmed: true };
}

function arm(product) {
  adding = product;
  byId("sheet").classList.toggle("adding", product !== null);
  document.querySelectorAll(".add").forEach((button) => button.setAttribute("aria-pressed", String(Number(button.dataset.product) === product)));
  byId("hint").textContent = product === null ? "Click a box that is wrong, or a dashed one that counts." : `Drag a box round each one that was missed: ${products[product][1]}. Esc ends.`;
}

function at(event) {
  const frame = byId("sheet").getBoundingClientRect();
  const share = (value, low, size, most) => Math.min(most, Math.max(0, ((value - low) / size) * most));
  return [share(event.clientX, frame.left, frame.width, picture.width), share(event.clientY, frame.top, frame.height, picture.height)];
}

function drag(event) {
  if (adding === null || event.button !== 0) return;
  event.preventDefault();
  const svg = byId("boxes");
  const [x, y] = at(event);
  const draft = make("rect", { class: "draft", x, y, width: 0, height: 0 });
  let box = null;
  const move = (moved) => {
    const [u, v] = at(moved);
    box = [Math.min(x, u), Math.min(y, v), Math.max(x, u), Math.max(y, v)];
    for (const [name, value] of Object.entries({ x: box[0], y: box[1], width: box[2] - box[0], height: box[3] - box[1] })) draft.setAttribute(name, value);
  };
  const up = () => {
    svg.removeEventListener("pointermove", move);
    draft.remove();
    const least = (5 * picture.width) / byId("sheet").clientWidth; // a slip of the hand is no box
    if (!box || box[2] - box[0] < least || box[3] - box[1] < least) return;
    const added = { product: adding, box };
    picture.added.push(added);
    step(() => { picture.added.splice(picture.added.indexOf(added), 1); });
  };
  svg.append(draft);
  svg.setPointerCapture(event.pointerId);
  svg.addEventListener("pointermove", move);
  svg.addEventListener("pointerup", up, { once: true });
}

// What it comes to.
function showNumbers({ counts, findings }) {
  const here = new Set([...counts, ...picture.added].map((one) => one.product));
  own = products.length <= FEW || !here.size ? [...products.keys()] : [...products.keys()].filter((product) => here.has(product));
  byId("products").replaceChildren(...own.map((product, index) => line(product, counts, index)));
  byId("others").hidden = own.length === products.length;
  byId("others-number").textContent = `Other products (${shown(products.length - own.length)})`;
  if (byId("others").open) showOthers();
  byId("findings").replaceChildren(...findings.map((finding) => make("li", {}, make("span", { class: "chip " + finding.kind }, finding.title), make("span", {}, finding.product < 0 || finding.kind === "gap" ? "" : products[finding.product][1] + ": ", finding.text))));
  showSave();
}

/** A product with its counts, and the way to add one of it. */
function line(product, counts, index) {
  const [sku, name, colour] = products[product];
  const mine = counts.filter((count) => count.product === product);
  const whole = mine.find((count) => count.row === 0);
  const rows = mine.filter((count) => count.row).map((count) => `row ${count.row}: ${shown(count.n)}`).join(" · ");
  return make("li", { "data-sku": sku },
    make("span", { class: "dot", style: { background: colour } }), make("span", {}, name),
    make("span", { class: "n" }, whole ? shown(whole.n) : "–"),
    make("button", { class: "button add", type: "button", "data-product": product, "aria-pressed": String(adding === product), "aria-label": `Add ${name}`, onclick: () => arm(adding === product ? null : product) }, "Add", index < 9 ? make("kbd", {}, String(index + 1)) : ""),
    rows ? make("span", { class: "rows number" }, rows) : "");
}

/** Products that do not belong on this shelf and may stand there all the same. */
function showOthers() {
  const words = byId("find").value.trim().toLowerCase();
  const fitting = [...products.keys()].filter((product) => !own.includes(product) && products[product].slice(0, 2).join(" ").toLowerCase().includes(words));
  byId("other-products").replaceChildren(...fitting.slice(0, MOST_OTHERS).map((product) => line(product, [], 9)));
}

function showSave() {
  const changed = picture.added.length || picture.objects.some((one) => one.removed);
  byId("save").replaceChildren(changed ? "Save and next" : "All right, next", make("kbd", {}, "Enter"));
}

function showProgress() {
  byId("progress").textContent = `${shown(done.size)} of ${shown(queue.length)} done`;
  byId("track").style.width = (queue.length ? (100 * done.size) / queue.length : 100) + "%";
}

// Going on.
const save = once(act(async () => {
  if (!picture) return;
  await ask(`corrections/${place}`, correction());
  steps = [];
  done.add(place);
  await next();
}));

const skip = once(act(async () => { if (picture) await next(); }));

async function next() {
  showProgress();
  for (let ahead = 1; ahead <= queue.length; ahead += 1) {
    const candidate = (place + ahead) % queue.length;
    if (!done.has(candidate) && candidate !== place) return open(candidate);
  }
  if (place >= 0 && !done.has(place)) byId("hint").textContent = "This is the only one left.";
  else finished("Nothing is left to review", queue.length ? "All of it is saved. End the review to have the tables and the report made anew." : "There is no doubtful picture in this run.");
}

const undo = once(act(async () => {
  if (steps.length) {
    steps.pop()();
    return step(null);
  }
  const { place: back } = await ask("undo", {});
  if (back === null) {
    byId("hint").textContent = "Nothing to take back.";
    return;
  }
  done.delete(back);
  byId("work").hidden = false;
  byId("done").hidden = true;
  byId("end").hidden = false;
  await open(back);
}));

const end = act(async () => {
  if (steps.length && !confirm("What you changed on this picture is not saved. End all the same?")) return;
  steps = [];
  await ask("end", {});
  finished("The review has ended", "Everything you saved is kept. The tables and the report are being made anew; you can close this page.", true);
});

function finished(title, text, ended = false) {
  picture = null;
  byId("work").hidden = true;
  byId("done").hidden = false;
  byId("done-title").textContent = title;
  byId("done-text").textContent = text;
  byId("end").hidden = true;
  byId("name").textContent = data.list;
  byId("place").textContent = "";
  byId("done-actions").replaceChildren(...(ended ? [] : [make("button", { class: "button main", type: "button", onclick: end }, "End review"), make("button", { class: "button", type: "button", onclick: undo }, "Undo ", make("kbd", {}, "Z"))]));
  byId("done-title").focus();
}

byId("save").addEventListener("click", save);
byId("skip").addEventListener("click", skip);
byId("undo").addEventListener("click", undo);
byId("end").addEventListener("click", end);
byId("boxes").addEventListener("pointerdown", drag);
const zoomBy = (more) => () => { zoom = Math.min(ZOOMS.length - 1, Math.max(0, zoom + more)); resize(); };
byId("larger").addEventListener("click", zoomBy(1));
byId("smaller").addEventListener("click", zoomBy(-1));
byId("others").addEventListener("toggle", showOthers);
byId("find").addEventListener("input", showOthers);
addEventListener("resize", resize);
addEventListener("beforeunload", (event) => { if (steps.length) event.preventDefault(); });
addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") { event.preventDefault(); return undo(); }
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.matches("input")) return;
  const key = event.key.toLowerCase();
  if (key === "z") return undo();
  if (!picture) return;
  if (key === "enter" && !event.target.closest("button, summary")) save();
  else if (key === "s") skip();
  else if (key === "escape") arm(null);
  else if (key === "+" || key === "=") zoomBy(1)();
  else if (key === "-") zoomBy(-1)();
  else if (/^[1-9]$/.test(key) && Number(key) <= own.length) arm(adding === own[Number(key) - 1] ? null : own[Number(key) - 1]);
});
act(next)();
