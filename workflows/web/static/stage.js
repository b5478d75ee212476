// The picture with what was found on it: hands in, drawings out. Every text is set as text, never as HTML.
// It knows nothing of models or masks: outlines come as paths, and what a hand did goes to the server as it is.
(() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const DOWNLOADS = [
    ["picture", "Picture, as you see it"], ["marked", "Picture with outlines"], ["cut-outs", "Cut-outs"],
    ["masks", "Masks"], ["csv", "Table (CSV)"], ["coco", "COCO"],
  ];
  const ACTIONS = {
    blur: "blur", pixelate: "pixelate", remove: "remove", recolour: "recolour", brighten: "brighten", darken: "darken",
    grayscale: "black and white", highlight: "spotlight", outline: "outline", cut_out: "cut out",
    replace_background: "new background", move: "move", duplicate: "copy",
  };
  const WITH_STRENGTH = ["blur", "pixelate", "recolour", "brighten", "darken", "grayscale", "highlight", "outline"];
  const COLOURED = ["recolour", "outline", "replace_background"];
  const NEAR_PIXELS = 4;  // a hand that slips less than this has clicked

  function made(name, attributes = {}, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...children);
    return node;
  }

  function shape(name, attributes) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  }

  function percent(score) {
    return score === null ? "" : `${Math.round(100 * score)} % sure`;
  }

  function start(element, trigger, props, watch) {
    const find = (selector) => element.querySelector(selector);
    const frame = find(".frame"), canvas = find(".canvas"), drawing = find(".drawing"), pixels = find(".pixels");
    const things = find(".things"), marks = find(".marks"), tip = find(".tip"), trouble = find(".trouble");
    let view = { conversation: "", picture: null, objects: [], pictures: [], counts: [], edits: [], undo: 0, redo: 0 };
    // Chosen: whose parts the next click is about. Told: what the panel below the picture is about, such as the last added.
    let mode = "choose", form = "point", chosen = null, told = null, pins = [], box = null, cross = null, draft = null, waiting = 0;
    let before = false, shown = "";

    // --- to the server -----------------------------------------------------------------------------------

    let slow = null;
    function busy(on, words = "Working") {
      waiting = Math.max(0, waiting + (on ? 1 : -1));
      clearTimeout(slow);
      find(".busy-words").textContent = words;
      if (waiting) slow = setTimeout(() => { find(".busy").hidden = false; }, 250);
      else find(".busy").hidden = true;
    }

    function act(deed) {
      trouble.hidden = true;
      busy(true);
      trigger("act", { conversation: view.conversation, picture: view.picture?.handle ?? null, deed });
    }

    function complain(words) {
      trouble.textContent = words;
      trouble.hidden = false;
    }

    async function post(address, body, headers = {}) {
      const answer = await fetch(address, { method: "POST", body, headers });
      const told = await answer.json().catch(() => ({ error: `The server answered ${answer.status}.` }));
      if (!answer.ok || told.error) throw new Error(told.error ?? `The server answered ${answer.status}.`);
      return told;
    }

    async function open(files) {
      for (const file of files) {
        trouble.hidden = true;
        busy(true, `Opening ${file.name}`);
        try {
          await opened(await post(`pictures?name=${encodeURIComponent(file.name)}`, file, {
            "Content-Type": "application/octet-stream", "X-Askmask-Conversation": view.conversation,
          }));
        } catch (error) {
          complain(error instanceof TypeError ? "The picture could not be sent. Is the server still running?" : error.message);
        } finally {
          busy(false);
        }
      }
    }

    async function opened(told) {
      view.conversation = told.conversation;
      act({ do: "picture", handle: told.handle });
      if (told.notices.length) complain(told.notices.join(" · "));
    }

    async function example({ number, request }) {
      busy(true, "Drawing the example");
      try {
        await opened(await post(`examples/${number}`, "", { "X-Askmask-Conversation": view.conversation }));
        suggest(request);
      } catch (error) {
        complain(error.message);
      } finally {
        busy(false);
      }
    }

    function suggest(words) {  // for the person to send, or not
      const input = document.querySelector("#askmask-words textarea, #askmask-words input");
      input.value = words;
      input.dispatchEvent(new Event("input", { bubbles: true }));
      input.focus();
    }

    // --- drawing -----------------------------------------------------------------------------------------

    function draw(next) {
      const other = view.picture?.handle !== next.picture?.handle || view.conversation !== next.conversation;
      view = next;
      waiting = 0;
      busy(false);
      const known = (handle) => (view.objects.some((one) => one.handle === handle) ? handle : null);
      if (other) { box = null; pins = []; chosen = null; cross = null; }
      chosen = known(chosen);
      told = chosen ?? known(next.focus);
      frame.classList.toggle("blank", !view.picture);
      trouble.hidden = !view.trouble;
      trouble.textContent = view.trouble ?? "";
      find(".sentence").textContent = view.said ?? "";
      drawPicture(); drawThings(); drawChosen(); drawFound(); drawEdits(); drawPictures(); drawMarks();
      find('[data-do="undo"]').disabled = !view.undo;
      find('[data-do="redo"]').disabled = !view.redo;
      find(".take").hidden = find(".change").hidden = !view.picture;
      if (view.conversation) find(".link").value = new URL(`?c=${view.conversation}`, location.href).href;
      element.dispatchEvent(new CustomEvent("askmask-drawn", { bubbles: true }));
    }

    function drawPicture() {
      const picture = view.picture;
      if (!picture) { canvas.setAttribute("aria-label", "No picture yet"); shown = ""; pixels.removeAttribute("href"); return; }
      const source = before ? picture.original : picture.url;
      frame.classList.toggle("edited", view.edits.length > 0 && !before);
      if (source !== shown) bring(source);
      pixels.setAttribute("width", picture.width);
      pixels.setAttribute("height", picture.height);
      box ??= [0, 0, picture.width, picture.height];
      drawing.setAttribute("viewBox", box.join(" "));
      const marked = view.objects.filter((one) => one.marked).length;
      canvas.setAttribute("aria-label", `${picture.name}, ${marked} marked. Click, or move the cross with the arrow keys.`);
    }

    // The picture before stays until the next one has come.
    function bring(source) {
      shown = source;
      frame.setAttribute("aria-busy", "true");
      const coming = new Image();
      const slowly = setTimeout(() => { find(".busy-words").textContent = "Drawing"; find(".busy").hidden = false; }, 250);
      const over = () => {
        clearTimeout(slowly);
        if (shown !== source) return;
        frame.removeAttribute("aria-busy");
        if (!waiting) find(".busy").hidden = true;
      };
      coming.onload = () => { if (shown === source) pixels.setAttribute("href", source); over(); };
      coming.onerror = () => { over(); if (shown === source) complain("The picture could not be drawn. Undo the last change, or reload the page."); };
      coming.src = source;
    }

    const scale = () => {  // picture pixels of one pixel on the screen
      const matrix = drawing.getScreenCTM();
      return matrix ? 1 / matrix.a : 1;
    };

    function drawThings() {
      things.replaceChildren();
      const step = scale();
      // The smaller ones on top, so that each can be clicked.
      const area = (one) => (one.box[2] - one.box[0]) * (one.box[3] - one.box[1]);
      for (const one of [...view.objects].sort((a, b) => area(b) - area(a))) {
        const name = ["thing", one.marked ? "" : "unmarked", one.handle === chosen ? "chosen" : ""].join(" ").trim();
        const group = shape("g", { class: name, "data-handle": one.handle });
        const [x0, y0, x1, y1] = one.box;
        const path = one.path || `M${x0} ${y0}H${x1}V${y1}H${x0}Z`;
        group.append(
          shape("path", { class: "tint", d: path, fill: one.colour }),
          shape("path", { class: "dark", d: path }),
          shape("path", { class: "rim", d: path, stroke: one.colour }),
        );
        things.append(group);
      }
      for (const one of view.objects.filter((each) => each.marked)) {
        const side = Math.min(one.box[2] - one.box[0], one.box[3] - one.box[1]) / step;
        const size = Math.max(9, Math.min(13, 0.42 * side)) * step;
        const width = size * (0.75 + 0.62 * one.number.length);
        const [x, y] = one.at;
        const pill = shape("g", { class: "thing-number", "pointer-events": "none" });
        const words = shape("text", { class: "pill-words", x, y, style: `font-size:${size}px` });
        words.textContent = one.number;
        pill.append(shape("rect", { class: "pill", x: x - width / 2, y: y - 0.7 * size, width, height: 1.4 * size, rx: 0.7 * size, stroke: one.colour, "stroke-width": 1.6 * step }), words);
        things.append(pill);
      }
    }

    function drawMarks() {
      marks.replaceChildren();
      const step = scale();
      for (const one of pins) marks.append(gesture(one.kind, one.coordinates, step));
      if (draft) marks.append(gesture(form, draft, step));
      if (cross) {
        const group = shape("g", { class: "cross" }), arm = 14 * step;
        for (const under of [true, false]) {
          for (const [dx, dy] of [[arm, 0], [0, arm]]) {
            group.append(shape("line", { class: under ? "under" : "", x1: cross[0] - dx, y1: cross[1] - dy, x2: cross[0] + dx, y2: cross[1] + dy }));
          }
        }
        marks.append(group);
      }
    }

    function gesture(kind, points, step) {
      if (kind === "point") return shape("circle", { class: "pin", cx: points[0][0], cy: points[0][1], r: 6 * step });
      if (kind === "stroke") return shape("path", { class: "draft line", d: `M${points.map((point) => point.join(" ")).join("L")}` });
      const [a, b] = [points[0], points[points.length - 1]];
      return shape("rect", { class: "draft", x: Math.min(a[0], b[0]), y: Math.min(a[1], b[1]), width: Math.abs(a[0] - b[0]), height: Math.abs(a[1] - b[1]) });
    }

    function named(one) {
      return [`${one.number} · ${one.label}`, percent(one.score), one.marked ? "" : "not counted", one.review ? "please check" : ""].filter(Boolean).join(" · ");
    }

    function drawChosen() {
      const panel = find(".about"), one = view.objects.find((each) => each.handle === told);
      panel.replaceChildren();
      panel.hidden = !one;
      const own = find('.change option[data-own]');
      if (own) own.remove();
      if (!one) return;
      const target = find('.change [name="target"]');
      target.prepend(made("option", { value: one.handle, "data-own": true }, `number ${one.number}, ${one.label}`));
      target.value = one.handle;
      panel.append(
        made("span", { class: "name" }, named(one)),
        made("button", { type: "button", onclick: () => act({ do: "select", handles: [one.handle], combine: one.marked ? "subtract" : "add" }) }, one.marked ? "Take away" : "Count it"),
        made("button", { type: "button", onclick: () => act({ do: "select", handles: [one.handle], combine: "replace" }) }, "Only this one"),
      );
      const masks = made("span", { class: "masks", role: "group", "aria-label": "Other outlines it may have" });
      panel.append(masks, made("button", { type: "button", onclick: () => choose(null) }, "Done"));
      if (one.choices > 1) offer(one, masks);
    }

    async function offer(one, masks) {
      const answer = await fetch(`choices/${view.conversation}/${one.handle}`).catch(() => null);
      const outlines = answer?.ok ? await answer.json() : [];
      if (!masks.isConnected || outlines.length < 2) return;
      masks.append(made("span", {}, "Did you mean:"));
      const around = outlines.reduce((a, { box: b }) => [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])], outlines[0].box);
      const rim = 0.08 * Math.max(around[2] - around[0], around[3] - around[1]);
      outlines.forEach((each, place) => {
        const small = shape("svg", { viewBox: [around[0] - rim, around[1] - rim, around[2] - around[0] + 2 * rim, around[3] - around[1] + 2 * rim].join(" "), "aria-hidden": "true" });
        small.append(
          shape("image", { href: shown, width: view.picture.width, height: view.picture.height, preserveAspectRatio: "none" }),
          shape("path", { d: each.path, fill: one.colour, "fill-opacity": 0.45, "fill-rule": "evenodd", stroke: "#fff", "stroke-width": 2, "vector-effect": "non-scaling-stroke" }),
        );
        const size = place === 0 ? "smallest" : place === outlines.length - 1 ? "largest" : `size ${place + 1}`;
        masks.append(made("button", {
          type: "button", "aria-pressed": String(each.steps === 0), "aria-label": `${size} outline`, title: `${size} outline`,
          onclick: () => each.steps && act({ do: "mask", handle: one.handle, steps: each.steps }),
        }, small));
      });
    }

    function drawFound() {
      const rows = view.counts.map((each) => made("tr", {},
        made("th", { scope: "row" }, each.label), made("td", { class: "number" }, String(each.n)),
        made("td", {}, each.doubtful ? String(each.doubtful) : "none")));
      find(".counts").hidden = !rows.length;
      find(".counts tbody").replaceChildren(...rows);
      find(".chips").replaceChildren(...view.objects.map((one) => made("li", {}, made("button", {
        type: "button", class: one.marked ? "" : "unmarked", style: `--own:${one.colour}`, "data-handle": one.handle,
        "aria-pressed": String(one.handle === chosen), title: named(one),
        onclick: () => choose(one.handle === chosen ? null : one.handle),
        onmouseenter: () => near(one.handle), onmouseleave: () => near(null), onfocus: () => near(one.handle), onblur: () => near(null),
      }, `${one.number} ${one.label}`))));
    }

    function drawEdits() {
      const order = view.edits.map((one) => one.handle);
      find(".edits").replaceChildren(...view.edits.map((one, place) => {
        const name = `${ACTIONS[one.action]}: ${one.what}`;
        const line = made("li", {}, made("span", { class: "what" }, `${place + 1}. ${name}`));
        if (WITH_STRENGTH.includes(one.action)) {
          line.append(made("label", {}, "how much ", made("input", {
            type: "range", min: 0, max: 1, step: 0.05, value: one.strength, "aria-label": `How much: ${name}`,
            onchange: (event) => act({ do: "change", edit: one.handle, strength: Number(event.target.value) }),
          })));
        }
        if (one.parameters.colour) {
          line.append(made("input", { type: "color", value: one.parameters.colour, "aria-label": `Colour: ${name}`, onchange: (event) => act({ do: "change", edit: one.handle, colour: event.target.value }) }));
        }
        if (place) line.append(made("button", { type: "button", "aria-label": `Earlier: ${name}`, title: "Do it earlier", onclick: () => act({ do: "place", edit: one.handle, place }) }, "↑"));
        if (place < order.length - 1) line.append(made("button", { type: "button", "aria-label": `Later: ${name}`, title: "Do it later", onclick: () => act({ do: "place", edit: one.handle, place: place + 2 }) }, "↓"));
        line.append(made("button", { type: "button", "aria-label": `Take back: ${name}`, title: "Take it back", onclick: () => act({ do: "drop", edit: one.handle }) }, "×"));
        return line;
      }));
    }

    function drawPictures() {
      find(".pictures").replaceChildren(...(view.pictures.length < 2 ? [] : view.pictures.map((one) => made("button", {
        type: "button", "aria-pressed": String(one.handle === view.picture?.handle), title: one.name,
        onclick: () => act({ do: "picture", handle: one.handle }),
      }, made("img", { src: `pictures/${view.conversation}/${one.handle}/small`, alt: one.name })))));
      const links = DOWNLOADS.map(([kind, words]) => made("li", {}, made("a", { href: view.picture ? `downloads/${view.conversation}/${view.picture.handle}/${kind}` : "#", download: "", class: "way" }, words)));
      find(".downloads ul").replaceChildren(...links);
    }

    function near(handle) {
      for (const group of things.querySelectorAll(".thing")) group.classList.toggle("near", group.dataset.handle === handle);
    }

    function choose(handle) {
      chosen = told = handle;
      drawThings(); drawChosen(); drawFound();
    }

    // --- hands -------------------------------------------------------------------------------------------

    function place(event) {
      const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(drawing.getScreenCTM().inverse());
      return [Math.round(10 * point.x) / 10, Math.round(10 * point.y) / 10];
    }

    const onPicture = ([x, y]) => x >= 0 && y >= 0 && x < view.picture.width && y < view.picture.height;
    const within = ([x, y]) => [Math.min(Math.max(x, 0), view.picture.width - 0.5), Math.min(Math.max(y, 0), view.picture.height - 0.5)];
    const under = (event) => event.target.closest?.(".thing")?.dataset.handle ?? null;

    function done(kind, coordinates, hit) {
      if (mode === "choose") {
        if (kind === "point") { pins = [{ kind, coordinates }]; choose(hit === chosen ? null : hit); } else pins.push({ kind, coordinates });
        drawMarks();
        return;
      }
      act({ do: "gesture", kind, coordinates, include: mode === "add", chosen });
    }

    let began = null, panned = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (!view.picture || event.button) return;
      const at = place(event);
      if (!onPicture(at)) return;
      began = { at, x: event.clientX, y: event.clientY, hit: under(event) };
      if (form !== "point") { draft = [at]; canvas.setPointerCapture(event.pointerId); } else if (mode === "choose" && box[2] < view.picture.width) panned = [...box];
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!view.picture) return;
      if (draft) { draft.push(within(place(event))); drawMarks(); return; }
      if (began && panned) {
        const step = scale();
        look(panned[0] - (event.clientX - began.x) * step, panned[1] - (event.clientY - began.y) * step, box[2]);
        return;
      }
      const one = view.objects.find((each) => each.handle === under(event));
      tip.hidden = !one;
      if (!one) return;
      tip.textContent = named(one);
      const edge = frame.getBoundingClientRect();
      tip.style.left = `${Math.min(event.clientX - edge.left + 14, edge.width - tip.offsetWidth - 6)}px`;
      tip.style.top = `${Math.max(4, event.clientY - edge.top - 34)}px`;
    });
    canvas.addEventListener("pointerup", (event) => {
      if (!began) return;
      const { at, x, y, hit } = began, points = draft;
      const still = Math.hypot(event.clientX - x, event.clientY - y) < NEAR_PIXELS;
      began = draft = panned = null;
      if (points && !still) done(form, form === "box" ? [points[0], points[points.length - 1]] : points, hit);
      else if (still) done("point", [at], hit);
      drawMarks();
    });
    canvas.addEventListener("pointercancel", () => { began = draft = panned = null; drawMarks(); });
    canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
    canvas.addEventListener("wheel", (event) => {
      if (!view.picture || !event.ctrlKey) return;
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, place(event));
    }, { passive: false });

    function zoom(by, at = [box[0] + box[2] / 2, box[1] + box[3] / 2]) {
      const width = Math.min(view.picture.width, Math.max(view.picture.width / 24, box[2] * by));
      look(at[0] - (at[0] - box[0]) * width / box[2], at[1] - (at[1] - box[1]) * width / box[2], width);
    }

    function look(x, y, width) {
      const height = width * view.picture.height / view.picture.width;
      box = [Math.min(Math.max(x, 0), view.picture.width - width), Math.min(Math.max(y, 0), view.picture.height - height), width, height];
      drawPicture(); drawThings(); drawMarks();
    }

    function press(group, value) {
      for (const button of element.querySelectorAll(`[data-${group}]`)) {
        if (button.tagName === "BUTTON") button.setAttribute("aria-pressed", String(button.dataset[group] === value));
      }
      if (group === "mode") mode = frame.dataset.mode = value; else form = value;
      frame.classList.toggle("drawing-shape", form !== "point");
    }

    canvas.addEventListener("keydown", (event) => {
      if (!view.picture || event.ctrlKey || event.metaKey || event.altKey) return;
      const step = (event.shiftKey ? 40 : 8) * scale();
      const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
      if (moves[event.key]) {
        const from = cross ?? [box[0] + box[2] / 2, box[1] + box[3] / 2];
        cross = within([from[0] + moves[event.key][0], from[1] + moves[event.key][1]]);
        drawMarks();
        const one = view.objects.find((each) => each.handle === crossed());
        find(".sentence").textContent = one ? named(one) : "";
        near(one?.handle ?? null);
      } else if (event.key === "Enter" || event.key === " ") {
        if (cross) done("point", [cross], crossed());
      } else if (event.key === "Delete" || event.key === "Backspace") {
        if (chosen) act({ do: "select", handles: [chosen], combine: "subtract" });
      } else if (event.key === "Escape") {
        pins = []; cross = null; choose(null); drawMarks();
      } else if ({ c: 1, a: 1, r: 1 }[event.key]) press("mode", { c: "choose", a: "add", r: "remove" }[event.key]);
      else if (event.key === "h") deeds.hide();
      else if ({ 1: 1, 2: 1, 3: 1 }[event.key]) press("shape", { 1: "point", 2: "box", 3: "stroke" }[event.key]);
      else if (event.key === "+" || event.key === "=") zoom(1 / 1.4, cross ?? undefined);
      else if (event.key === "-") zoom(1.4, cross ?? undefined);
      else if (event.key === "0") look(0, 0, view.picture.width);
      else return;
      event.preventDefault();
    });

    function crossed() {
      const at = new DOMPoint(...cross);
      const paths = [...things.querySelectorAll(".thing")].reverse();
      return paths.find((group) => group.querySelector(".tint").isPointInFill(at))?.dataset.handle ?? null;
    }

    const deeds = {
      undo: () => act({ do: "undo" }), redo: () => act({ do: "redo" }),
      in: () => view.picture && zoom(1 / 1.4), out: () => view.picture && zoom(1.4), fit: () => view.picture && look(0, 0, view.picture.width),
      before: (button) => {
        before = !before;
        button.setAttribute("aria-pressed", String(before));
        drawPicture();
      },
      hide: () => {
        find('[data-do="hide"]').setAttribute("aria-pressed", String(frame.classList.toggle("plain")));
      },
      copy: async (button) => {
        await navigator.clipboard?.writeText(find(".link").value).catch(() => find(".link").select());
        button.textContent = "Copied";
      },
      leave: async () => { await post("leave", ""); location.assign(location.pathname); },
      erase: async () => {
        if (!confirm("Erase this conversation, its pictures and all that was found, for good?")) return;
        try { await post(`erase/${view.conversation}`, ""); location.assign(location.pathname); } catch (error) { complain(error.message); }
      },
    };
    element.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (button.dataset.mode) press("mode", button.dataset.mode);
      else if (button.dataset.shape) press("shape", button.dataset.shape);
      else if (button.dataset.do) deeds[button.dataset.do](button);
    });
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest?.("input, textarea, [contenteditable]");
      if (typing || !(event.ctrlKey || event.metaKey)) return;
      const key = event.key.toLowerCase();
      const wanted = key === "y" || (key === "z" && event.shiftKey) ? "redo" : key === "z" ? "undo" : null;
      if (!wanted || !view[wanted]) return;
      event.preventDefault();
      act({ do: wanted });
    });

    const change = find(".change");
    const recoloured = () => { change.querySelector(".colour").hidden = !COLOURED.includes(change.elements.action.value); };
    change.addEventListener("change", recoloured);
    recoloured();
    change.addEventListener("submit", (event) => {
      event.preventDefault();
      const { target, action, colour } = change.elements, deed = { do: "edit", action: action.value, target: target.value };
      if (action.value === "replace_background") deed.background = colour.value;
      else if (COLOURED.includes(action.value)) deed.colour = colour.value;
      act(deed);
    });

    // --- pictures come in: chosen, shot, dropped anywhere on the page, pasted --------------------------------

    for (const input of element.querySelectorAll("input[type=file]")) {
      input.addEventListener("change", () => { open([...input.files]); input.value = ""; });
    }
    const pictured = (data) => [...(data?.files ?? [])].filter((file) => !file.type.startsWith("audio/"));
    document.addEventListener("dragover", (event) => {
      if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
      event.preventDefault();
      frame.classList.add("over");
    });
    document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) frame.classList.remove("over"); });
    document.addEventListener("drop", (event) => {
      frame.classList.remove("over");
      const files = pictured(event.dataTransfer);
      if (!files.length) return;
      event.preventDefault();
      open(files);
    });
    document.addEventListener("paste", (event) => {
      const files = pictured(event.clipboardData).filter((file) => file.type.startsWith("image/"));
      if (files.length) open(files);
    });
    fetch("examples").then((answer) => answer.json()).then((told) => {
      find(".examples-told").hidden = !told.length;
      find(".examples").replaceChildren(...told.map((one) => made("button", { type: "button", onclick: () => example(one) },
        made("img", { src: `examples/${one.number}.jpg`, alt: "", width: 180, height: 135 }), made("span", {}, one.request))));
    }).catch(() => {});
    new ResizeObserver(() => { if (view.picture) { drawThings(); drawMarks(); } }).observe(frame);

    window.askmask = {
      // What was pointed at goes with the next sentence, once.
      attached() {
        const sent = JSON.stringify({ conversation: view.conversation, picture: view.picture?.handle ?? null, pins, chosen });
        pins = [];
        drawMarks();
        return sent;
      },
    };
    watch("value", () => { if (props.value) draw(props.value); });
    if (props.value) draw(props.value); else frame.classList.add("blank");
  }

  window.askmaskStage = start;
})();
