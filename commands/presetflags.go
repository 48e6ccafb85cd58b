package commands

import (
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"rtsprec/engine/settings"
	"rtsprec/engine/vfs"
	"rtsprec/presets"
)

// presetsName is the folder of the user's own presets in the config directory.
const presetsName = "presets"

// presetsHint is what to type when a preset is not what was hoped for.
const presetsHint = "rtsprec presets list"

// presetsDir is where the user's own presets are.
func (p *process) presetsDir() (string, error) {
	dir, err := p.configDir()
	return filepath.Join(dir, presetsName), err
}

// presets reads what is built in and the user's own. The error lists everything that is
// wrong with the user's files: a preset that was to be replaced must not quietly be the
// one that was not meant. What is sound comes with it.
func (p *process) presets() (*presets.Set, error) {
	var own []presets.Dir
	// Without a config directory there are no presets of the user's.
	if dir, err := p.presetsDir(); err == nil {
		own = append(own, presets.Dir{Name: dir, FS: presetFiles{p.FS, dir}})
	}
	set, err := presets.Load(own...)
	if err != nil {
		err = hinted{err, "README, \"Your own layouts\", has one to begin with"}
	}
	return set, err
}

// builtin is what everybody has, read once a process.
func (p *process) builtin() *presets.Set {
	if p.known == nil {
		p.known, _ = presets.Load() // a test holds that nothing is wrong with it
	}
	return p.known
}

// layout finds a layout by its name; a mistake lists all there are.
func (p *process) layout(name string) (presets.Layout, error) {
	return preset(p, name, (*presets.Set).Layout)
}

// encoder finds the settings of --preset.
func (p *process) encoder(name string) (presets.Encoder, error) {
	return preset(p, name, (*presets.Set).Encoder)
}

// ladder finds the ladder of --ladder.
func (p *process) ladder(name string) (presets.Ladder, error) {
	return preset(p, name, (*presets.Set).Ladder)
}

func preset[T any](p *process, name string, find func(*presets.Set, string) (T, error)) (one T, err error) {
	set, err := p.presets()
	if err != nil {
		return one, err
	}
	if one, err = find(set, name); err != nil {
		return one, hinted{err, presetsHint}
	}
	return one, nil
}

// layoutFlag adds --layout; to holds the default. Its value is for process.layout.
func layoutFlag(cmd *cobra.Command, p *process, to *string) {
	presetFlag(cmd, p, to, "layout", "which input stands where, by `NAME`")
}

// encoderFlag adds --preset; to holds the default, which may be empty. Its value is for
// process.encoder.
func encoderFlag(cmd *cobra.Command, p *process, to *string) {
	presetFlag(cmd, p, to, "preset", "settings of the encoder, by `NAME`")
}

// ladderFlag adds --ladder, as encoderFlag does. Its value is for process.ladder.
func ladderFlag(cmd *cobra.Command, p *process, to *string) {
	presetFlag(cmd, p, to, "ladder", "steps down on a weak link, by `NAME`")
}

func presetFlag(cmd *cobra.Command, p *process, to *string, name, help string) {
	var names []string
	for _, one := range listPresets(p.builtin()) {
		if one.Kind == name {
			names = append(names, one.Name)
		}
	}
	cmd.Flags().StringVar(to, name, *to, help+": "+strings.Join(names, ", ")+", or your own")
	// It fails only for a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc(name, p.completePresets(name))
}

// completePresets completes names of a kind, the flag's word for it; empty: of all kinds.
func (p *process) completePresets(kind string) cobra.CompletionFunc {
	return func(_ *cobra.Command, typed []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		var names []cobra.Completion
		if p.FS == nil || kind == "" && len(typed) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		set, _ := p.presets() // what is sound of it
		for _, one := range listPresets(set) {
			if kind == "" || one.Kind == kind {
				names = append(names, cobra.CompletionWithDesc(one.Name, one.About))
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// presetFiles shows a directory of the process's file system as package fs has it.
type presetFiles struct {
	fsys vfs.FS
	dir  string
}

// ReadDir implements fs.ReadDirFS for the directory itself.
func (f presetFiles) ReadDir(string) ([]fs.DirEntry, error) { return f.fsys.ReadDir(f.dir) }

// ReadFile implements fs.ReadFileFS.
func (f presetFiles) ReadFile(name string) ([]byte, error) {
	return vfs.ReadFile(f.fsys, filepath.Join(f.dir, name), settings.Limit)
}

// Stat implements fs.StatFS.
func (f presetFiles) Stat(name string) (fs.FileInfo, error) {
	return f.fsys.Stat(filepath.Join(f.dir, name))
}

// Open implements fs.FS. Nobody needs it: files are read whole.
func (f presetFiles) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: path.Join(f.dir, name), Err: fs.ErrInvalid}
}
