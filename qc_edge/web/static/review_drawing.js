// Boxes and strokes of a brush on one frame, in its pixels: by mouse, finger or keys; two fingers zoom and move the picture.
const SVG = "http://www.w3.org/2000/svg";
const tenth = (value) => Math.round(value * 10) / 10;
const between = ([ax, ay], [bx, by]) => [Math.min(ax, bx), Math.min(ay, by), Math.abs(ax - bx), Math.abs(ay - by)].map(tenth);

export class Drawing {
  constructor(figure, viewer) {
    Object.assign(this, { figure, viewer, regions: [], pen: null, cursor: null, tool: "box", fingers: new Map() });
    this.svg = figure.querySelector("[data-drawing]");
    ({ width: this.width, height: this.height } = this.svg.viewBox.baseVal);
    this.radius = Math.max(2, Math.max(this.width, this.height) / 100);
    figure.addEventListener("pointerdown", (event) => this.down(event));
    figure.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) figure.addEventListener(end, (event) => this.up(event, end === "pointerup"));
  }

  choose(tool) {
    this.end(false);
    this.tool = tool;
    this.figure.classList.toggle("moves", tool === "hand");
    this.hideCursor();
  }

  undo() {
    if (this.pen) this.end(false);
    else this.regions.pop()?.shape.remove();
  }

  json() {
    return this.regions.length ? JSON.stringify(this.regions.map(({ shape, ...region }) => region)) : "";
  }

  place({ clientX, clientY }) {
    const point = new DOMPoint(clientX, clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    return this.within([point.x, point.y]);
  }

  within([x, y]) {
    return [Math.min(Math.max(x, 0), this.width), Math.min(Math.max(y, 0), this.height)];
  }

  begin(at) {
    const shape = document.createElementNS(SVG, this.tool === "box" ? "rect" : "polyline");
    this.pen = { shape, points: [at] };
    if (this.tool === "brush") shape.setAttribute("stroke-width", 2 * this.radius);
    this.svg.append(shape);
    this.draw(at);
  }

  draw(at) {
    const { shape, points } = this.pen;
    if (this.tool === "box") {
      between(points[0], at).forEach((value, i) => shape.setAttribute(["x", "y", "width", "height"][i], value));
      this.pen.last = at;
      return;
    }
    const [x, y] = points.at(-1);
    if (points.length > 1 && Math.hypot(at[0] - x, at[1] - y) < this.radius / 4) return;
    if (points.length < 4000) points.push(at);
    shape.setAttribute("points", points.map((point) => point.map(tenth).join()).join(" "));
  }

  end(keeps) {
    if (!this.pen) return;
    const { shape, points, last } = this.pen;
    const box = this.tool === "box" ? between(points[0], last ?? points[0]) : null;
    const smallest = Math.max(this.width, this.height) / 200;
    if (!keeps || (box && (box[2] < smallest || box[3] < smallest))) shape.remove(); // a tap is no box
    else this.regions.push(box ? { shape, box } : { shape, radius: tenth(this.radius), stroke: points.map((p) => p.map(tenth)) });
    this.pen = null;
  }

  down(event) {
    if (event.button > 1) return;
    event.preventDefault();
    this.figure.focus({ preventScroll: true, focusVisible: false });
    this.figure.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, event);
    this.hideCursor();
    if (this.fingers.size > 1) this.end(false);
    else if (this.tool !== "hand" && event.button === 0) this.begin(this.place(event));
  }

  move(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    this.fingers.set(event.pointerId, event);
    const [other] = [...this.fingers.values()].filter((finger) => finger.pointerId !== event.pointerId);
    if (other) {
      const apart = (finger) => Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY) || 1;
      this.viewer.zoom(apart(event) / apart(before), (event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2);
      this.viewer.pan((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
    } else if (this.pen) {
      for (const each of event.getCoalescedEvents?.() ?? []) this.draw(this.place(each));
      this.draw(this.place(event));
    } else if (this.tool === "hand" || event.buttons === 4) {
      this.viewer.pan(event.clientX - before.clientX, event.clientY - before.clientY);
    }
  }

  up(event, keeps) {
    if (this.fingers.delete(event.pointerId)) this.end(keeps);
  }

  // Keys: arrows move a cross (Shift: finely), Enter begins and ends a box or a stroke, Escape leaves it. True if it was one.
  key(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (this.tool === "hand") {
      if (way) this.viewer.step(...way);
      return Boolean(way);
    }
    if (way) {
      const far = (event.shiftKey ? 0.004 : 0.02) * Math.max(this.width, this.height);
      const [x, y] = this.cursor ?? [this.width / 2, this.height / 2];
      this.showCursor(this.within([x + way[0] * far, y + way[1] * far]));
      if (this.pen) this.draw(this.cursor);
    } else if (event.key === "Enter") {
      if (this.pen) this.end(true);
      else {
        this.showCursor(this.cursor ?? [this.width / 2, this.height / 2]);
        this.begin(this.cursor);
      }
    } else if (event.key === "Escape") this.end(false);
    else return false;
    return true;
  }

  showCursor(at) {
    this.cross ??= this.svg.appendChild(document.createElementNS(SVG, "path"));
    this.cursor = at;
    const arm = Math.max(this.width, this.height) / 40;
    this.cross.setAttribute("d", `M${at[0] - arm} ${at[1]}h${2 * arm}M${at[0]} ${at[1] - arm}v${2 * arm}`);
  }

  hideCursor() {
    this.cross?.remove();
    this.cross = this.cursor = null;
  }
}
