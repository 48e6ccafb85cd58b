package rtsp

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/rtspcam"
)

// photo is a picture of the standard library's encoder: 4:2:0, with the tables of annex K.
func photo(t testing.TB, width, height int) []byte {
	t.Helper()
	m := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	for y := range height {
		for x := range width {
			c := color.YCbCr{Y: byte(x*7 ^ y*3), Cb: byte(x), Cr: byte(y)}
			m.Y[m.YOffset(x, y)], m.Cb[m.COffset(x, y)], m.Cr[m.COffset(x, y)] = c.Y, c.Cb, c.Cr
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 80}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// jpegTrip sends a picture and returns what is received.
func jpegTrip(t *testing.T, picture, ext []byte) []byte {
	t.Helper()
	tr := media.Track{Codec: media.MJPEG, ClockRate: 90000}
	streams, _ := streamsOf(parseSDP(writeSDP([]media.Track{tr}, sdpOptions{})))
	p, err := newPacker(tr, packOptions{PayloadType: payloadType(tr)})
	if err != nil {
		t.Fatal(err)
	}
	push, received := unpack(streams[0])
	b, err := p.pack(media.AccessUnit{Data: picture}, 0, ext)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b.Starts {
		if n := len(b.packet(i)); n > defaultMTU+4+len(ext) {
			t.Errorf("a packet of %d bytes", n)
		}
	}
	push(&b)
	got := received()
	if len(got) != 1 || got[0].Damaged {
		t.Fatalf("%d pictures received", len(got))
	}
	return got[0].Data
}

func samePixels(t *testing.T, a, b []byte) {
	t.Helper()
	x, err := jpeg.Decode(bytes.NewReader(a))
	if err != nil {
		t.Fatal(err)
	}
	y, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if x.Bounds() != y.Bounds() {
		t.Fatalf("%v became %v", x.Bounds(), y.Bounds())
	}
	p, q := x.(*image.YCbCr), y.(*image.YCbCr)
	if !bytes.Equal(p.Y, q.Y) || !bytes.Equal(p.Cb, q.Cb) || !bytes.Equal(p.Cr, q.Cr) {
		t.Error("another picture")
	}
}

func TestJPEGOfAnySizeIsTheSamePictureAndStaysTheSameBytes(t *testing.T) {
	for _, size := range []image.Point{{320, 240}, {854, 480}, {2592, 1944}, {100, 2048}, {7, 5}} {
		for _, ext := range [][]byte{nil, []byte("twelve bytes")} {
			picture := photo(t, size.X, size.Y)
			got := jpegTrip(t, picture, ext)
			samePixels(t, picture, got)
			if again := jpegTrip(t, got, ext); !bytes.Equal(again, got) {
				t.Errorf("%v: what was received is not sent on byte for byte", size)
			}
		}
	}
}

func TestMJPEGIsTheSamePictureElsewhere(t *testing.T) {
	c := dialCamera(t, camera(t, "mjpeg", rtspcam.Options{}), Options{Transport: TCP})
	au := units(t, c, 20*time.Second, func(list []media.AccessUnit) bool { return len(list) > 0 })[0]
	tr := c.Run().Tracks[0]
	p, err := newPacker(tr, packOptions{PayloadType: payloadType(tr)})
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.pack(au, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := gortsplibTracks(t, writeSDP([]media.Track{tr}, sdpOptions{}))[0](t, &b)
	if len(got) != 1 {
		t.Fatalf("%d pictures", len(got))
	}
	samePixels(t, au.Data, got[0])
}

func TestJPEGThatRTPCannotCarryIsRefused(t *testing.T) {
	gray := image.NewGray(image.Rect(0, 0, 64, 64))
	var b bytes.Buffer
	if err := jpeg.Encode(&b, gray, nil); err != nil {
		t.Fatal(err)
	}
	progressive := bytes.Replace(photo(t, 64, 64), []byte{0xff, 0xc0}, []byte{0xff, 0xc2}, 1)
	own := photo(t, 64, 64)
	own[bytes.Index(own, []byte{0xff, 0xc4})+5]++ // how many codes of one bit there are
	p, _ := newPacker(media.Track{Codec: media.MJPEG}, packOptions{})
	for name, picture := range map[string][]byte{"gray": b.Bytes(), "progressive": progressive, "nothing": nil, "tables": own} {
		if _, err := p.pack(media.AccessUnit{Data: picture}, 0, nil); !fault.Is(err, fault.Unsupported) && !fault.Is(err, fault.Damaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever a picture is: it is refused, or what comes back is the same once packed again.
func FuzzJPEG(f *testing.F) {
	f.Add(photo(f, 64, 48))
	f.Add(photo(f, 2056, 16))
	restart := photo(f, 64, 48)
	at := bytes.Index(restart, []byte{0xff, 0xda})
	f.Add(bytes.Join([][]byte{restart[:at], {0xff, 0xdd, 0, 4, 0, 9}, restart[at:]}, nil))
	f.Fuzz(func(t *testing.T, picture []byte) {
		tr := media.Track{Codec: media.MJPEG, ClockRate: 90000}
		p, _ := newPacker(tr, packOptions{PayloadType: 26})
		b, err := p.pack(media.AccessUnit{Data: picture}, 0, nil)
		if err != nil {
			return
		}
		j, err := parseJPEG(picture)
		if err != nil || len(j.scan) < 8 {
			return // a payload of zeros may be taken for padding
		}
		streams, _ := streamsOf(parseSDP(writeSDP([]media.Track{tr}, sdpOptions{})))
		push, received := unpack(streams[0])
		push(&b)
		got := received()
		if len(got) != 1 {
			t.Fatalf("%d pictures", len(got))
		}
		k, err := parseJPEG(got[0].Data)
		if err != nil {
			t.Fatal(err)
		}
		if k.width != j.width || k.height != j.height || k.restart != j.restart || k.kind != j.kind || !bytes.Equal(k.tables, j.tables) || !bytes.HasPrefix(k.scan, j.scan) {
			t.Errorf("another picture: %+v, was %+v", k.jpegHead, j.jpegHead)
		}
	})
}

func TestSenderReportsAreThoseOfTheStandard(t *testing.T) {
	b := senderReport(0x11223344, 0x0102030405060708, 0xa0b0c0d0, 5, 6)
	if !isRTCP(b) || binary.BigEndian.Uint64(b[8:]) != 0x0102030405060708 || binary.BigEndian.Uint32(b[16:]) != 0xa0b0c0d0 {
		t.Errorf("%x", b)
	}
	checkCompound(t, b)
}

// checkCompound reads a compound RTCP packet with another implementation.
func checkCompound(t *testing.T, b []byte) {
	t.Helper()
	list, err := rtcp.Unmarshal(b)
	if err != nil || len(list) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	sr, ok := list[0].(*rtcp.SenderReport)
	if !ok || sr.SSRC != 0x11223344 || sr.RTPTime != 0xa0b0c0d0 || sr.PacketCount != 5 || sr.OctetCount != 6 {
		t.Errorf("%+v", list[0])
	}
	if items, ok := list[1].(*rtcp.SourceDescription); !ok || len(items.Chunks) != 1 || items.Chunks[0].Items[0].Text != "rtsprec" {
		t.Errorf("%+v", list[1])
	}
}
