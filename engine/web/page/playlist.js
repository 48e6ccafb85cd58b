// Reads media playlists (RFC 8216), as far as our server writes them.

function attributes(text) {
  const out = {};
  for (const m of text.matchAll(/([A-Z0-9-]+)=("[^"]*"|[^,]*)/g)) out[m[1]] = m[2].replace(/^"|"$/g, "");
  return out;
}

// "LENGTH@OFFSET" as [offset, length].
function range(text) {
  const m = /^(\d+)@(\d+)$/.exec(text ?? "");
  return m ? [Number(m[2]), Number(m[1])] : null;
}

// parse returns {pieces, parts, end, target, notes}. A piece is {sequence, url, range, time
// (ms), duration (s), discontinuity, gap, init, codecs, parts}; the last of a live playlist
// may have no url yet, only parts.
export function parse(text, base) {
  const list = {pieces: [], notes: [], end: false, target: 6};
  const at = uri => new URL(uri, base).href;
  let sequence = 0, init = null, codecs = "", next = {parts: []};
  const finish = url => {
    list.pieces.push({...next, sequence: sequence++, url, init, codecs});
    next = {parts: []};
  };
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    const tag = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).trim();
    switch (tag) {
      case "#EXT-X-TARGETDURATION": list.target = Number(value); break;
      case "#EXT-X-MEDIA-SEQUENCE": sequence = Number(value); break;
      case "#EXT-X-ENDLIST": list.end = true; break;
      case "#EXT-X-DISCONTINUITY": next.discontinuity = true; break;
      case "#EXT-X-GAP": next.gap = true; break;
      case "#EXT-X-BYTERANGE": next.range = range(value); break;
      case "#EXT-X-PROGRAM-DATE-TIME": next.time = Date.parse(value); break;
      case "#EXTINF": next.duration = parseFloat(value); break;
      case "# codecs": codecs = value; break;
      case "# note": list.notes.push(value); break;
      case "#EXT-X-MAP": {
        const a = attributes(value);
        init = {url: at(a.URI), range: range(a.BYTERANGE)};
        break;
      }
      case "#EXT-X-PART": {
        const a = attributes(value);
        next.parts.push({url: at(a.URI), duration: parseFloat(a.DURATION), key: a.INDEPENDENT === "YES"});
        break;
      }
      default:
        if (line.trim() !== "" && !line.startsWith("#")) finish(at(line.trim()));
    }
  }
  if (next.parts.length > 0) finish(null);
  return list;
}
