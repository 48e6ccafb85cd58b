package media_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"rtsprec/engine/media"
	"rtsprec/testdata/peers"
)

// stream is what an encoder made of a test picture: its units, and what ffprobe says.
type stream struct {
	codec media.Codec
	units [][]byte
	keys  []bool
	probe struct {
		Profile   string `json:"profile"`
		Level     int    `json:"level"`
		Width     int    `json:"width"`
		Height    int    `json:"height"`
		Reorder   int    `json:"has_b_frames"`
		FrameRate string `json:"r_frame_rate"`
		Field     string `json:"field_order"`
	}
}

// config collects what all units say.
func (s stream) config() (config []byte) {
	for _, unit := range s.units {
		if c := media.ConfigOf(s.codec, unit, config); c != nil {
			config = c
		}
	}
	return config
}

// tool runs a command whose arguments are split at spaces.
func tool(t *testing.T, args ...string) []byte {
	t.Helper()
	words := strings.Fields(strings.Join(args, " "))
	peers.Need(t, words[0])
	cmd := exec.Command(words[0], words[1:]...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", words, err, problems.Bytes())
	}
	return out
}

// encode makes a raw stream of size at rate and takes it apart by ffprobe's packets, so
// that it is not our own code that says where a unit ends.
func encode(t *testing.T, codec media.Codec, size, rate string, frames int, args string) stream {
	t.Helper()
	format := map[media.Codec]string{media.H264: "h264", media.H265: "hevc", media.MPEG4: "m4v"}[codec]
	file := filepath.Join(t.TempDir(), "x."+format)
	tool(t, "ffmpeg -v error -f lavfi -i testsrc2=s="+size+":r="+rate, "-frames:v", strconv.Itoa(frames),
		"-pix_fmt yuv420p", args, "-threads 1 -f", format, "-y", file)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Packets []struct{ Pos, Size, Flags string }
		Streams []json.RawMessage
	}
	out := tool(t, "ffprobe -v error -f", format, "-show_streams -show_packets -of json", file)
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatal(err)
	}
	s := stream{codec: codec}
	if err := json.Unmarshal(list.Streams[0], &s.probe); err != nil {
		t.Fatal(err)
	}
	for i, p := range list.Packets {
		pos, _ := strconv.Atoi(p.Pos)
		end := len(data)
		if i+1 < len(list.Packets) {
			end, _ = strconv.Atoi(list.Packets[i+1].Pos)
		}
		s.units = append(s.units, prefixed(codec, data[pos:end]))
		s.keys = append(s.keys, strings.HasPrefix(p.Flags, "K"))
	}
	return s
}

// prefixed turns a byte stream with start codes into length-prefixed NAL units.
func prefixed(codec media.Codec, data []byte) (unit []byte) {
	if !codec.NALs() {
		return data
	}
	for _, nal := range bytes.Split(data, []byte{0, 0, 1}) {
		unit = media.AppendNAL(unit, bytes.TrimRight(nal, "\x00"))
	}
	return unit
}
