package archive

import (
	"cmp"
	"context"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/media"
	"rtsprec/engine/vfs"
)

// VerifyOptions tunes [Verify]. The zero value is good.
type VerifyOptions struct {
	Deep     bool                    // also look into every unit
	Workers  int                     // files read at a time; 0: as many as there are processors
	Clock    media.Clock             // for the speed in the report; nil: none
	Progress func(done, total int64) // bytes; called from one goroutine at a time; may be nil
}

// Verify proves from the media that the recording in dir is what its journal says, and
// that the journal explains whatever is missing: the invariants of RECORDING, each
// file read once from end to end. Beside a writer it checks what is committed.
//
// What is wrong with the recording is in the report, not in the error. Errors:
// fault.NotFound when dir holds no recording, fault.Unsupported for a format of a
// later version, fault.Canceled, and what the disk reports of directories and journal.
func Verify(ctx context.Context, fsys vfs.FS, dir string, o VerifyOptions) (*Report, error) {
	v := &verifier{fs: fsys, dir: dir, VerifyOptions: o}
	var start time.Time
	if o.Clock != nil {
		start = o.Clock.Now()
	}
	if err := v.plan(); err != nil {
		return nil, err
	}
	if err := v.read(ctx); err != nil {
		return nil, err
	}
	v.judge()
	if o.Clock != nil {
		took := o.Clock.Now().Sub(start)
		v.report.Took = took.Seconds()
		if took > 0 {
			v.report.Speed = float64(v.report.Bytes) / took.Seconds()
		}
	}
	return v.report, nil
}

// verifier is one verification: plan, read, judge.
type verifier struct {
	VerifyOptions
	fs  vfs.FS
	dir string

	rec    *Recording
	report *Report
	files  []*file // every media file, known or not

	mu          sync.Mutex // guards what follows
	done, total int64
}

// plan reads the journal and the directories: which files are to be read.
func (v *verifier) plan() error {
	rec, err := Load(v.fs, v.dir)
	if err != nil {
		return err
	}
	found, err := survey(v.fs, v.dir)
	if err != nil {
		return err
	}
	if rec.State == Live { // what was opened or sealed while we looked
		if rec, err = Load(v.fs, v.dir); err != nil {
			return err
		}
	}
	v.rec = rec
	v.report = &Report{Dir: v.dir, State: rec.State, Deep: v.Deep, Findings: []Finding{}, Cameras: []CameraReport{}}
	v.tellJournal()
	v.choose(found)
	return nil
}

// tellJournal says what is wrong with the plan and the journal.
func (v *verifier) tellJournal() {
	if err := v.rec.PlanError; err != nil {
		v.add(Finding{Kind: PlanLost, Severity: Broken, File: journal.PlanName, Text: err.Error()})
	}
	for _, p := range v.rec.Problems {
		f := Finding{Kind: JournalCorrupt, Severity: Broken, Invariant: 2, Offset: p.Offset, Text: "the journal is broken: " + p.Why}
		if p.File != "" {
			f.File = journalDir + "/" + p.File
		}
		v.add(f)
	}
	if v.rec.End == journal.Torn {
		v.add(Finding{Kind: JournalTorn, Severity: Note, Text: "the journal's last line is cut off, as a crash leaves it"})
	}
	switch {
	case v.rec.State == Live:
		v.add(Finding{Kind: BeingWritten, Severity: Note, Text: "recording goes on: what is not committed yet was not checked"})
	case v.rec.State == Interrupted && v.rec.hasLines:
		v.add(Finding{Kind: WasInterrupted, Severity: Missing, From: v.rec.Window.To, Invariant: 7,
			Text: "the recording was interrupted and neither resumed nor ended"})
	}
}

// choose matches the journal's segments with the files that are there.
func (v *verifier) choose(found *inventory) {
	known := map[string]bool{}
	for _, c := range v.rec.Cameras {
		for _, s := range slices.Concat(c.Segments, c.Beside) {
			if f := v.locate(s); f != nil {
				v.files = append(v.files, f)
				known[f.name] = true
			} else {
				v.lost(s)
			}
		}
	}
	lost := !v.rec.hasLines
	for _, s := range found.files {
		if known[s.name] || v.rec.State == Live && v.appeared(s) {
			continue
		}
		if v.rec.isGone(s) {
			v.add(s.left(v.rec.State == Live))
			continue
		}
		if s.media {
			v.files = append(v.files, &file{camera: s.camera, name: s.name, size: s.size})
		}
		if !lost || !s.media {
			v.add(s.finding())
		}
	}
	if lost && len(v.files) > 0 {
		v.add(Finding{Kind: JournalLost, Severity: Broken, Invariant: 3, File: journalDir, Text: "the journal is lost: the media is there, what was committed, and why anything is missing, is not known"})
	}
	if n := found.quarantined; n > 0 {
		v.add(Finding{Kind: QuarantineUsed, Severity: Note, File: quarantineDir, Text: plural(n, "file was", "files were") + " put aside by recovery: " + bytesText(found.quarantinedBytes)})
	}
	for _, f := range v.files {
		v.total += f.size
	}
}

// locate finds the file of a segment under one of the names it may have.
func (v *verifier) locate(s *Segment) *file {
	names := []string{s.File + part, s.File, s.File + part} // sealed while we look
	if s.Sealed {
		names = []string{s.File, s.File + part}
	}
	for _, name := range names {
		if info, err := v.fs.Stat(v.path(name)); err == nil && info.Mode().IsRegular() {
			return &file{segment: s, camera: s.Camera, name: name, size: info.Size()}
		}
	}
	return nil
}

// lost says that a segment's file is gone.
func (v *verifier) lost(s *Segment) {
	f := Finding{Kind: MediaLost, Severity: Broken, Invariant: 2, Camera: s.Camera, File: s.Name(), From: s.Start, To: s.End,
		Text: "the file is gone: the journal knows " + bytesText(s.Size) + " of it"}
	if !s.Sealed && s.Size == 0 {
		f.Severity, f.Text = Missing, "the file is gone: it had been begun, and nothing was committed"
	}
	v.add(f)
}

// appeared reports whether a file nobody knew was created while we looked.
func (v *verifier) appeared(s stranger) bool {
	_, err := v.fs.Stat(v.path(s.name))
	return err != nil || s.part
}

func (v *verifier) path(name string) string { return filepath.Join(v.dir, filepath.FromSlash(name)) }

func (v *verifier) add(f Finding) { v.report.Findings = append(v.report.Findings, f) }

// read reads all files, some at a time.
func (v *verifier) read(ctx context.Context) error {
	var group errgroup.Group
	workers := v.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	group.SetLimit(workers)
	for _, f := range v.files {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			v.check(ctx, f)
			return nil
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return fault.Because("verify "+v.dir, err)
	}
	v.advance(v.total - v.done) // what of open files is not committed was not read
	return nil
}

// advance counts bytes that were read.
func (v *verifier) advance(n int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.done += n
	if v.Progress != nil {
		v.Progress(min(v.done, v.total), v.total)
	}
}

// judge gathers what the files proved into the report.
func (v *verifier) judge() {
	r := v.report
	for _, f := range v.files {
		r.Findings = append(r.Findings, f.findings...)
		r.Files++
		r.Bytes += f.size
	}
	v.account()
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Severity.rank(), b.Severity.rank()), cmp.Compare(a.Camera, b.Camera),
			cmp.Compare(a.File, b.File), cmp.Compare(a.Offset, b.Offset), a.From.Compare(b.From))
	})
	r.Status = Clean
	for _, c := range r.Cameras {
		if len(c.Gaps)+len(c.Damage) > 0 {
			r.Status = Incomplete
		}
	}
	for _, f := range r.Findings {
		switch {
		case f.Severity == Broken:
			r.Status = Damaged
		case f.Severity == Missing && r.Status == Clean:
			r.Status = Incomplete
		}
	}
}
