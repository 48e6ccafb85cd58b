package segment

import (
	"strconv"
	"strings"
	"time"
)

// Tags in the moov. Players show the first; the others are ours.
const (
	tagStart     = "com.apple.quicktime.creationdate"
	tagCamera    = "rtsprec.camera"
	tagFormat    = "rtsprec.format"
	tagReordered = "rtsprec.reordered"

	format = "1"
)

// tags returns the metadata that players show and readers need.
func (l layout) tags() [][2]string {
	pairs := [][2]string{
		{tagStart, l.origin.UTC().Format(time.RFC3339Nano)},
		{tagCamera, l.header.Camera},
		{tagFormat, format},
	}
	var list []string
	for i, t := range l.header.Tracks {
		if reordered(t) {
			list = append(list, strconv.Itoa(i+1))
		}
	}
	if len(list) > 0 {
		pairs = append(pairs, [2]string{tagReordered, strings.Join(list, ",")})
	}
	return pairs
}

// tags appends metadata.
func (b *builder) tags(pairs [][2]string) {
	b.box("udta", func() {
		b.full("meta", 0, 0, func() {
			b.full("hdlr", 0, 0, func() {
				b.u32(0)
				b.str("mdta")
				b.zeros(13)
			})
			b.full("keys", 0, 0, func() {
				b.u32(uint32(len(pairs)))
				for _, p := range pairs {
					b.box("mdta", func() { b.str(p[0]) })
				}
			})
			b.box("ilst", func() {
				for i, p := range pairs {
					b.box(string([]byte{0, 0, 0, byte(i + 1)}), func() {
						b.box("data", func() {
							b.u32(1) // UTF-8
							b.u32(0)
							b.str(p[1])
						})
					})
				}
			})
		})
	})
}

// readTags returns the metadata of a moov; what is broken is left out.
func readTags(moov []byte) map[string]string {
	tags := map[string]string{}
	meta, _ := child(moov, "udta", "meta")
	if len(meta) < 4 {
		return tags
	}
	meta = meta[4:]
	var names []string
	if keys, _ := child(meta, "keys"); len(keys) >= 8 {
		for _, name := range children(keys[8:]) {
			names = append(names, string(name))
		}
	}
	ilst, _ := child(meta, "ilst")
	for kind, item := range children(ilst) {
		n := int(kind[0])<<24 | int(kind[1])<<16 | int(kind[2])<<8 | int(kind[3])
		if data, _ := child(item, "data"); n >= 1 && n <= len(names) && len(data) >= 8 {
			tags[names[n-1]] = string(data[8:])
		}
	}
	return tags
}
