package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"rtsprec/commands"
)

// generate returns all files by name, with forward slashes. The same commands give the
// same bytes on every machine and day.
func generate() (map[string][]byte, error) {
	files := map[string][]byte{}
	root := commands.NewRoot()
	root.DisableAutoGenTag = true
	if err := manPages(root, files); err != nil {
		return nil, err
	}
	var bash, zsh, fish bytes.Buffer
	for _, err := range []error{root.GenBashCompletionV2(&bash, true), root.GenZshCompletion(&zsh), root.GenFishCompletion(&fish, true)} {
		if err != nil {
			return nil, err
		}
	}
	files["completions/rtsprec.bash"] = bash.Bytes()
	files["completions/_rtsprec"] = zsh.Bytes()
	files["completions/rtsprec.fish"] = fish.Bytes()
	var err error
	files["NOTICES"], err = notices()
	return files, err
}

// manPages adds a page for cmd and each command below it.
func manPages(cmd *cobra.Command, files map[string][]byte) error {
	// A fixed date: the page changes when the command does.
	date := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	header := &doc.GenManHeader{Section: "1", Date: &date, Source: "rtsprec", Manual: "rtsprec manual"}
	var page bytes.Buffer
	if err := doc.GenMan(cmd, header, &page); err != nil {
		return err
	}
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
	files["man/"+name+".1"] = withExits(page.Bytes())
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() && !c.IsAdditionalHelpTopicCommand() {
			if err := manPages(c, files); err != nil {
				return err
			}
		}
	}
	return nil
}

// withExits puts the exit codes where man(7) wants them: before what to see also.
func withExits(page []byte) []byte {
	var section strings.Builder
	section.WriteString(".SH EXIT STATUS\n")
	for _, e := range commands.Exits() {
		fmt.Fprintf(&section, ".TP\n\\fB%d\\fP\n%s\n", e.Code, e.Text)
	}
	at := bytes.Index(page, []byte(".SH SEE ALSO"))
	if at < 0 {
		at = len(page)
	}
	return bytes.Join([][]byte{page[:at], []byte(section.String()), page[at:]}, nil)
}
