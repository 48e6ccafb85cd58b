// Draws what a camera's time is made of, and finds a moment in it.

import {formatClock, formatMinute, formatDay, formatMoment, describeSpan} from "./format.js";

const family = {
  unreachable: "network", refused: "network", denied: "network", timeout: "network", stream_ended: "network", camera_restart: "network",
  loss: "loss", overflow: "loss", no_keyframe: "loss", disk_full: "disk", disk_error: "disk",
  process_down: "ours", suspended: "ours", stopped: "ours", not_started: "ours", unsupported: "ours",
};

export const legend = [
  ["media", "recorded"], ["network", "camera or network gone"], ["loss", "lost on the way"], ["disk", "disk full or failing"],
  ["ours", "recorder not running"], ["unexplained", "missing, unexplained"], ["damage", "incomplete pictures"],
  ["pruned", "removed to make room"], ["lead", "before the first key frame"], ["protected", "protected"],
];

// colourOf names the colour of a span: the gravest of its causes decides.
function colourOf(s) {
  switch (s.use) {
    case "media": return "media";
    case "lead_in": return "lead";
    case "pruned": return "pruned";
    case "unexplained": return "unexplained";
    case "gap": {
      const families = (s.causes ?? []).map(c => family[c] ?? "ours");
      return ["disk", "loss", "network", "ours"].find(f => families.includes(f)) ?? "ours";
    }
  }
  return null;
}

const same = (a, b) => a.use === b.use && a.damage === b.damage && a.filled === b.filled && a.stream === b.stream && String(a.causes) === String(b.causes);

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000].map(s => s * 1000);
const shortest = 5000; // ms that the view shows at least

// View is the stretch of time that the timelines of one recording show together.
export class View extends EventTarget {
  constructor(from, to) { super(); this.limits(from, to); this.all(); }
  limits(from, to) { this.first = from; this.last = Math.max(to, from + shortest); }
  all() { this.set(this.first, this.last); }
  get whole() { return this.from <= this.first && this.to >= this.last; }
  set(from, to) {
    const span = Math.min(Math.max(to - from, shortest), this.last - this.first);
    from = Math.min(Math.max(from, this.first), this.last - span);
    this.from = from;
    this.to = from + span;
    this.dispatchEvent(new Event("change"));
  }
  zoom(factor, around = (this.from + this.to) / 2) {
    this.set(around - (around - this.from) * factor, around + (this.to - around) * factor);
  }
  move(ms) { this.set(this.from + ms, this.to + ms); }
}

export class Timeline {
  // pick(ms) is called when a moment was chosen; tip(text, x, y) shows a sentence, "" none.
  constructor(canvas, view, {pick, tip, name}) {
    Object.assign(this, {canvas, view, pick, tip, name, spans: [], damage: [], protected: [], mark: NaN, playing: NaN, pointers: new Map()});
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "slider");
    canvas.setAttribute("aria-label", "Timeline of " + name);
    view.addEventListener("change", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.listen();
  }

  // set takes what the server tells of the time from a moment on, or of all of it.
  set(line, from = -Infinity) {
    const times = s => ({...s, from: Date.parse(s.from), to: Date.parse(s.to || "9999-01-01")});
    const before = list => list.filter(s => s.from < from).map(s => ({...s, to: Math.min(s.to, from)}));
    const join = (old, fresh) => [...before(old), ...fresh.map(times)];
    this.spans = join(this.spans, line.spans).reduce((list, s) => {
      const last = list.at(-1);
      if (last && last.to === s.from && same(last, s)) last.to = s.to;
      else list.push(s);
      return list;
    }, []);
    this.damage = join(this.damage.filter(d => d.to <= from), line.damage);
    this.protected = line.protected.map(times);
    if (this.hovering) this.tip(this.describe(this.mark), ...this.shownAt);
    this.draw();
  }

  // end is as far as it is known.
  get end() { return this.spans.at(-1)?.to ?? NaN; }

  x(ms) { return (ms - this.view.from) / (this.view.to - this.view.from) * this.canvas.clientWidth; }
  at(x) { return this.view.from + x / this.canvas.clientWidth * (this.view.to - this.view.from); }
  spanAt(ms) { return this.spans.find(s => s.from <= ms && ms < s.to); }

  describe(ms) {
    const s = this.spanAt(ms);
    const parts = [this.view.to - this.view.from > 86400_000 ? formatMoment(ms) : formatClock(ms), s ? describeSpan(s) : "nothing recorded"];
    const slack = 3 * (this.view.to - this.view.from) / Math.max(1, this.canvas.clientWidth);
    const d = this.damage.find(d => d.from - slack <= ms && ms < d.to + slack);
    if (d) parts.push(`${d.units} incomplete picture${d.units === 1 ? "" : "s"}${d.lost ? `, ${d.lost} packets lost` : ""}`);
    const p = this.protected.find(p => p.from <= ms && ms < p.to);
    if (p) parts.push("protected: " + (p.why || "kept for ever"));
    return parts.join(" · ");
  }

  draw() {
    const {canvas, view} = this, ratio = devicePixelRatio || 1;
    const w = canvas.clientWidth, h = canvas.clientHeight;
    if (!w) return;
    canvas.width = w * ratio;
    canvas.height = h * ratio;
    const g = canvas.getContext("2d"), style = getComputedStyle(canvas);
    const colour = name => style.getPropertyValue("--" + name);
    g.scale(ratio, ratio);
    const top = 5, bar = h - 23;
    g.fillStyle = colour("line");
    g.fillRect(0, top, w, bar);
    // Media first and what is missing above it: a gap of a second in a day is seen, too.
    for (const media of [true, false]) {
      for (const s of this.spans) {
        const name = colourOf(s);
        if (!name || (s.use === "media") !== media || s.to <= view.from || s.from >= view.to) continue;
        const x = this.x(s.from), width = this.x(s.to) - x;
        g.fillStyle = colour(name);
        g.fillRect(x, top, media ? width : Math.max(width, 2), bar);
        if (s.use === "gap" || s.use === "unexplained") this.hatch(g, Math.max(x, 0), top, Math.min(x + width, w), bar);
      }
    }
    g.fillStyle = colour("damage");
    for (const d of this.damage) if (d.to > view.from && d.from < view.to) g.fillRect(this.x(d.from), top + bar - 5, Math.max(2, this.x(d.to) - this.x(d.from)), 5);
    g.fillStyle = colour("protected");
    for (const p of this.protected) if (p.to > view.from && p.from < view.to) g.fillRect(this.x(p.from), 0, Math.max(2, this.x(p.to) - this.x(p.from)), 3);
    this.axis(g, w, top, bar, colour("quiet"));
    this.needle(g, this.playing, colour("cursor"), top, bar, 2);
    if (document.activeElement === canvas || this.hovering) this.needle(g, this.mark, colour("accent"), top, bar, 1);
    this.say();
  }

  // hatch marks what is missing for those who do not see it by its colour.
  hatch(g, x, top, end, bar) {
    if (end - x < 6) return;
    g.save();
    g.beginPath();
    g.rect(x, top, end - x, bar);
    g.clip();
    g.beginPath();
    for (let at = x - bar; at < end; at += 7) { g.moveTo(at, top + bar); g.lineTo(at + bar, top); }
    g.strokeStyle = "rgb(255 255 255 / 35%)";
    g.lineWidth = 1.5;
    g.stroke();
    g.restore();
  }

  axis(g, w, top, bar, colour) {
    const span = this.view.to - this.view.from;
    const step = steps.find(s => s / span * w >= 74) ?? steps.at(-1);
    const shift = new Date(this.view.from).getTimezoneOffset() * 60000;
    g.fillStyle = colour;
    g.font = "11px system-ui, sans-serif";
    g.textBaseline = "bottom";
    for (let t = Math.ceil((this.view.from - shift) / step) * step + shift; t < this.view.to; t += step) {
      const x = this.x(t);
      g.fillRect(x, top + bar, 1, 4);
      const text = step >= 86400_000 ? formatDay(t) : step >= 60_000 ? formatMinute(t) : formatClock(t);
      const width = g.measureText(text).width;
      g.fillText(text, Math.min(Math.max(0, x - width / 2), w - width), top + bar + 18);
    }
  }

  needle(g, ms, colour, top, bar, width) {
    if (!(ms >= this.view.from && ms <= this.view.to)) return;
    const x = this.x(ms);
    g.fillStyle = colour;
    g.fillRect(x - width / 2, 0, width, top + bar + 2);
  }

  // say tells a screen reader where the mark is.
  say() {
    const {canvas, view} = this;
    const ms = Number.isNaN(this.mark) ? view.from : this.mark;
    canvas.setAttribute("aria-valuemin", Math.round(view.first / 1000));
    canvas.setAttribute("aria-valuemax", Math.round(view.last / 1000));
    canvas.setAttribute("aria-valuenow", Math.round(ms / 1000));
    canvas.setAttribute("aria-valuetext", this.describe(ms));
  }

  show(ms, x, y) {
    this.mark = ms;
    this.shownAt = [x, y];
    this.tip(this.describe(ms), x, y);
    this.draw();
  }

  hide() {
    this.hovering = false;
    this.tip("");
    this.draw();
  }

  listen() {
    const c = this.canvas, left = () => c.getBoundingClientRect().left;
    c.addEventListener("wheel", e => {
      e.preventDefault();
      if (e.shiftKey || Math.abs(e.deltaX) > Math.abs(e.deltaY)) this.view.move((e.deltaX || e.deltaY) / c.clientWidth * (this.view.to - this.view.from));
      else this.view.zoom(Math.exp(e.deltaY / 400), this.at(e.clientX - left()));
    }, {passive: false});
    c.addEventListener("pointerdown", e => {
      c.setPointerCapture(e.pointerId);
      this.pointers.set(e.pointerId, {x: e.clientX, y: e.clientY});
      this.dragged = this.pointers.size > 1;
    });
    c.addEventListener("pointermove", e => this.moved(e, left()));
    const up = e => {
      const known = this.pointers.delete(e.pointerId);
      if (e.type === "pointerup" && known && !this.dragged) {
        this.mark = this.at(e.clientX - left());
        this.pick(this.mark);
      }
    };
    c.addEventListener("pointerup", up);
    c.addEventListener("pointercancel", up);
    c.addEventListener("pointerleave", () => this.hide());
    c.addEventListener("blur", () => this.hide());
    c.addEventListener("keydown", e => this.key(e));
    c.addEventListener("focus", () => this.draw());
  }

  moved(e, left) {
    const p = this.pointers.get(e.pointerId);
    this.hovering = true;
    this.show(this.at(e.clientX - left), e.clientX, e.clientY);
    if (!p) return;
    const others = [...this.pointers].filter(([id]) => id !== e.pointerId);
    if (others.length === 1) { // pinch
      const o = others[0][1], before = Math.abs(p.x - o.x), after = Math.abs(e.clientX - o.x);
      if (before > 10 && after > 10) this.view.zoom(before / after, this.at((e.clientX + o.x) / 2 - left));
    } else if (this.dragged || Math.abs(e.clientX - p.x) > 5) {
      this.dragged = true;
      this.view.move((p.x - e.clientX) / this.canvas.clientWidth * (this.view.to - this.view.from));
    } else {
      return; // not yet a drag: the starting point stays
    }
    Object.assign(p, {x: e.clientX, y: e.clientY});
  }

  key(e) {
    const span = this.view.to - this.view.from;
    const move = {ArrowLeft: -span / 100, ArrowRight: span / 100, PageUp: -span / 4, PageDown: span / 4}[e.key];
    let at = Number.isNaN(this.mark) ? this.view.from : this.mark;
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (move) at += e.shiftKey ? move / 10 : move;
    else if (e.key === "Home") at = this.view.first;
    else if (e.key === "End") at = this.view.last;
    else if (e.key === "g" || e.key === "G") at = this.spans.find(s => (s.use === "gap" || s.use === "unexplained") && s.from > at + 1)?.from ?? at;
    else if (e.key === "+" || e.key === "=") this.view.zoom(0.5, at);
    else if (e.key === "-") this.view.zoom(2, at);
    else if (e.key === "0") this.view.all();
    else if (e.key === "Enter" || e.key === " ") this.pick(at);
    else return;
    e.preventDefault();
    at = Math.min(Math.max(at, this.view.first), this.view.last);
    if (at < this.view.from || at > this.view.to) this.view.move(at - (this.view.from + this.view.to) / 2);
    const box = this.canvas.getBoundingClientRect();
    this.show(at, box.left + this.x(at), box.bottom);
  }
}

