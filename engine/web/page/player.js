// Plays recordings and live cameras in a <video>, by the media source extensions where the
// browser has no HLS of its own. Time 0 of the video is a moment of the day: player.base.

import {parse} from "./playlist.js";
import {tracksOf, startOf} from "./mp4.js";

const ahead = 30;        // seconds of a recording that are fetched before they are played
const behind = 20;       // seconds that are kept for stepping back
const stretch = 600_000; // ms of a recording that one playlist is asked for
const edge = 3;          // seconds behind the newest media before a live picture jumps on

const sleep = (ms, signal) => new Promise((done, failed) => {
  const timer = setTimeout(done, ms);
  signal.addEventListener("abort", () => { clearTimeout(timer); failed(signal.reason); }, {once: true});
});

// once waits for an event of a target, or for the end of the session.
const once = (target, name, signal) => new Promise((done, failed) => {
  target.addEventListener(name, done, {once: true, signal});
  signal.addEventListener("abort", () => failed(signal.reason), {once: true});
});

// canPlay says whether this browser has decoders for codecs.
export function canPlay(codecs) {
  const Source = window.MediaSource ?? window.ManagedMediaSource;
  return Source ? Source.isTypeSupported(mime(codecs)) : document.createElement("video").canPlayType(mime(codecs)) !== "";
}

const isVideo = codecs => /(^|,)\s*(avc|hvc|hev|mp4v|av01|vp0)/.test(codecs);
const mime = codecs => `${isVideo(codecs) ? "video" : "audio"}/mp4; codecs="${codecs}"`;

const titles = [[/^hvc1|^hev1/, "H.265"], [/^avc/, "H.264"], [/^opus/i, "Opus"], [/^flac/i, "FLAC"], [/^mp4a/, "AAC"]];

// whyNot is the sentence for codecs that this browser cannot play.
export function whyNot(codecs) {
  const missing = codecs.split(",").map(c => c.trim()).filter(c => !canPlay(c))
    .map(c => titles.find(([known]) => known.test(c))?.[1] ?? c);
  return `This browser has no decoder for ${missing.join(" and ") || codecs}. Another browser may, and the downloaded clip plays in VLC.`;
}

class HTTPError extends Error {
  constructor(status, text) { super(text); this.status = status; }
}

async function get(url, signal, range) {
  const headers = range ? {Range: `bytes=${range[0]}-${range[0] + range[1] - 1}`} : {};
  let answer;
  try {
    answer = await fetch(url, {signal, headers, cache: "no-store"});
  } catch (err) {
    if (signal.aborted) throw err;
    throw new HTTPError(0, "The server does not answer; trying again.");
  }
  if (!answer.ok) {
    let why = answer.statusText;
    try { why = (await answer.json()).error; } catch { /* not ours */ }
    throw new HTTPError(answer.status, why);
  }
  return answer;
}

export class Player {
  // tell(text) shows a sentence, or nothing when empty; notes(list) what is left out.
  constructor(video, {tell, notes}) {
    this.video = video;
    this.tell = tell;
    this.notes = notes;
    this.base = NaN;
    this.end = null; // AbortController of what is playing
    setInterval(() => this.watch(), 250);
    video.addEventListener("error", () => {
      if (this.end && video.error) this.tell("The browser cannot play this: " + video.error.message);
    });
  }

  // now is the moment that is shown, in ms since 1970; NaN when there is none.
  get now() { return this.base + this.video.currentTime * 1000; }

  stop() {
    this.end?.abort(new DOMException("stopped", "AbortError"));
    this.end = null;
    this.base = NaN;
    this.live = false;
    this.video.removeAttribute("src");
    this.video.load();
    this.tell("");
    this.notes([]);
  }

  // play shows a camera from a moment on (ms), or live without one. until is when its
  // recording ends; without it there will be more.
  play(camera, from, until) {
    if (!this.live && camera === this.camera && this.within(from)) {
      this.video.currentTime = (from - this.base) / 1000;
      this.start();
      return;
    }
    this.stop();
    this.camera = camera;
    this.until = until;
    this.live = from === undefined;
    this.end = new AbortController();
    const signal = this.end.signal;
    const run = window.MediaSource || window.ManagedMediaSource ? this.session(camera, from, signal) : this.native(camera, from, signal);
    run.catch(err => this.failed(err, from, signal));
  }

  // failed says why, and tries again where that may help: the server is busy or away, or
  // live media was over before we came for it.
  async failed(err, from, signal) {
    if (signal.aborted) return;
    this.tell(err.message || String(err));
    if (err.status !== 0 && err.status !== 503 && !(this.live && err.piece)) return;
    const {camera, until, live, now} = this;
    await sleep(2000, signal).catch(() => {});
    if (signal.aborted) return;
    this.stop();
    this.play(camera, live ? undefined : Number.isNaN(now) ? from : now, until);
  }

  // within reports whether a moment is there already.
  within(ms) {
    const at = (ms - this.base) / 1000, b = this.video.buffered;
    for (let i = 0; i < b.length; i++) if (b.start(i) <= at && at < b.end(i) - 0.1) return true;
    return false;
  }

  start() {
    this.video.play().catch(err => {
      // Without a click before it a browser plays only what makes no sound.
      if (err.name === "NotAllowedError") { this.video.muted = true; this.video.play().catch(() => {}); }
    });
  }

  // native leaves everything to a browser that knows HLS.
  async native(camera, from, signal) {
    const q = new URLSearchParams({camera});
    if (from !== undefined) { q.set("from", from / 1000); q.set("to", from / 1000 + 6 * 3600); }
    const url = "/hls/index.m3u8?" + q;
    if (this.video.canPlayType("application/vnd.apple.mpegurl") === "") throw new Error("This browser plays no streams. The downloaded clip plays in VLC.");
    await get(url, signal); // for its sentence when there is nothing
    this.video.src = url;
    this.video.addEventListener("loadedmetadata", () => { this.base = this.video.getStartDate?.().getTime() ?? from; }, {signal, once: true});
    this.start();
  }

  // session plays piece after piece. Where the coding changes it goes on with a new source.
  async session(camera, from, signal) {
    const pieces = from === undefined ? this.livePieces(camera, signal) : this.recordedPieces(camera, from, signal);
    let source = null, piece;
    this.tell(this.live ? "Connecting…" : "Loading…");
    for await (piece of pieces) {
      if (source && piece.codecs !== source.codecs) {
        await source.played();
        source = null;
      }
      if (!source) {
        if (!canPlay(piece.codecs)) throw new Error(whyNot(piece.codecs));
        source = new Source(this, piece, signal);
        await source.open();
      }
      await source.add(piece).catch(err => { err.piece = true; throw err; });
      if (this.video.paused && !source.started) {
        source.started = true;
        const start = from === undefined ? 0 : (from - this.base) / 1000;
        if (start > 0) this.video.currentTime = start;
        this.start();
      }
      this.tell("");
      await source.room();
    }
    source?.finish();
    if (!source) this.tell("Nothing was recorded there.");
  }

  // recordedPieces yields the pieces from a moment on, playlist after playlist.
  async *recordedPieces(camera, from, signal) {
    for (let at = from; !(at >= this.until - 50);) {
      if (at !== from) {
        const next = await nextMedia(camera, at, signal);
        if (!next && this.until) return;
        if (!next) { await sleep(2000, signal); continue; } // it is being recorded
        at = next;
      }
      const q = new URLSearchParams({camera, from: at / 1000, to: (at + stretch) / 1000});
      const list = await this.playlist("/hls/media.m3u8?" + q, signal);
      let last = at;
      for (const p of list.pieces) {
        const ends = p.time + p.duration * 1000;
        // What is asked for begins at the key frame before: that was played already.
        if (p.gap || ends <= at + 50 && at !== from) continue;
        yield p;
        last = Math.max(last, ends);
      }
      at = last > at ? last : at + 1000;
    }
  }

  // livePieces yields the parts of what is being recorded, as they are written.
  async *livePieces(camera, signal) {
    const q = new URLSearchParams({camera});
    let next = null; // {sequence, part} of what was not yielded yet
    for (;;) {
      if (next) { q.set("_HLS_msn", next.sequence); q.set("_HLS_part", next.part); }
      let list;
      try {
        list = await this.playlist("/hls/live.m3u8?" + q, signal);
      } catch (err) {
        if (err.status === 503) { this.tell(err.message); await sleep(1000, signal); continue; }
        if (err.status !== 400 || !next) throw err;
        next = null; // the server begins anew
        q.delete("_HLS_msn"); q.delete("_HLS_part");
        continue;
      }
      next ??= {sequence: list.pieces.at(-1)?.sequence ?? 0, part: 0};
      if (next.sequence < (list.pieces[0]?.sequence ?? 0)) next = {sequence: list.pieces.at(-1).sequence, part: 0}; // we were away
      for (const p of list.pieces) {
        if (p.sequence < next.sequence) continue;
        let time = p.time;
        for (let i = 0; i < p.parts.length; i++) {
          const part = p.parts[i];
          if (p.sequence > next.sequence || i >= next.part) {
            yield {...part, time, init: p.init, codecs: p.codecs, discontinuity: p.discontinuity && i === 0, live: true};
          }
          time += part.duration * 1000;
        }
        next = p.url ? {sequence: p.sequence + 1, part: 0} : {sequence: p.sequence, part: p.parts.length};
      }
      if (list.end) return;
    }
  }

  async playlist(url, signal) {
    const list = parse(await (await get(url, signal)).text(), new URL(url, location.href));
    this.notes(list.notes);
    return list;
  }

  // watch steps over what was not recorded, and keeps a live picture at the edge.
  watch() {
    const v = this.video, b = v.buffered;
    if (!this.end || b.length === 0 || v.seeking) return;
    const at = v.currentTime;
    for (let i = 0; i < b.length; i++) {
      if (b.start(i) > at && !v.paused && !this.covered(at + 0.15)) { v.currentTime = b.start(i) + 0.01; return; }
    }
    if (!this.live) return;
    const late = b.end(b.length - 1) - at;
    if (late > edge && !v.paused) v.currentTime = b.end(b.length - 1) - 0.7;
    v.playbackRate = late > 1.6 ? 1.08 : 1;
  }

  covered(at) {
    const b = this.video.buffered;
    for (let i = 0; i < b.length; i++) if (b.start(i) <= at && at <= b.end(i)) return true;
    return false;
  }
}

// nextMedia finds the first media after a moment (ms); 0: there is none.
async function nextMedia(camera, after, signal) {
  const q = new URLSearchParams({camera, from: after / 1000});
  const line = await (await get("/api/v1/timeline?" + q, signal)).json();
  const span = line.spans.find(s => s.use === "media" && Date.parse(s.to) > after + 1000);
  return span ? Math.max(after + 1, Date.parse(span.from)) : 0;
}

// Source is one media source: pieces of one coding.
class Source {
  constructor(player, piece, signal) {
    this.player = player;
    this.video = player.video;
    this.codecs = piece.codecs;
    this.signal = signal;
    this.init = null; // as the buffer has it
    this.tracks = [];
    player.base = piece.time;
  }

  async open() {
    const managed = !window.MediaSource;
    this.media = managed ? new ManagedMediaSource() : new MediaSource();
    if (managed) this.video.disableRemotePlayback = true;
    const url = URL.createObjectURL(this.media);
    const opened = once(this.media, "sourceopen", this.signal);
    this.video.src = url;
    await opened;
    URL.revokeObjectURL(url);
    this.buffer = this.media.addSourceBuffer(mime(this.codecs));
  }

  async add(piece) {
    const key = piece.init.url + (piece.init.range ?? "");
    const fresh = key !== this.init;
    if (fresh) {
      const head = await (await get(piece.init.url, this.signal, piece.init.range)).arrayBuffer();
      this.tracks = tracksOf(head);
      this.head = head;
      this.init = key;
    }
    const data = await (await get(piece.url, this.signal, piece.range)).arrayBuffer();
    if (fresh || piece.discontinuity) {
      // The file's own time against the time of day, once for each header.
      const start = startOf(data, this.tracks);
      if (start !== null) this.buffer.timestampOffset = (piece.time - this.player.base) / 1000 - start;
    }
    if (fresh) await this.append(this.head);
    await this.append(data);
  }

  async append(data) {
    for (let tries = 0; ; tries++) {
      try {
        this.buffer.appendBuffer(data);
        break;
      } catch (err) {
        if (err.name !== "QuotaExceededError" || tries > 20) throw this.video.error ? new Error("The browser cannot decode this: " + this.video.error.message) : err;
        await this.forget(tries > 4 ? 1 : behind);
        await sleep(500, this.signal);
      }
    }
    await once(this.buffer, "updateend", this.signal);
    if (this.video.error) throw new Error("The browser cannot decode this: " + this.video.error.message);
  }

  async forget(keep) {
    const until = this.video.currentTime - keep;
    if (until <= 0 || this.buffer.buffered.length === 0 || this.buffer.buffered.start(0) >= until) return;
    this.buffer.remove(0, until);
    await once(this.buffer, "updateend", this.signal);
  }

  // room waits until more is wanted.
  async room() {
    await this.forget(behind);
    while (!this.player.live && this.left() > ahead) await sleep(250, this.signal);
  }

  left() {
    const b = this.video.buffered;
    return b.length ? b.end(b.length - 1) - this.video.currentTime : 0;
  }

  // played waits until what is there was shown.
  async played() {
    while (this.left() > 0.2) await sleep(100, this.signal);
  }

  finish() { if (this.media.readyState === "open") this.media.endOfStream(); }
}
