package commands

import (
	"github.com/spf13/cobra"

	"rtsprec/engine"
)

// backfillFlags say who can play again what is missing.
type backfillFlags struct {
	typed []string
	rate  size
}

func (b *backfillFlags) bind(cmd *cobra.Command) {
	b.rate.n = engine.DefaultBackfillRate
	flags := cmd.Flags()
	flags.StringArrayVar(&b.typed, "backfill", nil, "fill gaps from what this can replay, an rtsprec serve or a recorder (a URL may hold {start} and {end}): `[NAME=]URL`; may be repeated")
	flags.Var(&b.rate, "backfill-rate", "bytes a second that filling gaps may take")
	noFileCompletion(cmd, "backfill", "backfill-rate")
}

// sources reads what was typed.
func (b *backfillFlags) sources(p *process) ([]engine.BackfillSource, error) {
	var list []engine.BackfillSource
	for _, text := range b.typed {
		name, address, err := parseInput(text)
		if err != nil {
			return nil, err
		}
		s := engine.BackfillSource{Camera: name, URL: p.login(address)}
		if err := s.Validate(); err != nil {
			return nil, usage("--backfill 'rtsp://HOST/PATH?from={start:%Y%m%dT%H%M%SZ}'", "%v", err)
		}
		list = append(list, s)
	}
	return list, nil
}
