"use strict";

const FADED = 56; // of 255: how much is left of what was not asked for
const MARKED = 9; // a map's pixel on the screen, in CSS pixels, from which on its mark can be seen
const CLOSEST = 40; // the same at the closest

const code = (d, i) => (d[i] << 16) | (d[i + 1] << 8) | d[i + 2];
const degrees = (value, plus, minus) => `${Math.abs(value).toFixed(3)}°${value < 0 ? minus : plus}`;

/** The buttons of a key: colour → name, mark and whether it is pressed. */
function keyOf(group) {
  const buttons = group ? [...group.querySelectorAll("button")] : [];
  const found = new Map();
  for (const button of buttons) {
    button.disabled = false;
    const mark = button.dataset.mark ? new Path2D(button.dataset.mark) : null;
    const name = button.querySelector("b").textContent;
    found.set(parseInt(button.dataset.colour.slice(1), 16), { button, name, mark });
  }
  const pressed = () => [...found].filter(([, k]) => k.button.getAttribute("aria-pressed") === "true");
  return { buttons, found, only: () => new Map(pressed()) };
}

/** Maps that share one year, one view, one cursor and their keys. */
function show(viewer) {
  const { frames, layout } = JSON.parse(viewer.querySelector("script").textContent);
  const { width, height } = layout;
  const find = (selector) => viewer.querySelector(selector);
  const range = find("input[type=range]");
  const maps = find(".maps");
  const at = find("[data-at]");
  const resting = at.textContent;
  const keys = {};
  for (const name of ["classes", "parts"]) keys[name] = keyOf(find(`[data-keys=${name}]`));
  const view = { zoom: 1, x: 0, y: 0 };
  let cursor = null;
  let turn = 0;

  const layers = [...maps.querySelectorAll("img")].map((image) => {
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.style.aspectRatio = image.style.aspectRatio;
    image.after(canvas);
    image.hidden = true;
    const drawn = document.createElement("canvas"); // the map pixel by pixel, as its key leaves it
    drawn.width = width;
    drawn.height = height;
    const { map: name, title } = image.dataset;
    const key = keys[name === "difference" ? "parts" : "classes"];
    return { canvas, drawn, name, title, key, first: image.src, pixels: null };
  });

  const frame = () => frames[Number(range.value)];
  const wide = () => width / view.zoom;
  const tall = () => height / view.zoom;
  const closest = () => Math.max(1, (CLOSEST * width) / Math.max(layers[0].canvas.clientWidth, 1));

  async function pixelsOf(address) {
    if (!address) return null;
    const picture = new Image();
    picture.src = address;
    await picture.decode();
    const page = document.createElement("canvas");
    page.width = width;
    page.height = height;
    const context = page.getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0);
    return context.getImageData(0, 0, width, height);
  }

  function filter(layer) {
    const context = layer.drawn.getContext("2d");
    context.clearRect(0, 0, width, height);
    if (!layer.pixels) return;
    const only = layer.key.only();
    const data = new Uint8ClampedArray(layer.pixels.data);
    if (only.size) {
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] && !only.has(code(data, i))) data[i + 3] = FADED;
      }
    }
    context.putImageData(new ImageData(data, width, height), 0, 0);
  }

  function marks(layer, context, across, down) {
    const only = layer.key.only();
    context.strokeStyle = "#fff";
    context.lineWidth = 1.4;
    for (let y = Math.floor(view.y); y < Math.min(height, view.y + tall()); y++) {
      for (let x = Math.floor(view.x); x < Math.min(width, view.x + wide()); x++) {
        const i = 4 * (y * width + x);
        const colour = code(layer.pixels.data, i);
        const mark = layer.pixels.data[i + 3] && layer.key.found.get(colour)?.mark;
        if (!mark || (only.size && !only.has(colour))) continue;
        context.setTransform(across / 10, 0, 0, down / 10, (x - view.x) * across, (y - view.y) * down);
        context.stroke(mark);
      }
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
  }

  function draw(layer) {
    const { canvas } = layer;
    const sharp = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * sharp));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * sharp));
    const [across, down] = [canvas.width / wide(), canvas.height / tall()];
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(layer.drawn, view.x, view.y, wide(), tall(), 0, 0, canvas.width, canvas.height);
    if (layer.pixels && layer.key === keys.parts && across >= MARKED * sharp) {
      marks(layer, context, across, down);
    }
    if (cursor) {
      const box = [(cursor.x - view.x) * across, (cursor.y - view.y) * down];
      const size = [Math.max(across, 5 * sharp), Math.max(down, 5 * sharp)];
      for (const [colour, line] of [["#fff", 4], ["#000", 2]]) {
        context.strokeStyle = colour;
        context.lineWidth = line * sharp;
        context.strokeRect(...box, ...size);
      }
    }
    canvas.style.touchAction = view.zoom > 1 ? "none" : "pan-y";
  }

  function told() {
    if (!cursor) return resting;
    const parts = layers.map((layer) => {
      const i = 4 * (cursor.y * width + cursor.x);
      const held = layer.pixels?.data;
      const key = held && held[i + 3] ? layer.key.found.get(code(held, i)) : null;
      const title = layer.name === "difference" ? "difference" : layer.title;
      return `${title}: ${key ? key.name : "–"}`;
    });
    const north = layout.north - (cursor.y + 0.5) * layout.down;
    const east = layout.west + (cursor.x + 0.5) * layout.across;
    return `${degrees(north, "N", "S")} ${degrees(east, "E", "W")}, ${frame().time}. ${parts.join("; ")}.`;
  }

  function redraw() {
    view.x = Math.min(Math.max(view.x, 0), width - wide());
    view.y = Math.min(Math.max(view.y, 0), height - tall());
    layers.forEach(draw);
    const text = told();
    if (at.textContent !== text) at.textContent = text;
    find("[data-zoomed]").textContent = `${view.zoom < 10 ? +view.zoom.toFixed(1) : Math.round(view.zoom)}×`;
  }

  function label(layer) {
    const only = [...layer.key.only().values()].map((k) => k.name);
    const shown = only.length ? `; only ${only.join(", ")} shown` : "";
    const { time, said } = frame();
    const when = layer.name === "initial" ? "" : `, ${time}`;
    const what = layer.name === "difference" ? `: ${said || "no labels in this year"}` : "";
    layer.canvas.setAttribute("aria-label", `${layer.title}${when}${what}${shown}`);
  }

  function refilter() {
    for (const layer of layers) {
      filter(layer);
      label(layer);
    }
    redraw();
  }

  async function change() {
    const mine = ++turn;
    const now = frame();
    find("output").textContent = now.time;
    range.setAttribute("aria-valuetext", now.time);
    const said = find("[data-said]");
    if (said) said.textContent = now.said || "No labels in this year";
    const address = (layer) => (layer.name === "initial" ? layer.first : now[layer.name]);
    const pixels = await Promise.all(layers.map((layer) => pixelsOf(address(layer))));
    if (mine !== turn) return;
    layers.forEach((layer, n) => { layer.pixels = pixels[n]; });
    refilter();
  }

  function zoom(factor) {
    const middle = cursor ? { x: cursor.x + 0.5, y: cursor.y + 0.5 } : { x: view.x + wide() / 2, y: view.y + tall() / 2 };
    view.zoom = factor ? Math.min(Math.max(view.zoom * factor, 1), closest()) : 1;
    view.x = middle.x - wide() / 2;
    view.y = middle.y - tall() / 2;
    redraw();
  }

  function step(by) {
    range.value = String(Number(range.value) + by);
    change();
  }

  function place(x, y) {
    cursor = { x: Math.min(Math.max(x, 0), width - 1), y: Math.min(Math.max(y, 0), height - 1) };
    view.x = Math.min(Math.max(view.x, cursor.x + 1 - wide()), cursor.x);
    view.y = Math.min(Math.max(view.y, cursor.y + 1 - tall()), cursor.y);
    redraw();
  }

  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = arrows[event.key];
    const far = event.shiftKey ? 10 : 1;
    if (arrow && cursor) place(cursor.x + far * arrow[0], cursor.y + far * arrow[1]);
    else if (arrow) place(Math.floor(view.x + wide() / 2), Math.floor(view.y + tall() / 2));
    else if (event.key === "+" || event.key === "=") zoom(2);
    else if (event.key === "-") zoom(0.5);
    else if (event.key === "0") zoom(0);
    else if (event.key === "Escape" && cursor) { cursor = null; redraw(); }
    else return;
    event.preventDefault();
  }

  function hold(canvas) {
    let start = null;
    canvas.addEventListener("pointerdown", (event) => {
      start = { x: event.clientX, y: event.clientY, left: view.x, top: view.y, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!start) return;
      const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
      start.moved ||= Math.hypot(dx, dy) > 4;
      if (!start.moved || view.zoom === 1) return;
      view.x = start.left - (dx * wide()) / canvas.clientWidth;
      view.y = start.top - (dy * tall()) / canvas.clientHeight;
      redraw();
    });
    canvas.addEventListener("pointerup", (event) => {
      if (start && !start.moved) {
        const box = canvas.getBoundingClientRect();
        place(
          Math.floor(view.x + ((event.clientX - box.left) / box.width) * wide()),
          Math.floor(view.y + ((event.clientY - box.top) / box.height) * tall()),
        );
      }
      start = null;
    });
    canvas.addEventListener("pointercancel", () => { start = null; });
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return; // the wheel alone moves the page
      event.preventDefault();
      zoom(event.deltaY < 0 ? 1.25 : 0.8);
    }, { passive: false });
  }

  maps.tabIndex = 0;
  maps.setAttribute("role", "application");
  maps.setAttribute("aria-label", "Maps. Arrow keys move a cursor, plus and minus zoom, 0 shows all, Escape takes the cursor away.");
  maps.addEventListener("keydown", press);
  for (const layer of layers) hold(layer.canvas);
  range.addEventListener("input", change);
  for (const button of viewer.querySelectorAll("[data-by]")) {
    button.addEventListener("click", () => step(Number(button.dataset.by)));
  }
  for (const button of viewer.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => zoom(Number(button.dataset.zoom)));
  }
  for (const button of [...keys.classes.buttons, ...keys.parts.buttons]) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      refilter();
    });
  }
  for (const hidden of viewer.querySelectorAll(".tools,[data-at],[data-hint]")) hidden.hidden = false;
  new ResizeObserver(redraw).observe(maps);
  change();
}

/** Only what can be scrolled is a stop of the Tab key. */
function stops() {
  for (const area of document.querySelectorAll(".scroll")) {
    const hidden = area.scrollWidth > area.clientWidth || area.scrollHeight > area.clientHeight;
    if (hidden) area.tabIndex = 0;
    else area.removeAttribute("tabindex");
  }
}

/** A printed page has nothing folded. */
function unfold() {
  const closed = [...document.querySelectorAll("details:not([open])")];
  for (const part of closed) part.open = true;
  window.addEventListener("afterprint", () => {
    for (const part of closed) part.open = false;
  }, { once: true });
}

for (const viewer of document.querySelectorAll("[data-maps]")) show(viewer);
stops();
window.addEventListener("resize", stops);
document.addEventListener("toggle", stops, true);
window.addEventListener("beforeprint", unfold);
