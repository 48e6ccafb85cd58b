package presets

import (
	"fmt"
	"image/color"
	"slices"
	"strconv"
	"strings"

	"rtsprec/engine/settings"
)

// defaultLook is how a cell shows its input where a file says nothing.
func defaultLook() Look {
	return Look{
		Fit:        Whole,
		Border:     Border{Color: color.NRGBA{A: 255}},
		Background: color.NRGBA{A: 255},
		Label: Label{
			At: "bottom-left", Text: "{name}  {time}", Size: 0.06,
			Color: color.NRGBA{255, 255, 255, 255}, Box: color.NRGBA{0, 0, 0, 128},
		},
	}
}

// layout takes one layout. It is put into the set when it is sound.
func (r *reader) layout(name string, v settings.Value) {
	before := r.Count()
	r.Refused(v, validName(name))
	l := Layout{Name: name, Origin: r.origin(v, replaces(r.set.layouts, name)), Background: color.NRGBA{A: 255}}
	look := defaultLook()
	cells, rest, speaker := settings.Value{}, settings.Value{}, settings.Value{}
	at := v
	v.At = "layouts.*"
	keys := r.look(&look)
	keys["about"] = r.about(&l.About)
	keys["background"] = r.opaque(&l.Background)
	keys["speaker"] = func(v settings.Value) { speaker = v; r.Text(&l.Speaker)(v) }
	keys["cells"] = func(v settings.Value) { cells = v }
	keys["rest"] = func(v settings.Value) { rest = v }
	r.Keys(v, keys)
	if look.Background == defaultLook().Background {
		look.Background = l.Background
	}
	// The cells come last, as they begin from what the layout says for all of them.
	if cells.Set() {
		r.List(cells, func(v settings.Value) { r.cell(&l, look, v) })
	}
	if rest.Set() {
		r.rest(&l, look, rest)
	}
	switch {
	case len(l.Cells) == 0 && l.Rest == nil:
		r.Wrong(at, "layout %s has neither cells nor a rest: it would show nothing", name)
	case l.Speaker == "" && len(l.Cells) > 0:
		l.Speaker = l.Cells[0].ID
	case speaker.Set() && !slices.ContainsFunc(l.Cells, func(c Cell) bool { return c.ID == l.Speaker }):
		r.Wrong(speaker, "layout %s has no cell %q to be the speaker's", name, l.Speaker)
	}
	if len(l.Cells) > MaxCells {
		r.Wrong(at, "layout %s has %d cells; at most %d", name, len(l.Cells), MaxCells)
	}
	if r.Count() == before {
		put(&r.set.layouts, l)
	}
}

// cell takes one cell, which begins as look says.
func (r *reader) cell(l *Layout, look Look, v settings.Value) {
	c := Cell{ID: strconv.Itoa(len(l.Cells) + 1), W: 1, H: 1, Look: look}
	at := v
	v.At = "cells"
	keys := r.look(&c.Look)
	r.place(keys, &c.X, &c.Y, &c.W, &c.H)
	keys["id"] = func(v settings.Value) {
		at = v
		r.Text(&c.ID)(v)
		r.Refused(v, validName(c.ID))
	}
	r.Keys(v, keys)
	r.inside(at, "cell "+c.ID, c.X, c.Y, c.W, c.H)
	if slices.ContainsFunc(l.Cells, func(o Cell) bool { return strings.EqualFold(o.ID, c.ID) }) {
		r.Wrong(at, "there are two cells called %s", c.ID)
	}
	l.Cells = append(l.Cells, c)
}

// rest takes the area of the other inputs.
func (r *reader) rest(l *Layout, look Look, v settings.Value) {
	a := Rest{W: 1, H: 1, Flow: Grid, Look: look}
	at := v
	v.At = "rest"
	keys := r.look(&a.Look)
	r.place(keys, &a.X, &a.Y, &a.W, &a.H)
	keys["id"] = func(v settings.Value) {
		at = v
		r.Text(&a.ID)(v)
		r.Refused(v, validName(a.ID))
	}
	keys["flow"] = word(r, &a.Flow, Flows)
	keys["most"] = r.Number(&a.Most, 1, MaxCells)
	r.Keys(v, keys)
	r.inside(at, "the rest", a.X, a.Y, a.W, a.H)
	for i := range MaxCells {
		if id := a.cellID(i); slices.ContainsFunc(l.Cells, func(o Cell) bool { return strings.EqualFold(o.ID, id) }) {
			r.Wrong(at, "a cell is called %s, and so is one of the rest: give the rest an id", id)
			break
		}
	}
	l.Rest = &a
}

// cellID is the name of the cell of the i-th input of the rest, from 0.
func (a *Rest) cellID(i int) string {
	if a.ID == "" {
		return strconv.Itoa(i + 1)
	}
	return a.ID + "-" + strconv.Itoa(i+1)
}

// CellID is the name of the cell of the i-th input that shares the area, from 0.
func (a *Rest) CellID(i int) string { return a.cellID(i) }

// place adds the keys of a rectangle.
func (r *reader) place(keys map[string]func(settings.Value), x, y, w, h *float64) {
	keys["x"], keys["y"] = r.fraction(x, 0, 1), r.fraction(y, 0, 1)
	keys["w"], keys["h"] = r.fraction(w, MinSide, 1), r.fraction(h, MinSide, 1)
}

// inside checks that a rectangle is in the picture; thirds that were typed with two or
// three digits may miss its edge.
func (r *reader) inside(v settings.Value, what string, x, y, w, h float64) {
	const slack = 0.002
	if x+w > 1+slack {
		r.Wrong(v, "%s goes beyond the right edge: x %s and w %s are more than 1", what, number(x), number(w))
	}
	if y+h > 1+slack {
		r.Wrong(v, "%s goes beyond the lower edge: y %s and h %s are more than 1", what, number(y), number(h))
	}
}

func number(f float64) string { return strconv.FormatFloat(f, 'g', 4, 64) }

// look returns the keys of how a cell shows its input.
func (r *reader) look(l *Look) map[string]func(settings.Value) {
	return map[string]func(settings.Value){
		"fit":             word(r, &l.Fit, Fits),
		"z":               r.Number(&l.Z, 0, MaxZ),
		"cell_background": r.opaque(&l.Background),
		"border": func(v settings.Value) {
			v.At = "border"
			r.Keys(v, map[string]func(settings.Value){"width": r.width(&l.Border), "color": r.opaque(&l.Border.Color)})
		},
		"label": func(v settings.Value) { r.label(&l.Label, v) },
	}
}

// label takes a label; one that is written down is shown, unless it says otherwise.
func (r *reader) label(l *Label, v settings.Value) {
	v.At = "label"
	l.Show = true
	r.Keys(v, map[string]func(settings.Value){
		"show": r.Flag(&l.Show), "at": word(r, &l.At, Positions),
		"text": r.Parsed(func(text string) error {
			l.Text = text
			return checkText(text)
		}),
		"size": r.fraction(&l.Size, MinLabel, MaxLabel), "color": r.color(&l.Color), "box": r.color(&l.Box),
		"utc": r.Flag(&l.UTC),
	})
}

// width takes the width of a border: "2px", or a fraction of the picture's height.
func (r *reader) width(b *Border) func(settings.Value) {
	return r.Parsed(func(text string) (err error) {
		if pixels, ok := strings.CutSuffix(text, "px"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(pixels))
			if err != nil || n < 0 || n > 200 {
				return fmt.Errorf("%q is no number of pixels from 0px to 200px", text)
			}
			b.Pixels, b.Fraction = n, 0
			return nil
		}
		b.Pixels = 0
		b.Fraction, err = parseFraction(text, 0, MaxBorder)
		return err
	})
}
