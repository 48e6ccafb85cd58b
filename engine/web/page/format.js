// How times, sizes and causes are written for people.

const clock = new Intl.DateTimeFormat(undefined, {hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23"});
const minute = new Intl.DateTimeFormat(undefined, {hour: "2-digit", minute: "2-digit", hourCycle: "h23"});
const date = new Intl.DateTimeFormat(undefined, {year: "numeric", month: "short", day: "numeric"});
const day = new Intl.DateTimeFormat(undefined, {month: "short", day: "numeric"});

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
export const formatClock = ms => clock.format(ms);
export const formatMinute = ms => minute.format(ms);
export const formatDay = ms => day.format(ms);
export const formatMoment = ms => date.format(ms) + ", " + clock.format(ms);
export const sameDay = (a, b) => date.format(a) === date.format(b);

// A range: the second date only where it differs.
export function formatRange(from, to) {
  return formatMoment(from) + " – " + (sameDay(from, to) ? formatClock(to) : formatMoment(to));
}

export function formatLength(seconds) {
  if (seconds < 10) return seconds.toFixed(1) + " s";
  if (seconds < 120) return Math.round(seconds) + " s";
  if (seconds < 7200) return Math.round(seconds / 60) + " min";
  if (seconds < 172800) return (seconds / 3600).toFixed(1) + " h";
  return Math.round(seconds / 86400) + " days";
}

export function formatBytes(n) {
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (n < 1000) return (n < 10 && unit !== "B" ? n.toFixed(1) : Math.round(n)) + " " + unit;
    n /= 1000;
  }
  return n.toFixed(1) + " TB";
}

// Never 100 % when something is missing.
export function formatShare(share) {
  const percent = share * 100;
  return (percent >= 100 ? "100" : Math.min(99.99, percent).toFixed(percent < 99 ? 1 : 2)) + " %";
}

// A moment in the form of an <input type=datetime-local>, and back.
export function toInput(ms) {
  const d = new Date(ms);
  return new Date(ms - d.getTimezoneOffset() * 60000).toISOString().slice(0, 19);
}
export const fromInput = s => new Date(s).getTime();

const causes = {
  unreachable: "camera unreachable", refused: "camera refused", denied: "access denied", timeout: "camera silent",
  stream_ended: "camera ended the stream", no_keyframe: "no key frame", camera_restart: "camera restarted",
  loss: "packets lost", overflow: "recorder too slow", disk_full: "disk full", disk_error: "disk failed",
  process_down: "recorder was not running", suspended: "machine was asleep", unsupported: "not recordable",
  not_started: "camera not there yet", stopped: "stopped",
};
export const formatCauses = list => (list ?? []).map(c => causes[c] ?? c).join(", ");

export function describeSpan(s) {
  const long = formatLength((s.to - s.from) / 1000);
  switch (s.use) {
    case "media": return s.stream === "sub" ? "recorded from the smaller stream" : "recorded";
    case "gap": return `gap of ${long}: ${formatCauses(s.causes) || "cause unknown"}${s.note ? " (" + s.note + ")" : ""}`;
    case "lead_in": return "before the first key frame";
    case "unexplained": return `missing for ${long}, and nothing says why`;
    case "pruned": return "removed to make room";
    case "future": return "planned";
  }
  return s.use;
}
