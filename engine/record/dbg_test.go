package record

import (
	"fmt"
	"rtsprec/engine/journal"
)

func (g *rig) dump() {
	log, _ := journal.Read(g.fs, g.dir+"/journal")
	for _, l := range log.Lines {
		fmt.Printf("%d %s %+v\n", l.Seq, l.Kind, l.Entry)
	}
}
