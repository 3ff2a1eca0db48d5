"use strict";
for (const album of document.querySelectorAll("[data-album]")) {
  const frames = JSON.parse(album.querySelector("script").textContent);
  const range = album.querySelector("input[type=range]");
  const output = album.querySelector("output");
  const said = album.querySelector("[data-said]");
  const boxes = [...album.querySelectorAll("input[type=checkbox]")];
  const canvas = album.querySelector("canvas");
  const fallback = album.querySelector("img[data-map=difference]");
  let asked = 0;

  const paint = (frame) => {
    if (!canvas) return;
    const turn = ++asked;
    canvas.setAttribute("aria-label", frame.difference ? frame.said : "no labels in this year");
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!frame.difference) { context.clearRect(0, 0, canvas.width, canvas.height); return; }
    const image = new Image();
    image.onload = () => {
      if (turn !== asked) return;
      context.clearRect(0, 0, canvas.width, canvas.height);
      context.drawImage(image, 0, 0);
      const hidden = boxes.filter((b) => !b.checked).map((b) => b.dataset.colour);
      if (!hidden.length) return;
      const data = context.getImageData(0, 0, canvas.width, canvas.height);
      const codes = new Set(hidden.map((c) => parseInt(c.slice(1), 16)));
      for (let i = 0; i < data.data.length; i += 4) {
        const d = data.data;
        if (d[i + 3] && codes.has((d[i] << 16) | (d[i + 1] << 8) | d[i + 2])) {
          d[i] = d[i + 1] = d[i + 2] = 247;
        }
      }
      context.putImageData(data, 0, 0);
    };
    image.src = frame.difference;
  };

  const show = () => {
    const frame = frames[Number(range.value)];
    output.textContent = frame.time;
    range.setAttribute("aria-valuetext", frame.time);
    if (said) said.textContent = frame.said;
    for (const name of ["truth", "own"]) {
      const image = album.querySelector(`img[data-map=${name}]`);
      if (!image) continue;
      image.style.visibility = frame[name] ? "visible" : "hidden";
      if (frame[name]) image.src = frame[name];
      image.alt = `${image.dataset.title}, ${frame.time}`;
    }
    paint(frame);
  };

  const move = (by) => {
    const next = Math.min(Number(range.max), Math.max(0, Number(range.value) + by));
    range.value = String(next);
    show();
  };
  range.addEventListener("input", show);
  for (const box of boxes) box.addEventListener("change", show);
  for (const button of album.querySelectorAll("button[data-by]")) {
    button.addEventListener("click", () => move(Number(button.dataset.by)));
  }
  if (canvas && fallback) { fallback.hidden = true; canvas.hidden = false; }
  album.querySelector(".year").hidden = false;
  const part = album.querySelector("fieldset");
  if (part) part.hidden = false;
  show();
}
