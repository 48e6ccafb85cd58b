package commands

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"rtsprec/engine/media"
)

// eachCommand runs a test for every command of the tree.
func eachCommand(t *testing.T, do func(t *testing.T, cmd *cobra.Command)) {
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		t.Run(cmd.CommandPath(), func(t *testing.T) { do(t, cmd) })
		for _, c := range cmd.Commands() {
			walk(c)
		}
	}
	walk(NewRoot())
}

func TestEveryHelpFitsTheScreenAndListsExitCodesAndExamples(t *testing.T) {
	eachCommand(t, func(t *testing.T, cmd *cobra.Command) {
		var b strings.Builder
		cmd.SetOut(&b)
		if err := cmd.Help(); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		for _, line := range strings.Split(text, "\n") {
			if n := utf8.RuneCountInString(line); n > 80 {
				t.Errorf("%d characters: %s", n, line)
			}
			if strings.TrimRight(line, " ") != line {
				t.Errorf("spaces at the end of %q", line)
			}
		}
		contains(t, text, "Exit codes:", "    0  done", "  3  done, but something is missing", " 10  recording damaged", "130  stopped")
		if cmd.Name() != "version" && cmd.Name() != "help" {
			contains(t, text, "Examples:\n  ")
		}
		if cmd.Long == "" || cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("the short text %q is missing or ends with a full stop, or the long one is missing", cmd.Short)
		}
	})
}

func TestHelpGoesToStandardOutputAndIsDone(t *testing.T) {
	for _, args := range []string{"", "-h", "help", "record -h", "help record", "record --help"} {
		f := newFake(t, strings.Fields(args)...)
		f.run(t, 0)
		contains(t, f.out.String(), "Usage:\n  rtsprec")
		if f.err.String() != "" {
			t.Errorf("%q: on standard error: %s", args, f.err.String())
		}
	}
}

func TestWordsOfAFlagComeFromOnePlace(t *testing.T) {
	for _, c := range [][]string{{"__complete", "record", "--transport", ""}, {"__complete", "probe", "--transport", ""}} {
		f := newFake(t, c...)
		f.run(t, 0)
		contains(t, f.out.String(), "auto\nudp\ntcp\nmulticast\n:4\n")
	}
	f := newFake(t, "record", "-h")
	f.run(t, 0)
	contains(t, strings.Join(strings.Fields(f.out.String()), " "), "auto, udp, tcp or multicast") // wherever a line ends
}

func TestCompletionOffersCommandsAndDirectories(t *testing.T) {
	for args, want := range map[string]string{
		"__complete|":                    "record\tRecord one or many cameras together\n",
		"__complete|verify|":             ":16\n", // directories
		"__complete|verify|a|":           ":4\n",  // nothing more
		"__complete|record|-o|":          ":16\n",
		"__complete|record|-t|":          ":4\n",
		"__complete|record|":             ":4\n",
		"__complete|completion|":         "fish\n",
		"__complete|help|":               "record\t",
		"__complete|record|--transport|": "multicast\n",
	} {
		f := newFake(t, strings.Split(args, "|")...)
		f.run(t, 0)
		contains(t, f.out.String(), want)
	}
}

func TestCompletionScriptsArePrinted(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		f := newFake(t, "completion", shell)
		f.run(t, 0)
		contains(t, f.out.String(), "rtsprec", "__complete")
	}
}

func TestVersionIsPrinted(t *testing.T) {
	for _, word := range []string{"version", "--version"} {
		f := newFake(t, word)
		f.run(t, 0)
		if got := f.out.String(); got != "rtsprec 1.2.3, without codecs (MIT)\n" {
			t.Errorf("%s: got %q", word, got)
		}
		f = newFake(t, word, "--json")
		f.run(t, 0)
		contains(t, f.out.String(), `"type":"version"`, `"version":"1.2.3"`, `"codecs":false`, `"license":"MIT"`)
	}
	f := newFake(t, "version")
	f.Coder = struct{ media.Coder }{}
	f.run(t, 0)
	if got := f.out.String(); got != "rtsprec 1.2.3, with codecs (GPL-2.0-or-later)\n" {
		t.Errorf("got %q", got)
	}
}
