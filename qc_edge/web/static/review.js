// Review: one part after the other without loading the page. The next ones are fetched ahead with their pictures; what was
// said is sent in the background. Without scripts the form does the same, a page at a time.
import { Drawing } from "./review_drawing.js";
import { Outbox } from "./review_outbox.js";
import { Viewer } from "./review_viewer.js";

const AHEAD = 2;
const BEHIND = 20;
const root = document.querySelector("[data-review]");
const [place, done, fetching, saving, refused] = ["place", "done", "fetching", "saving", "refused"].map((name) => root.querySelector(`[data-${name}]`));
const coming = []; // looks that were fetched, with their pictures
const judged = []; // { look, key } of what was said on this page, the last at the end
const shows = { map: false, input: false, tool: "box" }; // goes on from part to part
let now = null; // what is looked at
let asking = null;
let isLast = false; // the server has none beside those that are here

class Look {
  constructor(form) {
    Object.assign(this, { form, frame: form.dataset.frame, began: 0 });
    this.viewer = new Viewer(form.querySelector("[data-figure]"));
    this.drawing = new Drawing(this.viewer.figure, this.viewer);
    const around = form.querySelector("[data-around]");
    around.addEventListener("toggle", () => this.around(around));
  }

  async around(details) {
    const inside = details.querySelector("div");
    if (details.open && !inside.childElementCount) {
      inside.innerHTML = await text(details.dataset.around); // escaped by the server
      details.scrollIntoView({ block: "nearest" });
    }
  }

  apply() {
    for (const name of ["map", "input"]) {
      this.form.querySelector(`[data-toggle=${name}]`)?.setAttribute("aria-pressed", String(shows[name]));
      this.form.querySelector(`[data-${name}]`)?.toggleAttribute("hidden", !shows[name]);
    }
    this.drawing.choose(shows.tool);
    for (const button of this.form.querySelectorAll("button[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset.tool === shows.tool));
    this.viewer.reset();
  }
}

const outbox = new Outbox({
  station: root.dataset.station,
  who: root.dataset.who,
  token: root.dataset.token,
  changed({ unsaved, state }) {
    saving.hidden = !judged.length && !unsaved;
    saving.dataset.state = state;
    saving.textContent = (unsaved ? saving.dataset[state || "sending"] : saving.dataset.saved).replace("{count}", unsaved);
    if (state === "login") {
      const link = Object.assign(document.createElement("a"), { href: "/login?next=%2Freview", textContent: "→" });
      saving.append(" ", link);
    }
  },
  refused(fields, why) {
    const line = document.createElement("p");
    const link = Object.assign(document.createElement("a"), { href: `/review?frame=${encodeURIComponent(fields.frame)}`, textContent: fields.frame });
    line.className = "said";
    line.append(`${refused.dataset.text} ${why} `, link);
    refused.append(line);
  },
});

async function text(address) {
  const answer = await fetch(address, { redirect: "manual" });
  return answer.status === 200 ? answer.text() : "";
}

async function prepared(html) {
  const form = new DOMParser().parseFromString(html, "text/html").querySelector("[data-look]");
  const look = new Look(document.adoptNode(form));
  // Decoded too, so that it is on the screen with the next frame. What fails shows that it is gone.
  await Promise.allSettled([...form.querySelectorAll("[data-picture], [data-map]")].map((image) => image.decode()));
  return look;
}

async function fill() {
  if (asking || coming.length >= AHEAD || isLast) return;
  const here = [now, ...coming, ...judged.slice(-BEHIND).map(({ look }) => look)].filter(Boolean).map((look) => look.frame);
  const unsaved = [...outbox.unsaved.values()].map(({ fields }) => fields.frame);
  asking = fetch(`/review/next?besides=${encodeURIComponent([...new Set([...here, ...unsaved])].slice(-150))}`, { redirect: "manual" });
  let wait = 0;
  try {
    const answer = await asking;
    if (answer.status === 200) coming.push(await prepared(await answer.text()));
    else if (answer.status === 204) isLast = true;
    else wait = 2000; // logged out, or the server is on its way up
  } catch {
    wait = 1000;
  }
  asking = null;
  if (!now) forth();
  if (wait) setTimeout(fill, wait);
  else fill();
}

function show(look) {
  now = look;
  fetching.hidden = Boolean(look) || isLast;
  done.hidden = Boolean(look) || !isLast;
  if (!look) {
    place.replaceChildren();
    if (isLast) done.querySelector("h2").focus();
    return;
  }
  place.replaceChildren(look.form);
  look.apply();
  look.began = performance.now();
}

function forth() {
  show(coming.shift() ?? null);
}

function judge(said) {
  const look = now;
  if (!look) return;
  const form = look.form.elements;
  look.drawing.end(true);
  const fields = { frame: look.frame, said, blind: form.blind.value, why: form.why.value, class: form.class?.value ?? "" };
  fields.regions = said === "defect" ? look.drawing.json() : "";
  fields.took = ((performance.now() - look.began) / 1000).toFixed(2);
  const told = look.form.querySelector("[data-judged]");
  told.hidden = false;
  told.querySelector("strong").textContent = look.form.querySelector(`[name=said][value=${said}]`).firstChild.textContent.trim();
  forth(); // first what the person waits for
  judged.push({ look, key: outbox.put(fields) });
  if (judged.length > BEHIND) judged.shift();
  setTimeout(fill);
}

function back() {
  const last = judged.pop();
  if (!last) return;
  if (outbox.takeBack(last.key)) last.look.form.querySelector("[data-judged]").hidden = true;
  if (now) coming.unshift(now);
  show(last.look);
}

function act(button) {
  const { tool, toggle, zoom } = button.dataset;
  if (tool) {
    shows.tool = tool;
    now.apply();
    now.viewer.figure.focus();
  } else if (toggle) {
    shows[toggle] = !shows[toggle];
    now.apply();
  } else if (zoom) Number(zoom) ? now.viewer.zoom(Number(zoom)) : now.viewer.reset();
  else if ("clear" in button.dataset) now.drawing.undo();
}

root.addEventListener("click", (event) => {
  const button = event.target.closest("button, a");
  if (!button || button.disabled) return;
  if ("back" in button.dataset && judged.length) {
    event.preventDefault();
    back();
  } else if (button.name === "said") {
    event.preventDefault();
    judge(button.value);
  } else if (button.type === "button" && now) act(button);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, .bar")) return;
  const key = event.key.toLowerCase();
  if (now && event.target === now.viewer.figure && now.drawing.key(event)) {
    event.preventDefault();
    return;
  }
  if (event.repeat && key.length === 1 && !"+-".includes(key)) return;
  const kinds = now?.form.elements.class;
  if (kinds && key >= "1" && key < String(Math.min(kinds.options.length, 10)) && key.length === 1) kinds.selectedIndex = Number(key);
  const button = (now ? now.form : done).querySelector(`[data-key="${CSS.escape(key === "=" ? "+" : key)}"]`);
  if (button) {
    event.preventDefault();
    button.click();
  }
});

window.addEventListener("pagehide", () => {
  const frames = coming.map((look) => look.frame); // the one that was looked at stays this person's: it may be a reload
  const body = new URLSearchParams({ token: root.dataset.token, frames });
  if (frames.length) navigator.sendBeacon("/review/release", body);
});
window.addEventListener("pageshow", (event) => event.persisted && location.reload()); // what was given back is another's

const first = place.querySelector("[data-look]");
if (first) show(new Look(first));
fill();
