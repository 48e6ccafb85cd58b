// The page: recordings, their cameras and timelines, and the player above them.

import {Player, canPlay, whyNot} from "./player.js";
import {Timeline, View, legend} from "./timeline.js";
import * as format from "./format.js";

const $ = id => document.getElementById(id);

// make builds an element: make("a", {class: "x", href: "/"}, "text", child).
function make(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else if (value !== undefined) e.setAttribute(name, value);
  }
  e.append(...children.filter(c => c !== undefined && c !== null));
  return e;
}

async function ask(url) {
  const answer = await fetch(url, {cache: "no-store"});
  const body = await answer.json();
  if (!answer.ok && answer.status !== 503) throw new Error(body.error ?? answer.statusText);
  return body;
}

const player = new Player($("video"), {
  tell(text) { $("message").textContent = text; $("message").hidden = text === ""; },
  notes(list) { $("notes").replaceChildren(...list.map(n => make("li", {}, n))); },
});

const cameras = new Map(); // by path: {camera, timeline, row}
let playing = null;        // path

function play(path, from) {
  const {camera} = cameras.get(path);
  $("player").hidden = false;
  $("title").textContent = `${camera.name} · ${camera.recording}`;
  $("mode").hidden = from !== undefined;
  $("golive").hidden = camera.state !== "recording" || from === undefined;
  $("back").disabled = $("forward").disabled = $("rate").disabled = from === undefined;
  for (const [p, c] of cameras) c.row.classList.toggle("playing", p === path);
  if (playing !== path || from === undefined) $("rate").value = "1";
  playing = path;
  const why = unplayable(camera);
  if (why) {
    player.stop();
    $("message").textContent = why;
    $("message").hidden = false;
  } else {
    player.play(path, from, camera.state === "recording" ? undefined : Date.parse(camera.to));
    if (from !== undefined) player.video.defaultPlaybackRate = player.video.playbackRate = Number($("rate").value);
  }
  $("screen").classList.toggle("empty", why !== "");
  const start = from ?? Date.now() - 60_000;
  setCut(start, Math.min(start + 60_000, from === undefined ? Date.now() : Date.parse(camera.to)));
  tick();
  $("player").scrollIntoView({block: "nearest", behavior: "smooth"});
}

function stop() {
  player.stop();
  $("player").hidden = true;
  if (playing) cameras.get(playing)?.row.classList.remove("playing");
  playing = null;
}

// unplayable says why this browser cannot show a camera's picture; "" if it can.
function unplayable(camera) {
  const track = camera.tracks.find(t => t.kind === "video") ?? camera.tracks[0];
  if (!track) return "";
  if (track.browser === "no") return sentence(track.why);
  return track.browser === "as recorded" && track.codecs && !canPlay(track.codecs) ? whyNot(track.codecs) : "";
}

const sentence = s => s ? s[0].toUpperCase() + s.slice(1) + "." : "";

function setCut(from, to) {
  $("cutfrom").value = format.toInput(from);
  $("cutto").value = format.toInput(Math.max(to, from + 1000));
  cutChanged();
}

function cutChanged() {
  const from = format.fromInput($("cutfrom").value), to = format.fromInput($("cutto").value);
  const ok = playing && from < to;
  $("cutget").toggleAttribute("aria-disabled", !ok);
  if (ok) $("cutget").href = "/clip?" + new URLSearchParams({camera: playing, from: from / 1000, to: to / 1000});
  else $("cutget").removeAttribute("href");
}

// step moves by seconds, over what is loaded or not.
function step(seconds) { if (playing && !Number.isNaN(player.now)) play(playing, player.now + seconds * 1000); }

// A tip stands near the pointer, inside the window.
function tip(text, x, y) {
  const t = $("tip");
  t.classList.toggle("shown", text !== "");
  if (text === "") return;
  t.textContent = text;
  const box = t.getBoundingClientRect();
  t.style.left = Math.max(4, Math.min(x - box.width / 2, innerWidth - box.width - 4)) + "px";
  t.style.top = (y + 22 + box.height > innerHeight ? y - box.height - 14 : y + 20) + "px";
}

function tracksText(camera) {
  return camera.tracks.map(t => t.title + (t.browser === "converted" ? " (plays here as FLAC)" : t.browser === "no" && t.kind === "audio" ? " (not playable here)" : "")).join(" · ");
}

// thumbnail is the newest still of a camera, where the server makes them.
function thumbnail(camera) {
  if (!("stills" in document.body.dataset) || !camera.from || !camera.tracks.some(t => t.kind === "video")) return null;
  const img = make("img", {class: "still", alt: "", loading: "lazy", width: 112, height: 63, onerror: () => img.remove()});
  const show = () => { img.src = "/still.jpg?" + new URLSearchParams({camera: camera.path, width: 224, ...(camera.state === "recording" ? {t: Date.now()} : {})}); };
  show();
  // A growing recording shows how things are now, while somebody looks at it.
  if (camera.state === "recording") {
    const timer = setInterval(() => {
      if (!img.isConnected) clearInterval(timer);
      else if (!document.hidden && img.offsetParent) show();
    }, 10_000);
  }
  return img;
}

function cameraRow(camera, view) {
  const canvas = make("canvas");
  const row = make("div", {class: "camera"});
  const path = camera.path, why = unplayable(camera);
  const timeline = new Timeline(canvas, view, {name: camera.name, tip, pick: ms => play(path, ms)});
  const missing = camera.gaps > 0 ? `, ${camera.gaps} gap${camera.gaps === 1 ? "" : "s"} (${format.formatLength(camera.missing_s)})` : "";
  row.append(make("div", {class: "row"},
    thumbnail(camera),
    make("strong", {class: "name"}, camera.name),
    make("span", {class: "quiet"}, tracksText(camera)),
    make("span", {class: camera.gaps > 0 ? "quiet warn" : "quiet"}, `${format.formatShare(camera.coverage)} recorded${missing}`),
    make("span", {class: "quiet state"}),
    make("span", {class: "buttons"},
      camera.state === "recording" && !why ? make("button", {type: "button", class: "first", onclick: () => play(path), "aria-label": "Watch " + camera.name + " live"}, "Live") : null,
      camera.from ? make("button", {type: "button", onclick: () => play(path, Date.parse(camera.from)), "aria-label": (why ? "Download " : "Play ") + camera.name + " from the beginning"}, why ? "Download" : "Play") : null),
    why ? make("span", {class: "why"}, why) : null), canvas);
  cameras.set(path, {camera, timeline, row});
  return row;
}

// sum says in short what a recording holds.
function sum(rec) {
  const from = Date.parse(rec.from), to = Date.parse(rec.to);
  return `${format.formatRange(from, to)} (${format.formatLength((to - from) / 1000)}), ${format.formatBytes(rec.bytes)}`;
}

function recordingCard(rec, open) {
  const from = Date.parse(rec.from), to = Date.parse(rec.to);
  const known = !Number.isNaN(from) && !Number.isNaN(to);
  const card = make("details", {}, make("summary", {},
    make("h2", {}, rec.name),
    make("span", {class: "badge " + rec.state}, rec.state),
    make("span", {class: "quiet sum"}, known ? sum(rec) : "nothing recorded yet"),
    rec.error ? make("span", {class: "why warn"}, rec.error) : null));
  if (!known) return card;
  const view = new View(from, to), range = make("span", {class: "range quiet"});
  const show = () => { range.textContent = format.formatRange(view.from, view.to); };
  view.addEventListener("change", show);
  show();
  const tool = (text, label, does) => make("button", {type: "button", title: label, "aria-label": label, onclick: does}, text);
  card.append(make("div", {class: "inside"},
    make("div", {class: "tools"}, range,
      tool("‹", "Earlier", () => view.move(-(view.to - view.from) / 2)), tool("›", "Later", () => view.move((view.to - view.from) / 2)),
      tool("+", "Zoom in", () => view.zoom(0.5)), tool("−", "Zoom out", () => view.zoom(2)), tool("All", "Show all", () => view.all())),
    ...rec.cameras.map(c => cameraRow(c, view))));
  const load = () => { if (card.open) for (const c of rec.cameras) loadTimeline(c.path); };
  card.addEventListener("toggle", load);
  card.open = open;
  views.set(rec.name, {view, card});
  return card;
}

const views = new Map(); // by recording: {view, card}

// loadTimeline asks for a camera's timeline: for its end as long as it grows, and now and
// then for all of it, because gaps may have been filled.
async function loadTimeline(path) {
  const c = cameras.get(path), q = new URLSearchParams({camera: path});
  c.loads = (c.loads ?? 0) + 1;
  const from = c.loads % 24 === 1 || Number.isNaN(c.timeline.end) ? -Infinity : c.timeline.end - 60_000;
  if (from > c.timeline.view.first) q.set("from", from / 1000);
  try {
    c.timeline.set(await ask("/api/v1/timeline?" + q), q.has("from") ? from : -Infinity);
  } catch (err) {
    c.row.querySelector(".state").textContent = err.message;
  }
}

// signature changes when the list has to be built anew.
const signature = list => list.map(r => [r.name, r.state, r.error, ...r.cameras.map(c => [c.path, c.tracks.map(t => t.title)])].join()).join(";");
let shown = "";

async function refresh() {
  const {recordings} = await ask("/api/v1/recordings");
  recordings.sort((a, b) => (b.state === "recording") - (a.state === "recording") || (b.from ?? "").localeCompare(a.from ?? ""));
  if (signature(recordings) !== shown) {
    shown = signature(recordings);
    const open = new Set([...views].filter(([, v]) => v.card.open).map(([name]) => name));
    cameras.clear();
    views.clear();
    const cards = recordings.map((r, i) => recordingCard(r, open.size ? open.has(r.name) : i === 0));
    $("recordings").replaceChildren(...(cards.length ? cards : [make("p", {class: "quiet"}, "Nothing has been recorded yet.")]));
    if (playing) cameras.get(playing)?.row.classList.add("playing");
    return;
  }
  for (const rec of recordings.filter(r => r.state === "recording")) {
    const v = views.get(rec.name);
    if (!v) continue;
    v.card.querySelector(".sum").textContent = sum(rec);
    const whole = v.view.whole;
    v.view.limits(Date.parse(rec.from), Date.parse(rec.to));
    if (whole) v.view.all();
    for (const c of rec.cameras) {
      cameras.get(c.path).camera = c;
      if (v.card.open) loadTimeline(c.path);
    }
  }
}

async function refreshState() {
  const health = await ask("/healthz"), box = $("health");
  box.className = health.status === "ok" ? "ok" : "bad";
  const one = health.failing === 1;
  box.textContent = health.failing > 0 ? `${health.failing} of ${health.recording} cameras ${one ? "does" : "do"} not reach the disk: ` + health.missing.map(m => m.camera + (m.reason ? ` (${m.reason})` : "")).join(", ")
    : health.recording > 0 ? `${health.recording} camera${health.recording === 1 ? "" : "s"} recording` : "not recording now";
  const {cameras: live} = await ask("/api/v1/live");
  for (const s of live) {
    const c = cameras.get(s.recorded?.camera);
    if (c) c.row.querySelector(".state").textContent = stateText(s);
  }
  // What is not recorded has no fragments that a browser could play.
  const only = live.filter(s => !s.recorded);
  $("live").hidden = only.length === 0;
  $("live").replaceChildren(make("h2", {}, "Live only"), make("p", {class: "quiet"}, "Not recorded, so players can watch over RTSP, and this page cannot."),
    ...only.map(s => make("p", {class: "path"}, make("strong", {class: "name"}, s.path), make("span", {class: "quiet"}, stateText(s)))));
}

function stateText(s) {
  return s.state === "recording" || s.state === "live" ? `${s.fps > 0 ? s.fps.toFixed(1) + " fps, " : ""}${(s.bitrate / 1e6).toFixed(1)} Mbit/s` : s.state + (s.reason ? ": " + s.reason : "");
}

// every runs do now and again after some seconds, while the page is looked at.
async function every(seconds, does, failed) {
  for (;;) {
    if (!document.hidden) await does().then(() => failed(null), failed);
    await new Promise(done => setTimeout(done, seconds * 1000));
  }
}

function tick() {
  const now = player.now;
  $("clock").textContent = Number.isNaN(now) ? "" : format.formatMoment(now);
  for (const [path, c] of cameras) {
    const at = path === playing ? now : NaN;
    if (Object.is(at, c.timeline.playing)) continue;
    c.timeline.playing = at;
    c.timeline.draw();
  }
}

$("zone").textContent = format.zone;
$("legend").append(...legend.map(([name, text]) => {
  const li = make("li", {}, text);
  li.style.setProperty("--c", `var(--${name})`);
  return li;
}));
$("close").addEventListener("click", stop);
$("back").addEventListener("click", () => step(-10));
$("forward").addEventListener("click", () => step(10));
$("golive").addEventListener("click", () => play(playing));
$("rate").addEventListener("change", () => { player.video.playbackRate = Number($("rate").value); });
for (const id of ["cutfrom", "cutto"]) $(id).addEventListener("input", cutChanged);
$("cut").addEventListener("submit", e => e.preventDefault());
setInterval(tick, 250);
let listed = false;
every(5, refresh, err => {
  if (err && !listed) $("recordings").replaceChildren(make("p", {class: "warn"}, err.message));
  listed ||= !err;
});
every(5, refreshState, err => {
  if (err) { $("health").className = "bad"; $("health").textContent = "The server does not answer."; }
});
