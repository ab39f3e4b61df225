// Zoom and pan of one picture: wheel, two fingers, keys. Everything on the stage moves together.
const CLOSEST = 24;

export class Viewer {
  constructor(figure) {
    this.figure = figure;
    this.stage = figure.querySelector("[data-stage]");
    this.reset();
    figure.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.zoom(Math.exp(-event.deltaY / 400), event.clientX, event.clientY);
      },
      { passive: false },
    );
  }

  reset() {
    Object.assign(this, { scale: 1, x: 0, y: 0 });
    this.show();
  }

  // By a factor round a point of the window, the middle if none is given.
  zoom(factor, clientX, clientY) {
    const area = this.figure.getBoundingClientRect();
    const [x, y] = [(clientX ?? area.left + area.width / 2) - area.left, (clientY ?? area.top + area.height / 2) - area.top];
    const scale = Math.min(Math.max(this.scale * factor, 1), CLOSEST);
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.show();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.show();
  }

  // By shares of the window: what arrow keys do.
  step(right, down) {
    this.pan(-right * 0.15 * this.figure.clientWidth, -down * 0.15 * this.figure.clientHeight);
  }

  show() {
    const within = (value, size) => Math.min(0, Math.max(value, size * (1 - this.scale)));
    this.x = within(this.x, this.figure.clientWidth);
    this.y = within(this.y, this.figure.clientHeight);
    this.stage.style.transform = this.scale === 1 ? "" : `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    const picture = this.stage.querySelector("[data-whole]");
    if (this.scale > 1.5 && picture) {
      picture.src = picture.dataset.whole; // every pixel, once somebody goes near
      picture.removeAttribute("data-whole");
    }
  }
}
