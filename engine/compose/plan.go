package compose

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"maps"
	"math"
	"slices"
	"strings"

	"rtsprec/engine/fault"
	"rtsprec/presets"
)

// Scene is what a picture is to show. Inputs are numbered from 0 in the order given.
type Scene struct {
	Layout presets.Layout
	Size   image.Point // of the picture: even, 16 to 8192
	Inputs int
	// Assign puts inputs into cells by the cells' IDs, in any case; the other inputs fill the
	// other cells in order.
	Assign map[string]int
	// Speaker is the input that stands in the layout's speaker cell; whoever stood there
	// by Assign or order takes its place. Negative: by Assign or order.
	Speaker int
}

// Plan is a scene in pixels. It does not change.
type Plan struct {
	Layout     string
	Size       image.Point
	Background color.NRGBA
	// Cells that show an input, the lowest first: in this order they are drawn.
	Cells  []Placed
	Empty  []string // IDs of cells for which there is no input
	Hidden []int    // inputs for which there is no cell, rising
	// Speaker is the input in the speaker cell; -1: the layout has no such cell.
	Speaker int
}

// Placed is a cell with an input. All its edges are even.
type Placed struct {
	ID    string
	Input int
	// Dst is the cell; Inner is what its border leaves for the picture.
	Dst, Inner image.Rectangle
	Border     color.NRGBA
	Fit        presets.Fit
	Z          int
	Background color.NRGBA // of Inner beside the picture
	Label      presets.Label
}

// Plan computes where everything goes. A scene that makes no sense is fault.Usage: an
// impossible size, a cell or an input that does not exist, an input in two cells, a cell
// too small to be seen. Fewer inputs than cells, or more, are no error: see Plan.Notes.
func (s Scene) Plan() (*Plan, error) {
	if s.Size.X < 16 || s.Size.Y < 16 || s.Size.X > presets.MaxSide || s.Size.Y > presets.MaxSide || s.Size.X%2+s.Size.Y%2 != 0 {
		return nil, fault.New(fault.Usage, "a picture of %dx%d: sides are even, 16 to %d", s.Size.X, s.Size.Y, presets.MaxSide)
	}
	if s.Inputs < 1 || s.Inputs > presets.MaxCells {
		return nil, fault.New(fault.Usage, "%d inputs: there are 1 to %d", s.Inputs, presets.MaxCells)
	}
	cells, err := s.cells()
	if err != nil {
		return nil, err
	}
	if err := checkCells(cells); err != nil {
		return nil, fault.Because("layout "+s.Layout.Name, err)
	}
	inputs, err := s.assign(cells)
	if err != nil {
		return nil, err
	}
	p := &Plan{Layout: s.Layout.Name, Size: s.Size, Background: s.Layout.Background, Speaker: -1}
	snap := newGrid(cells, s.Size)
	shown := make([]bool, s.Inputs)
	for i, c := range cells {
		if inputs[i] < 0 {
			p.Empty = append(p.Empty, c.ID)
			continue
		}
		placed, err := place(c, snap, s.Size)
		if err != nil {
			return nil, fault.Because("layout "+s.Layout.Name, err)
		}
		placed.Input = inputs[i]
		shown[inputs[i]] = true
		if c.ID == s.Layout.Speaker {
			p.Speaker = inputs[i]
		}
		p.Cells = append(p.Cells, placed)
	}
	for input, is := range shown {
		if !is {
			p.Hidden = append(p.Hidden, input)
		}
	}
	slices.SortStableFunc(p.Cells, func(a, b Placed) int { return cmp.Compare(a.Z, b.Z) })
	return p, nil
}

// cells are the layout's cells, with those of the rest for the inputs that are left.
func (s Scene) cells() ([]presets.Cell, error) {
	l := s.Layout
	cells := slices.Clone(l.Cells)
	if l.Rest == nil {
		if len(cells) == 0 {
			return nil, fault.New(fault.Usage, "layout %s has no cells", l.Name)
		}
		return cells, nil
	}
	left := s.Inputs - len(cells)
	if l.Rest.Most > 0 {
		left = min(left, l.Rest.Most)
	}
	return append(cells, share(l.Rest, left, s.Size)...), nil
}

// assign returns the input of each cell, -1 for none.
func (s Scene) assign(cells []presets.Cell) ([]int, error) {
	inputs := make([]int, len(cells))
	for i := range inputs {
		inputs[i] = -1
	}
	taken := map[int]string{}
	for _, id := range slices.Sorted(maps.Keys(s.Assign)) {
		input := s.Assign[id]
		i := slices.IndexFunc(cells, func(c presets.Cell) bool { return strings.EqualFold(c.ID, id) })
		switch {
		case i < 0:
			return nil, fault.New(fault.Usage, "layout %s has no cell %q: there are %s", s.Layout.Name, id, ids(cells))
		case input < 0 || input >= s.Inputs:
			return nil, fault.New(fault.Usage, "cell %s: there is no input %d", id, input)
		case inputs[i] >= 0:
			return nil, fault.New(fault.Usage, "cell %s is given two inputs", cells[i].ID)
		case taken[input] != "":
			return nil, fault.New(fault.Usage, "an input is given two cells, %s and %s", taken[input], id)
		}
		inputs[i], taken[input] = input, id
	}
	next := 0
	for i := range inputs {
		for taken[next] != "" {
			next++
		}
		if inputs[i] < 0 && next < s.Inputs {
			inputs[i] = next
			next++
		}
	}
	s.lead(cells, inputs)
	return inputs, nil
}

// lead swaps the speaker into the speaker's cell.
func (s Scene) lead(cells []presets.Cell, inputs []int) {
	if s.Speaker < 0 || s.Speaker >= s.Inputs || s.Layout.Speaker == "" {
		return
	}
	big := slices.IndexFunc(cells, func(c presets.Cell) bool { return c.ID == s.Layout.Speaker })
	if big < 0 {
		return
	}
	if now := slices.Index(inputs, s.Speaker); now >= 0 {
		inputs[now] = inputs[big]
	}
	inputs[big] = s.Speaker
}

func ids(cells []presets.Cell) string {
	var names []string
	for _, c := range cells {
		names = append(names, c.ID)
	}
	return strings.Join(names, ", ")
}

// checkCells refuses cells that no file of presets could have brought.
func checkCells(cells []presets.Cell) error {
	if len(cells) > presets.MaxCells {
		return fault.New(fault.Usage, "%d cells; at most %d", len(cells), presets.MaxCells)
	}
	seen := map[string]bool{}
	for _, c := range cells {
		id := strings.ToLower(c.ID)
		if seen[id] {
			return fault.New(fault.Usage, "there are two cells called %s", c.ID)
		}
		seen[id] = true
		for _, f := range []float64{c.X, c.Y, c.W, c.H} {
			if math.IsNaN(f) || f < 0 || f > 1 {
				return fault.New(fault.Usage, "cell %s is not in the picture", c.ID)
			}
		}
		if c.W <= 0 || c.H <= 0 || c.X+c.W > 1+snapping || c.Y+c.H > 1+snapping {
			return fault.New(fault.Usage, "cell %s is not in the picture", c.ID)
		}
	}
	return nil
}

// Notes says in a line each what a person may not have meant: inputs that no cell shows.
// names are those of the inputs.
func (p *Plan) Notes(names []string) []string {
	if len(p.Hidden) == 0 {
		return nil
	}
	var hidden []string
	for _, input := range p.Hidden {
		if input < len(names) {
			hidden = append(hidden, names[input])
		}
	}
	return []string{fmt.Sprintf("layout %s shows %d of %d inputs: not %s", p.Layout, len(p.Cells), len(p.Cells)+len(p.Hidden), strings.Join(hidden, ", "))}
}

// Shown is the largest size in pixels at which an input is shown, zero when it is not:
// what to ask of a decoder, and whether a sub-stream will do.
func (p *Plan) Shown(input int) image.Point {
	var most image.Point
	for _, c := range p.Cells {
		if size := c.Inner.Size(); c.Input == input && size.X*size.Y > most.X*most.Y {
			most = size
		}
	}
	return most
}
