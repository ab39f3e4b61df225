// Review: keys for every button, boxes drawn on the frame, the map laid over it, the next picture fetched ahead.
const form = document.querySelector(".review");
const figure = form.querySelector("[data-drawing]");
const drawing = figure.querySelector("svg.boxes");
const map = figure.querySelector("[data-map]");
const began = performance.now();
const boxes = [];

if (form.dataset.coming) new Image().src = form.dataset.coming;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest("input, select, textarea")) return;
  const button = form.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (button) {
    event.preventDefault();
    button.click();
  }
});

let sent = false;
form.addEventListener("submit", (event) => {
  if (sent) event.preventDefault(); // one judgement for one look, however often the key is hit
  sent = true;
  form.elements.took.value = ((performance.now() - began) / 1000).toFixed(2);
  form.elements.boxes.value = boxes.length ? JSON.stringify(boxes) : "";
});
window.addEventListener("pageshow", () => (sent = false));

form.querySelector("[data-toggle]")?.addEventListener("click", (event) => {
  map.hidden = !map.hidden;
  event.currentTarget.setAttribute("aria-pressed", String(!map.hidden));
});
form.querySelector("[data-clear]").addEventListener("click", () => {
  boxes.length = 0;
  drawing.replaceChildren();
});

const { width, height } = drawing.viewBox.baseVal;
const place = (event) => {
  const area = drawing.getBoundingClientRect();
  const within = (value, most) => Math.min(Math.max(value, 0), most);
  return [
    within(((event.clientX - area.left) / area.width) * width, width),
    within(((event.clientY - area.top) / area.height) * height, height),
  ];
};
let from = null;
let shape = null;
const between = ([ax, ay], [bx, by]) => [Math.min(ax, bx), Math.min(ay, by), Math.abs(ax - bx), Math.abs(ay - by)];
const show = (box) => ["x", "y", "width", "height"].forEach((name, at) => shape.setAttribute(name, box[at]));

figure.addEventListener("pointerdown", (event) => {
  event.preventDefault();
  figure.setPointerCapture(event.pointerId);
  from = place(event);
  shape = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  drawing.append(shape);
});
figure.addEventListener("pointermove", (event) => from && show(between(from, place(event))));
figure.addEventListener("pointerup", (event) => {
  if (!from) return;
  const box = between(from, place(event)).map((value) => Math.round(value * 10) / 10);
  if (box[2] >= 3 && box[3] >= 3) {
    show(box);
    boxes.push(box);
  } else shape.remove(); // a tap, no box
  from = null;
});
figure.addEventListener("pointercancel", () => {
  shape?.remove();
  from = null;
});
