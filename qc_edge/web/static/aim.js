// Aim: asks for the newest frame up to five times a second, the next one only when this one is on the screen.
const page = document.querySelector("[data-aim]");
const EVERY_MS = 200;
const KEPT = 300;
const OLD_S = 5;

if (page) {
  const find = (name) => page.querySelector(`[data-${name}]`);
  const picture = find("picture");
  const stage = page.querySelector(".lens");
  const shown = { clipped: false, grid: false, marks: true };
  const look = { zoom: 1, x: 0.5, y: 0.5 };
  let frame = null;
  let seen = "";
  let focuses = [];
  let area = null;

  const query = (more) => new URLSearchParams({ ...look, ...more });
  const told = new Map([...page.querySelectorAll("[data-state]")].map((each) => [each.dataset.state, [each, each.textContent]]));
  function tell(state, value = "") {
    for (const [name, [place, words]] of told) {
      place.hidden = name !== state;
      const text = words.replace("{}", value);
      if (!place.hidden && place.textContent !== text) place.textContent = text;
    }
  }
  const digits = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 1 ? value.toFixed(1) : value.toFixed(3));

  function showFigures(found) {
    for (const row of page.querySelectorAll("[data-figure]")) {
      const figure = found.figures[row.dataset.figure];
      row.hidden = !figure;
      if (!figure) continue;
      row.classList.toggle("out", !figure.within);
      row.querySelector("[data-value]").textContent = `${digits(figure.value)} ${figure.within ? "✓" : "✗"}`;
      const { low, high } = figure;
      row.querySelector("[data-wanted]").textContent =
        low !== null && high !== null ? `${digits(low)} … ${digits(high)}` : low !== null ? `≥ ${digits(low)}` : high !== null ? `≤ ${digits(high)}` : "–";
    }
  }

  function showFocus(now, bound) {
    if (now === undefined || now === null) return;
    focuses = [...focuses, now].slice(-KEPT);
    const best = Math.max(...focuses);
    // Three frames together: one that shakes must not turn the hand round.
    const level = (from, to) => focuses.slice(from, to).reduce((sum, each) => sum + each, 0) / Math.max(1, focuses.slice(from, to).length);
    const last = level(-3);
    const before = level(-9, -6);
    const trend = last >= 0.97 * best ? "best" : focuses.length >= 9 && last > 1.01 * before ? "rising" : focuses.length >= 4 ? "past" : "";
    for (const each of page.querySelectorAll("[data-trend]")) each.hidden = each.dataset.trend !== trend;
    find("focus").textContent = digits(now);
    find("best-value").textContent = digits(best);
    const share = find("share");
    share.hidden = false;
    share.dataset.words ??= share.textContent;
    share.textContent = share.dataset.words.replace("{}", ((100 * now) / best).toFixed(0));
    const top = 1.05 * Math.max(best, look.zoom === 1 ? (bound ?? 0) : 0) || 1;
    const y = (value) => (80 - (76 * value) / top).toFixed(1);
    find("line").setAttribute("points", focuses.map((each, at) => `${((300 * at) / Math.max(1, focuses.length - 1)).toFixed(1)},${y(each)}`).join(" "));
    find("best").setAttribute("d", `M0 ${y(best)}H300`);
    find("bound").setAttribute("d", look.zoom === 1 && bound ? `M0 ${y(bound)}H300` : "");
  }

  function showHistogram(counts) {
    const most = Math.max(...counts, 1);
    const bars = counts.map((count, at) => {
      const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      // By the square root: a few clipped pixels beside a large ground have to be seen.
      const height = 100 * Math.sqrt(count / most);
      for (const [name, value] of [["x", at], ["width", 0.9], ["y", 100 - height], ["height", height]]) bar.setAttribute(name, value);
      return bar;
    });
    find("histogram").replaceChildren(...bars);
  }

  function showLines(found) {
    const lines = find("lines");
    [area, frame] = [found.area, found];
    const [x, y, width, height] = area;
    lines.setAttribute("viewBox", area.join(" "));
    const [region, grid, cross] = [find("region"), find("grid"), find("cross")];
    region.toggleAttribute("hidden", !shown.marks || !found.region);
    if (found.region) ["x", "y", "width", "height"].forEach((name, at) => region.setAttribute(name, found.region[at]));
    grid.toggleAttribute("hidden", !shown.grid);
    const parts = [1, 2, 3, 4, 5].map((each) => each / 6);
    grid.setAttribute("d", parts.map((each) => `M${x} ${y + each * height}h${width}M${x + each * width} ${y}v${height}`).join(""));
    cross.toggleAttribute("hidden", !shown.marks);
    // The middle of the frame, not of what is seen: it is what a part is centred on.
    const [midX, midY, arm] = [found.width / 2, found.height / 2, Math.min(found.width, found.height) / 10];
    cross.setAttribute("d", `M${midX - arm} ${midY}h${2 * arm}M${midX} ${midY - arm}v${2 * arm}`);
  }

  async function show(found) {
    const next = new Image();
    next.src = `/aim/picture/${encodeURIComponent(found.frame)}?${query({ clipped: shown.clipped ? 1 : 0 })}`;
    await next.decode().catch(() => {});
    picture.src = next.src;
    showFigures(found);
    if (found.histogram) {
      showFocus(found.focus, found.figures.focus?.low);
      showHistogram(found.histogram);
      showLines(found);
    }
  }

  let ended = false;
  let tookAt = 0;
  async function ask() {
    const answer = await fetch(`/aim/look?${query({ camera: page.dataset.aim, after: seen })}`);
    if (answer.status === 401) {
      ended = true;
      location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
      return;
    }
    if (answer.status === 200) {
      const found = await answer.json();
      tookAt = performance.now() - 1000 * found.age_s;
      await show(found);
      seen = found.seen;
    } else if (answer.status !== 204) throw new Error(answer.status);
    const age = (performance.now() - tookAt) / 1000;
    if (!seen) tell("waiting");
    else if (age > OLD_S) tell("old", age.toFixed(0));
    else if (frame?.is_refused) tell("refused", frame.reason);
    else tell("");
  }

  async function follow() {
    while (!ended) {
      const began = performance.now();
      try {
        if (!document.hidden) await ask();
      } catch {
        tell("lost");
      }
      await new Promise((done) => setTimeout(done, Math.max(20, EVERY_MS - (performance.now() - began))));
    }
  }

  function zoomTo(zoom) {
    look.zoom = zoom;
    if (zoom === 1) look.x = look.y = 0.5;
    stage.classList.toggle("zoomed", zoom > 1);
    for (const each of page.querySelectorAll("[data-zoom]")) each.setAttribute("aria-pressed", String(Number(each.dataset.zoom) === zoom));
    focuses = []; // of another part of the picture
  }
  function move(x, y) {
    const within = (value) => Math.min(1, Math.max(0, value));
    [look.x, look.y] = [within(x), within(y)];
    focuses = [];
  }
  for (const each of page.querySelectorAll("[data-zoom]")) each.addEventListener("click", () => zoomTo(Number(each.dataset.zoom)));
  for (const each of page.querySelectorAll("[data-toggle]"))
    each.addEventListener("click", () => {
      const name = each.dataset.toggle;
      shown[name] = !shown[name];
      each.setAttribute("aria-pressed", String(shown[name]));
      if (name === "clipped") seen = "";
      else if (frame) showLines(frame);
    });
  find("again").addEventListener("click", () => (focuses = []));
  picture.addEventListener("click", (event) => {
    if (!frame || !area) return;
    const place = picture.getBoundingClientRect();
    const [x, y, width, height] = area;
    move((x + ((event.clientX - place.left) / place.width) * width) / frame.width, (y + ((event.clientY - place.top) / place.height) * height) / frame.height);
    if (look.zoom === 1) zoomTo(2);
  });
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    const zooms = [...page.querySelectorAll("[data-zoom]")].map((each) => Number(each.dataset.zoom));
    const next = zooms[zooms.indexOf(look.zoom) + { "+": 1, "-": -1 }[event.key]];
    if (next) zoomTo(next);
    else if (event.key in steps && look.zoom > 1) {
      const [x, y] = steps[event.key];
      move(look.x + (0.25 * x) / look.zoom, look.y + (0.25 * y) / look.zoom);
    } else {
      const button = page.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
      if (!button || event.repeat) return;
      button.click();
    }
    event.preventDefault();
  });
  follow();
}
