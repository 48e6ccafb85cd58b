package journal

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rtsprec/engine/fault"
	"rtsprec/engine/vfs"
	"rtsprec/presets"
)

// PlanName is the plan's file in a recording.
const PlanName = "recording.json"

// planLimit bounds the plan's size on disk: thousands of cameras.
const planLimit = 16 << 20

// Plan is what a recording is about: recording.json. It is the only place where
// credentials are kept; [Plan.Public] is what may be shown.
type Plan struct {
	Format   int       `json:"format"` // 1; SavePlan fills a zero
	Created  time.Time `json:"created"`
	Cameras  []Camera  `json:"cameras"`
	Opened   time.Time `json:"opened,omitzero"`  // when the window opened: From, or the first unit recorded; zero: not yet
	From     time.Time `json:"from,omitzero"`    // planned start of the window (--at); zero: at the first unit
	Until    time.Time `json:"until,omitzero"`   // planned end (--until); zero: Length decides
	Length   Duration  `json:"length,omitempty"` // planned length from the start of the window (-t); zero with a zero Until: until stopped
	Segment  Duration  `json:"segment"`
	Commit   Duration  `json:"commit"`
	Fragment Duration  `json:"fragment"`
	Coding   *Coding   `json:"coding,omitempty"` // nil: everything is recorded as it comes
}

// Coding says what is coded anew before it is recorded, and how.
type Coding struct {
	Video   string          `json:"video"` // "copy", "auto", or the codec
	Audio   string          `json:"audio"`
	Width   int             `json:"width,omitempty"` // the box that pictures fit; 0: it follows
	Height  int             `json:"height,omitempty"`
	FPS     float64         `json:"fps,omitempty"` // at most; 0: all
	Device  string          `json:"device,omitempty"`
	Encoder presets.Encoder `json:"encoder"`
}

// Camera is one input of a plan.
type Camera struct {
	Name        string    `json:"name"` // becomes a folder
	URL         string    `json:"url"`
	SubURL      string    `json:"sub_url,omitempty"`
	Backfill    string    `json:"backfill,omitempty"`  // address of whoever can play again what is missing
	Transport   string    `json:"transport,omitempty"` // "auto", "udp", "tcp", "multicast"
	Reorder     Duration  `json:"reorder,omitempty"`
	Insecure    bool      `json:"insecure,omitempty"`
	Fingerprint string    `json:"fingerprint,omitempty"` // SHA-256 of the peer's certificate, hex
	Added       time.Time `json:"added,omitzero"`        // when it joined a recording under way

	// ONVIFBitrate is what the camera's encoder is asked for while the way from it is too
	// narrow, in kbit/s; 0: it is not asked. ONVIF is the address of its device service;
	// empty: the usual one of the host of URL.
	ONVIFBitrate int    `json:"onvif_bitrate,omitempty"`
	ONVIF        string `json:"onvif,omitempty"`
}

// Duration is a time.Duration whose JSON form is a string like "10m0s".
type Duration time.Duration

// String returns the form of time.Duration.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON writes a string.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads what time.ParseDuration reads.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	v, err := time.ParseDuration(text)
	*d = Duration(v)
	return err
}

// LoadPlan reads the plan of the recording in dir. It fails with fault.NotFound when
// there is none, fault.Unsupported for a format of a later version, fault.Damaged
// when it is not a valid plan.
func LoadPlan(fsys vfs.FS, dir string) (Plan, error) {
	const op = "read the plan"
	data, err := vfs.ReadFile(fsys, filepath.Join(dir, PlanName), planLimit)
	if err != nil {
		return Plan{}, vfs.Fault(op, err)
	}
	var p Plan
	err = json.Unmarshal(data, &p)
	switch {
	case p.Format > Format:
		return Plan{}, fault.New(fault.Unsupported, "read the plan: format %d is of a later version", p.Format)
	case err != nil:
		return Plan{}, fault.Wrap(fault.Damaged, op, err)
	}
	if err := p.Validate(); err != nil {
		return Plan{}, fault.Wrap(fault.Damaged, op, err)
	}
	return p, nil
}

// SavePlan validates the plan and replaces recording.json by it, atomically and
// durably, mode 0600. After an error the old plan or the new one is there.
func SavePlan(fsys vfs.FS, dir string, p Plan) error {
	const op = "save the plan"
	if p.Format == 0 {
		p.Format = Format
	}
	if err := p.Validate(); err != nil {
		return fault.Because(op, err)
	}
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fault.Wrap(fault.Usage, op, err)
	}
	return vfs.Fault(op, vfs.Replace(fsys, filepath.Join(dir, PlanName), append(data, '\n'), 0o600))
}

// Public returns the plan without passwords.
func (p Plan) Public() Plan {
	p.Cameras = slices.Clone(p.Cameras)
	for i := range p.Cameras {
		p.Cameras[i].URL = fault.URL(p.Cameras[i].URL)
		p.Cameras[i].SubURL = fault.URL(p.Cameras[i].SubURL)
		p.Cameras[i].Backfill = fault.URL(p.Cameras[i].Backfill)
	}
	return p
}

// Validate fails with fault.Usage and says what is wrong, naming the camera.
func (p Plan) Validate() error {
	if p.Format != Format {
		return fault.New(fault.Usage, "the plan's format is %d, not %d", p.Format, Format)
	}
	seen := map[string]string{}
	for _, c := range p.Cameras {
		if err := ValidCameraName(c.Name); err != nil {
			return err
		}
		// Two folders that differ only by case are one on many file systems.
		folded := strings.ToLower(c.Name)
		if other, twice := seen[folded]; twice {
			return fault.New(fault.Usage, "camera names %q and %q are the same to some file systems", other, c.Name)
		}
		seen[folded] = c.Name
		switch c.Transport {
		case "", "auto", "udp", "tcp", "multicast":
		default:
			return fault.New(fault.Usage, "camera %q: no transport is called %q (auto, udp, tcp, multicast)", c.Name, c.Transport)
		}
	}
	for what, d := range map[string]Duration{"length": p.Length, "segment": p.Segment, "commit": p.Commit, "fragment": p.Fragment} {
		if d < 0 {
			return fault.New(fault.Usage, "the plan's %s is negative: %s", what, d)
		}
	}
	return nil
}

// ValidCameraName says why name cannot be a camera's name, or nil. A name becomes a
// folder beside the recording's own files: letters and digits of any script,
// '-', '_' and '.', not first; 1 to 255 bytes of UTF-8.
func ValidCameraName(name string) error {
	refuse := func(why string) error {
		return fault.New(fault.Usage, "camera name %q %s", name, why)
	}
	switch {
	case name == "":
		return fault.New(fault.Usage, "a camera has no name")
	case len(name) > 255:
		return fault.New(fault.Usage, "camera name %.40q... is longer than 255 bytes", name)
	case !utf8.ValidString(name):
		return refuse("is not UTF-8")
	case name[0] == '.':
		return refuse("begins with a dot")
	}
	switch strings.ToLower(name) {
	case "journal", "quarantine", "lock", PlanName:
		return refuse("is taken by the recording itself")
	}
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && !strings.ContainsRune("-_.", r) {
			return refuse("holds a character that is not a letter, a digit, '-', '_' or '.'")
		}
	}
	return nil
}
