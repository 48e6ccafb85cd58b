package commands

import (
	"context"
	"strconv"

	"rtsprec/engine"
)

// keysText says which keys a composition knows.
const keysText = "keys: 1-9 who speaks, l next layout, q end"

// watchKeys does what is typed until release is called. q calls quit.
func (p *process) watchKeys(ctx context.Context, control *engine.Controller, quit func()) (release func()) {
	none := func() {}
	if p.Keys == nil || p.json || p.quiet {
		return none
	}
	if _, _, terminal := p.Screen(); !terminal {
		return none
	}
	keys, restore, ok := p.Keys()
	if !ok {
		return none
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case key, open := <-keys:
				if !open {
					return
				}
				// What cannot be done is not worth a word: the display shows what is.
				switch command, known := keyCommand(key); {
				case key == 'q':
					quit()
				case known:
					_, _ = control.Do(ctx, command)
				}
			}
		}
	}()
	return func() {
		cancel()
		restore()
		<-done
	}
}

// keyCommand is what a key asks for.
func keyCommand(key byte) (engine.Command, bool) {
	switch {
	case key >= '1' && key <= '9':
		return engine.Command{Do: "speaker", Name: strconv.Itoa(int(key - '0'))}, true
	case key == 'l':
		return engine.Command{Do: "next"}, true
	}
	return engine.Command{}, false
}
