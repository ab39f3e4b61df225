// The region: drawn on the picture with finger or mouse, or typed; both are always the same.
const page = document.querySelector("[data-calibrate]");
if (page) {
  const drawing = page.querySelector("[data-drawing]");
  const svg = drawing.querySelector("svg");
  const shape = drawing.querySelector("[data-region]");
  const sides = ["x", "y", "width", "height"].map((name) => page.querySelector(`[data-side="${name}"]`));
  const values = page.querySelectorAll("[data-value]");
  const { width, height } = svg.viewBox.baseVal;
  const least = Number(sides[2].min);

  function put(region, typed = false) {
    for (const each of values) each.value = region ? region.join(",") : "";
    shape.toggleAttribute("hidden", !region);
    if (region) ["x", "y", "width", "height"].forEach((name, at) => shape.setAttribute(name, region[at]));
    if (!typed) sides.forEach((side, at) => (side.value = region ? region[at] : ""));
  }
  function fromSides() {
    if (sides.every((side) => side.value === "")) return put(null, true);
    const region = sides.map((side) => Math.round(Number(side.value)));
    sides[2].max = width - region[0];
    sides[3].max = height - region[1];
    if (sides.every((side) => side.value !== "" && side.checkValidity())) put(region, true);
  }
  for (const side of sides) side.addEventListener("input", fromSides);
  page.querySelector("[data-whole]").addEventListener("click", () => put(null));
  // Typed and not fit: neither form is sent, and the browser says why.
  for (const form of page.querySelectorAll("form"))
    form.addEventListener("submit", (event) => {
      const wrong = sides.find((side) => !side.checkValidity()) ?? (sides.some((side) => side.value) ? sides.find((side) => !side.value) : null);
      if (wrong) {
        event.preventDefault();
        wrong.focus();
        wrong.reportValidity();
      }
    });

  const place = (event) => {
    const area = svg.getBoundingClientRect();
    const within = (value, most) => Math.round(Math.min(Math.max(value, 0), most));
    return [within(((event.clientX - area.left) / area.width) * width, width), within(((event.clientY - area.top) / area.height) * height, height)];
  };
  let from = null;
  const between = ([ax, ay], [bx, by]) => [Math.min(ax, bx), Math.min(ay, by), Math.abs(ax - bx), Math.abs(ay - by)];
  drawing.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    drawing.setPointerCapture(event.pointerId);
    from = place(event);
  });
  drawing.addEventListener("pointermove", (event) => {
    if (!from) return;
    const region = between(from, place(event));
    if (region[2] >= least && region[3] >= least) put(region);
  });
  for (const end of ["pointerup", "pointercancel"]) drawing.addEventListener(end, () => (from = null));

  put(values[0].value ? values[0].value.split(",").map(Number) : null);
}
