// Labels on their way to the station. Each is kept in this browser until the server has said that it is durable, and sent
// again until then, under one key: however often it arrives, it is one label. In order, since the last word counts.
const WAITS_MS = [500, 1000, 2000, 5000, 10000];
const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (v) => v.toString(16).padStart(2, "0")).join("");

export class Outbox {
  // `changed` is told { unsaved, state } with state "" | "sending" | "waiting" | "login"; `refused` an entry and why.
  constructor({ station, who, token, changed, refused }) {
    Object.assign(this, { token, changed, refused, unsaved: new Map(), underway: null, tries: 0, judged: false, timer: 0 });
    this.prefix = `qc-label:${station}:${who}:`;
    for (const [name, text] of this.kept()) this.unsaved.set(name.slice(this.prefix.length), JSON.parse(text));
    window.addEventListener("online", () => this.send());
    this.send();
  }

  kept() {
    try {
      return Object.entries(localStorage).filter(([name]) => name.startsWith(this.prefix)).sort((a, b) => JSON.parse(a[1]).at - JSON.parse(b[1]).at);
    } catch {
      return []; // a browser that keeps nothing: then they live as long as the page
    }
  }

  put(fields) {
    const key = random();
    const entry = { at: Date.now(), fields: { ...fields, key } };
    this.unsaved.set(key, entry);
    this.judged = true;
    try {
      localStorage.setItem(this.prefix + key, JSON.stringify(entry));
    } catch {} // full, or none: it is in memory
    this.send();
    return key;
  }

  // True if it had not been sent: then nobody has said anything.
  takeBack(key) {
    if (!this.unsaved.has(key) || this.underway === key || this.tries) return false;
    this.forget(key);
    this.tell("");
    return true;
  }

  forget(key) {
    this.unsaved.delete(key);
    try {
      localStorage.removeItem(this.prefix + key);
    } catch {}
  }

  async send() {
    if (this.underway) return;
    clearTimeout(this.timer);
    for (let next; (next = this.unsaved.entries().next().value); ) {
      const [key, { fields }] = next;
      this.underway = key;
      this.tell(this.tries ? "waiting" : "sending");
      const [outcome, why] = await this.post(fields);
      this.underway = null;
      if (outcome === "later" || outcome === "login") {
        this.tell(outcome === "login" ? "login" : "waiting");
        this.timer = setTimeout(() => this.send(), WAITS_MS[Math.min(this.tries++, WAITS_MS.length - 1)]);
        return;
      }
      this.tries = 0;
      this.forget(key);
      if (outcome === "refused") this.refused(fields, why);
    }
    this.tell("");
  }

  async post(fields) {
    try {
      // What no person has done just now, as a label sent again, keeps nobody logged in.
      const again = this.judged ? "0" : "1";
      this.judged = false;
      const body = new URLSearchParams({ ...fields, token: this.token });
      const answer = await fetch(`/review/label?again=${again}`, { method: "POST", body, redirect: "manual", signal: AbortSignal.timeout(20000) });
      if (answer.status === 204) return ["saved"];
      if (answer.status === 422) return ["refused", (await answer.json()).message];
      if (answer.status === 413) return ["refused", "413"];
      return [answer.status === 401 || answer.status === 403 || answer.type === "opaqueredirect" ? "login" : "later"];
    } catch {
      return ["later"]; // no connection, or no answer: it may be there already, which its key says
    }
  }

  tell(state) {
    this.changed({ unsaved: this.unsaved.size, state });
  }
}
