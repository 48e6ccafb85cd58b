package commands

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/spf13/cobra"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/settings"
	"rtsprec/engine/vfs"
)

// addCameraOptions is what was typed.
type addCameraOptions struct {
	listedCamera
	file string
}

func newCamerasAdd(p *process) *cobra.Command {
	var o addCameraOptions
	cmd := &cobra.Command{
		Use:   "add [flags] NAME URL",
		Short: "Add a camera to those known by name",
		Long: `Add a camera to those known by name. When there is a user and nothing says
where the password comes from, it is asked for without being shown, or read as
one line from standard input where that is no terminal. What stands in the file
stays as it is. The file is replaced in one step; only its owner may read it.`,
		Example: `  rtsprec cameras add teacher rtsp://admin@192.168.1.10/live
  rtsprec cameras add yard rtsps://cam2/live --fingerprint 12:AB:... \
      --user admin --password-command 'pass show cam2'
  pass show cam3 | rtsprec cameras add door rtsp://admin@cam3/live`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error {
			return o.run(p, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.sub, "sub", "", "its smaller stream, recorded while the main one is refused: `URL`")
	enumFlag(cmd, &o.transport, rtsp.Transports, "transport", "how media travels")
	flags.BoolVar(&o.insecure, "insecure", false, "rtsps: accept any certificate")
	flags.StringVar(&o.fingerprint, "fingerprint", "", "rtsps: accept only the certificate with this SHA-256 (`hex`)")
	flags.StringVar(&o.user, "user", "", "user `name`, if not in the URL")
	flags.StringVar(&o.passwordEnv, "password-env", "", "the password is in this `variable` of the environment")
	flags.StringVar(&o.passwordFile, "password-file", "", "the password is the first line of this `file` of mode 0600")
	flags.Var((*wordsFlag)(&o.passwordCommand), "password-command", "the password is the first line that this `command` prints")
	addCamerasFile(cmd, &o.file)
	noFileCompletion(cmd, "sub", "fingerprint", "user", "password-env", "password-command")
	return cmd
}

// wordsFlag is a command: words between blanks. A word with blanks in it is for the file.
type wordsFlag []string

// String implements pflag.Value.
func (w *wordsFlag) String() string { return strings.Join(*w, " ") }

// Type implements pflag.Value.
func (*wordsFlag) Type() string { return "command" }

// Set implements pflag.Value.
func (w *wordsFlag) Set(text string) error {
	if strings.ContainsAny(text, `'"\`) {
		return fmt.Errorf("%q has quotes: write it into the file, as a list of words", text)
	}
	*w = strings.Fields(text)
	return nil
}

func (o *addCameraOptions) run(p *process, args []string) error {
	if len(args) != 2 {
		return usage("rtsprec cameras add NAME rtsp://HOST/PATH", "add takes a name and a URL, and got %d words", len(args))
	}
	o.name, o.url = args[0], args[1]
	list, err := p.readCameras(o.existing(p))
	if err == nil {
		err = o.check(list)
	}
	if err == nil {
		err = o.askFor(p)
	}
	if err != nil {
		return err
	}
	if o.passwordFile != "" {
		if o.passwordFile, err = filepath.Abs(o.passwordFile); err != nil {
			return fault.Wrap(fault.Usage, "find the file", err)
		}
	}
	if err := p.addCamera(list.file, o.listedCamera); err != nil {
		return err
	}
	if !p.quiet {
		fmt.Fprintf(p.Err, "added %s to %s\nhint: rtsprec cameras test %s\n", o.name, list.file, o.name)
	}
	return nil
}

// existing is the file as typed, unless it is not there yet: then add makes it.
func (o *addCameraOptions) existing(p *process) string {
	if o.file == "" {
		return ""
	}
	if _, err := p.FS.Stat(o.file); errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return o.file
}

// check says what is wrong with what was typed.
func (o *addCameraOptions) check(list *cameraList) error {
	if o.file != "" {
		if list.file != o.file { // it is not there yet
			*list = cameraList{file: o.file}
		}
	}
	if err := journal.ValidCameraName(o.name); err != nil {
		return hinted{err, nameHint}
	}
	if !isName(o.name) {
		return usage("letters, digits, '-', '_' and '.'", "%q cannot be told from a URL", o.name)
	}
	if err := checkURL(o.url); err != nil {
		return err
	}
	if o.sub != "" {
		if err := checkURL(o.sub); err != nil {
			return err
		}
	}
	if _, err := parseFingerprint(o.fingerprint); err != nil {
		return err
	}
	if o.sources() > 1 {
		return usage("one of --password-env, --password-file and --password-command", "a camera has one password")
	}
	same := func(l listedCamera) bool { return strings.EqualFold(l.name, o.name) }
	if i := slices.IndexFunc(list.cameras, same); i >= 0 {
		return usage("another name, or change it in "+list.file, "%s:%d: there is a camera called %s", list.file, list.cameras[i].line, list.cameras[i].name)
	}
	return nil
}

// askFor moves user and password out of the URL, and gets a password that is missing.
func (o *addCameraOptions) askFor(p *process) error {
	scheme, rest, _ := strings.Cut(o.url, "://")
	user, found, tail := cutUser(rest)
	if found {
		name, password, has := strings.Cut(user, ":")
		if o.user == "" {
			o.user = unescaped(name)
		}
		if has {
			o.password = unescaped(password)
		}
		o.url = scheme + "://" + tail
	}
	if o.user == "" || o.sources() > 0 {
		return nil
	}
	password, err := p.askPassword()
	if err != nil {
		return hinted{err, "pipe it in, or --password-env NAME, --password-file FILE, --password-command 'COMMAND'"}
	}
	o.password = password
	return nil
}

// unescaped takes what stands in a URL; what is no escape stays as it is.
func unescaped(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// addCamera writes a camera at the end of the file, and leaves all else as it is.
func (p *process) addCamera(name string, l listedCamera) error {
	data, err := vfs.ReadFile(p.FS, name, settings.Limit)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = nil, p.FS.MkdirAll(filepath.Dir(name), 0o700)
	}
	if err != nil {
		return vfs.Fault("add to "+name, err)
	}
	entry, err := yaml.Marshal(yamlOf(l))
	if err != nil {
		return fault.Wrap(fault.Bug, "write YAML", err)
	}
	text := withEntry(data, entry)
	if err := sameBut(name, data, text, l); err != nil {
		return usage("write it there by hand, as rtsprec cameras -h shows", "%s has a form that nothing can be added to: %v", name, err)
	}
	if err := vfs.Replace(p.FS, name, text, 0o600); err != nil {
		return vfs.Fault("write "+name, err)
	}
	return nil
}

// yamlOf is a camera as the file has it.
func yamlOf(l listedCamera) yaml.MapSlice {
	m := yaml.MapSlice{{Key: "name", Value: l.name}, {Key: "url", Value: l.url}}
	add := func(key, v string) {
		if v != "" {
			m = append(m, yaml.MapItem{Key: key, Value: v})
		}
	}
	add("sub_url", l.sub)
	add("transport", string(l.transport))
	if l.insecure {
		m = append(m, yaml.MapItem{Key: "insecure", Value: true})
	}
	add("fingerprint", l.fingerprint)
	add("user", l.user)
	add("password", l.password)
	add("password_env", l.passwordEnv)
	add("password_file", l.passwordFile)
	if len(l.passwordCommand) > 0 {
		m = append(m, yaml.MapItem{Key: "password_command", Value: l.passwordCommand})
	}
	return m
}

// withEntry adds an entry to the list with which the file ends.
func withEntry(data, entry []byte) []byte {
	column, found := listColumn(data)
	if data = slices.Clone(data); len(data) > 0 && !bytes.HasSuffix(data, []byte("\n")) {
		data = append(data, '\n')
	}
	if !found {
		data = append(data, "cameras:\n"...)
	}
	margin := strings.Repeat(" ", column)
	return append(data, margin+"- "+strings.TrimLeft(indented(entry, margin+"  "), " ")...)
}

// listColumn is how far the list of cameras is indented; found is false when the file has
// none, not even an empty one.
func listColumn(data []byte) (column int, found bool) {
	const usual = 2
	file, err := parser.ParseBytes(data, 0)
	if err != nil || len(file.Docs) == 0 {
		return usual, false
	}
	m, ok := file.Docs[0].Body.(ast.MapNode)
	if !ok {
		return usual, false
	}
	for i := m.MapRange(); i.Next(); {
		if seq, ok := i.Value().(*ast.SequenceNode); ok {
			return seq.Start.Position.Column - 1, true
		}
		found = true
	}
	return usual, found
}

func indented(entry []byte, margin string) string {
	lines := strings.Split(strings.TrimRight(string(entry), "\n"), "\n")
	return margin + strings.Join(lines, "\n"+margin) + "\n"
}

// sameBut proves that the text says what it said before, and the new camera.
func sameBut(name string, before, after []byte, l listedCamera) error {
	old, err := parseCameras(name, before)
	if err != nil {
		return err
	}
	now, err := parseCameras(name, after)
	if err != nil {
		return err
	}
	l.fingerprint, _ = parseFingerprint(l.fingerprint)
	want := append(slices.Clone(old.cameras), l)
	same := slices.EqualFunc(now.cameras, want, func(a, b listedCamera) bool {
		a.line, b.line = 0, 0
		return fmt.Sprint(a) == fmt.Sprint(b)
	})
	if !same {
		return errors.New("it would say something else")
	}
	return nil
}
