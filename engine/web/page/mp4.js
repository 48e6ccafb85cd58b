// Reads the little of fragmented MP4 (ISO 14496-12) that says when a fragment begins.

function* boxes(view, from = 0, to = view.byteLength) {
  while (from + 8 <= to) {
    let size = view.getUint32(from), head = 8;
    if (size === 1 && from + 16 <= to) { size = Number(view.getBigUint64(from + 8)); head = 16; }
    if (size === 0) size = to - from;
    if (size < head || from + size > to) return;
    yield {type: view.getUint32(from + 4), body: from + head, end: from + size};
    from += size;
  }
}

const code = s => (s.charCodeAt(0) << 24 | s.charCodeAt(1) << 16 | s.charCodeAt(2) << 8 | s.charCodeAt(3)) >>> 0;

function find(view, box, type) {
  for (const b of boxes(view, box?.body, box?.end)) if (b.type === code(type)) return b;
  return null;
}

// tracksOf reads an init segment: [{id, timescale, video}].
export function tracksOf(buffer) {
  const view = new DataView(buffer), moov = find(view, undefined, "moov"), tracks = [];
  if (!moov) return tracks;
  for (const trak of boxes(view, moov.body, moov.end)) {
    if (trak.type !== code("trak")) continue;
    const tkhd = find(view, trak, "tkhd"), mdia = find(view, trak, "mdia");
    const mdhd = mdia && find(view, mdia, "mdhd"), hdlr = mdia && find(view, mdia, "hdlr");
    if (!tkhd || !mdhd || !hdlr) continue;
    tracks.push({
      id: view.getUint32(tkhd.body + (view.getUint8(tkhd.body) === 1 ? 20 : 12)),
      timescale: view.getUint32(mdhd.body + (view.getUint8(mdhd.body) === 1 ? 20 : 12)),
      video: view.getUint32(hdlr.body + 8) === code("vide"),
    });
  }
  return tracks;
}

// startOf returns the presentation time in seconds of the first picture of a piece of
// media, or of the first sound where it has no picture; null where it has neither.
export function startOf(buffer, tracks) {
  const view = new DataView(buffer);
  let sound = null;
  for (const moof of boxes(view)) {
    if (moof.type !== code("moof")) continue;
    for (const traf of boxes(view, moof.body, moof.end)) {
      if (traf.type !== code("traf")) continue;
      const tfhd = find(view, traf, "tfhd"), tfdt = find(view, traf, "tfdt"), trun = find(view, traf, "trun");
      const track = tfhd && tracks.find(t => t.id === view.getUint32(tfhd.body + 4));
      if (!track || !tfdt || !trun) continue;
      const decode = view.getUint8(tfdt.body) === 1 ? Number(view.getBigUint64(tfdt.body + 4)) : view.getUint32(tfdt.body + 4);
      const start = (decode + firstOffset(view, trun)) / track.timescale;
      if (track.video) return start;
      sound ??= start;
    }
  }
  return sound;
}

// firstOffset is the composition offset of a trun's first sample.
function firstOffset(view, trun) {
  const flags = view.getUint32(trun.body) & 0xffffff, version = view.getUint8(trun.body);
  if (!(flags & 0x800)) return 0;
  let at = trun.body + 8;
  for (const flag of [0x1, 0x4, 0x100, 0x200, 0x400]) if (flags & flag) at += 4;
  return version === 0 ? view.getUint32(at) : view.getInt32(at);
}
