package commands

import (
	"time"

	"github.com/spf13/cobra"

	"rtsprec/engine/archive"
)

// size is a flag that holds a number of bytes.
type size struct{ n int64 }

// String implements pflag.Value.
func (s *size) String() string {
	if s.n == 0 {
		return ""
	}
	return sizeText(s.n)
}

// Type implements pflag.Value. The word stands in help texts.
func (*size) Type() string { return "size" }

// Set implements pflag.Value.
func (s *size) Set(text string) (err error) {
	s.n, err = parseSize(text)
	return err
}

// age is a flag that holds how old something may become.
type age struct{ d time.Duration }

// String implements pflag.Value.
func (a *age) String() string { return ageText(a.d) }

// Type implements pflag.Value. The word stands in help texts.
func (*age) Type() string { return "age" }

// Set implements pflag.Value.
func (a *age) Set(text string) (err error) {
	a.d, err = parseAge(text)
	return err
}

// keepFlags say what retention leaves.
type keepFlags struct {
	age        age
	size, free size
}

func (k *keepFlags) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.Var(&k.age, "keep-age", "remove recorded files that are older, like 30d")
	flags.Var(&k.size, "keep-size", "remove the oldest files when there are more, like 500GB")
	flags.Var(&k.free, "keep-free", "remove the oldest files when the disk has less left")
	noFileCompletion(cmd, "keep-age", "keep-size", "keep-free")
}

func (k *keepFlags) keep() archive.Keep {
	return archive.Keep{Age: k.age.d, Size: k.size.n, Free: k.free.n}
}
