package journal

import (
	"encoding/json"
	"io/fs"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/vfs"
	"rtsprec/engine/vfs/crashfs"
)

func samplePlan() Plan {
	return Plan{
		Format: 1, Created: day1,
		Cameras: []Camera{
			{Name: "teacher", URL: "rtsp://admin:s3@cret@10.0.0.5/live?a=1&b=2", SubURL: "rtsp://admin:s3cret@10.0.0.5/sub", Transport: "tcp", Reorder: Duration(100 * time.Millisecond)},
			{Name: "Schüler-2_b.x", URL: "rtsp://cam/live", Insecure: true},
		},
		Until: day1.Add(time.Hour), Length: Duration(45 * time.Minute),
		Segment: Duration(10 * time.Minute), Commit: Duration(time.Second), Fragment: Duration(250 * time.Millisecond),
	}
}

func TestAPlanIsReadAsItWasSavedWithMode0600(t *testing.T) {
	for _, f := range []vfs.FS{vfs.OS(), crashfs.New()} {
		dir := t.TempDir()
		must(t, f.MkdirAll(dir, 0o755))
		if _, err := LoadPlan(f, dir); !fault.Is(err, fault.NotFound) {
			t.Errorf("no plan: %v", err)
		}
		want := samplePlan()
		must(t, SavePlan(f, dir, want))
		got, err := LoadPlan(f, dir)
		must(t, err)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("saved %+v, read %+v", want, got)
		}
		info, err := f.Stat(dir + "/" + PlanName)
		must(t, err)
		if info.Mode() != fs.FileMode(0o600) {
			t.Errorf("mode %v", info.Mode())
		}
		data, err := vfs.ReadFile(f, dir+"/"+PlanName, 1<<20)
		must(t, err)
		if !strings.Contains(string(data), `"segment": "10m0s"`) || !strings.HasSuffix(string(data), "}\n") {
			t.Errorf("on the disk:\n%s", data)
		}
	}
}

func TestSavingAPlanIsAtomicUnderEveryCutAndFault(t *testing.T) {
	before, after := samplePlan(), samplePlan()
	after.Cameras = after.Cameras[:1]
	for n := 1; ; n++ {
		f := newFS(t)
		must(t, SavePlan(f, "/rec", before))
		base := f.Ops()
		f.Fail(base+n, syscall.ENOSPC)
		check := func(f *crashfs.FS) {
			got, err := LoadPlan(f, "/rec")
			must(t, err)
			if len(got.Cameras) != 1 && len(got.Cameras) != 2 {
				t.Errorf("%+v", got)
			}
		}
		f.OnOp(func(crashfs.Op) {
			for _, mode := range crashfs.Modes {
				check(f.Clone(mode))
			}
			check(f.CloneMixed(uint64(n)))
		})
		err := SavePlan(f, "/rec", after)
		if err != nil && !fault.Is(err, fault.DiskFull) {
			t.Errorf("fault %d: %v", n, err)
		}
		if err == nil {
			if got, _ := LoadPlan(f.Clone(crashfs.Dropped), "/rec"); len(got.Cameras) != 1 {
				t.Errorf("fault %d: saved and not durable", n)
			}
		}
		if f.Ops() < base+n {
			return
		}
	}
}

func TestAPublicPlanHasNoPasswords(t *testing.T) {
	p := samplePlan()
	data, err := json.Marshal(p.Public())
	must(t, err)
	if strings.Contains(string(data), "cret") || !strings.Contains(string(data), "10.0.0.5/live") {
		t.Errorf("%s", data)
	}
	if !reflect.DeepEqual(p, samplePlan()) {
		t.Error("making it public changed the plan")
	}
}

func TestOnlySoundPlansAreSavedAndLoaded(t *testing.T) {
	f := newFS(t)
	for what, c := range map[string]struct {
		change func(p *Plan)
		want   string
	}{
		"twice":        {func(p *Plan) { p.Cameras[1].Name = "TEACHER" }, `"teacher" and "TEACHER"`},
		"transport":    {func(p *Plan) { p.Cameras[1].Transport = "pigeon" }, `"pigeon"`},
		"negative":     {func(p *Plan) { p.Segment = -1 }, "segment"},
		"name":         {func(p *Plan) { p.Cameras[0].Name = "a/b" }, `"a/b"`},
		"later format": {func(p *Plan) { p.Format = 2 }, "format is 2"},
	} {
		p := samplePlan()
		c.change(&p)
		if err := SavePlan(f, "/rec", p); !fault.Is(err, fault.Usage) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", what, err)
		}
		data, err := json.Marshal(p)
		must(t, err)
		must(t, vfs.Replace(f, "/rec/"+PlanName, data, 0o600))
		kind := fault.Damaged
		if p.Format > Format {
			kind = fault.Unsupported
		}
		if _, err := LoadPlan(f, "/rec"); !fault.Is(err, kind) {
			t.Errorf("%s, loaded: %v", what, err)
		}
	}
	for _, text := range []string{"", "{", "null", "[]", `{"format":1,"segment":10}`, `{"format":1,"segment":"10 apples"}`} {
		must(t, vfs.Replace(f, "/rec/"+PlanName, []byte(text), 0o600))
		if _, err := LoadPlan(f, "/rec"); !fault.Is(err, fault.Damaged) {
			t.Errorf("%q: %v", text, err)
		}
	}
	must(t, vfs.Replace(f, "/rec/"+PlanName, []byte(`{"format":7,"cameras":{"of":"another shape"}}`), 0o600))
	if _, err := LoadPlan(f, "/rec"); !fault.Is(err, fault.Unsupported) {
		t.Errorf("a later format: %v", err)
	}
}

// 32: camera names become folders.
func TestCase32CameraNames(t *testing.T) {
	for _, good := range []string{"a", "teacher", "Schüler", "カメラ1", "हिंदी", "a.b-c_d", "-", "_", "lock1", "journal-2", strings.Repeat("x", 255)} {
		if err := ValidCameraName(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", ".", "..", ".hidden", "a/b", `a\b`, "a b", "a\x00b", "a\nb", "a:b", "a=b", "a%b", "\xff", "a\u2028b", "😀",
		"journal", "quarantine", "lock", "Lock", "recording.json", strings.Repeat("x", 256), strings.Repeat("ü", 128)} {
		if err := ValidCameraName(bad); !fault.Is(err, fault.Usage) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
