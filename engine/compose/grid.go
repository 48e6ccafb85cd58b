package compose

import (
	"image"
	"math"
	"slices"

	"rtsprec/engine/fault"
	"rtsprec/presets"
)

// snapping is how far apart two edges are, as fractions of the picture, that are meant
// to be one: thirds that were typed as 0.333 leave no hole.
const snapping = 0.002

// grid turns fractions into even pixels. Edges that are meant to be one become the same
// pixel, whichever cell they belong to.
type grid struct{ x, y axis }

// axis is one direction: the edges, rising, of which those that are one follow each other.
type axis struct {
	edges  []float64 // sorted
	pixels []int     // of each
}

func newGrid(cells []presets.Cell, size image.Point) grid {
	x, y := []float64{0, 1}, []float64{0, 1}
	for _, c := range cells {
		x = append(x, c.X, c.X+c.W)
		y = append(y, c.Y, c.Y+c.H)
	}
	return grid{newAxis(x, size.X), newAxis(y, size.Y)}
}

func newAxis(edges []float64, length int) axis {
	slices.Sort(edges)
	a := axis{edges: edges, pixels: make([]int, len(edges))}
	for i, e := range edges {
		first := i == 0 || e-edges[i-1] > snapping
		switch {
		case e >= 1-snapping: // the picture's edge wins over what is near it
			a.pixels[i] = length
		case e <= snapping:
			a.pixels[i] = 0
		case first:
			a.pixels[i] = 2 * int(math.Round(e*float64(length)/2))
		default:
			a.pixels[i] = a.pixels[i-1]
		}
	}
	return a
}

// at is the pixel of an edge that the axis was made with.
func (a axis) at(edge float64) int {
	i, _ := slices.BinarySearch(a.edges, edge)
	return a.pixels[min(i, len(a.pixels)-1)]
}

// place is a cell in pixels.
func place(c presets.Cell, g grid, size image.Point) (Placed, error) {
	dst := image.Rect(g.x.at(c.X), g.y.at(c.Y), g.x.at(c.X+c.W), g.y.at(c.Y+c.H))
	if dst.Empty() {
		return Placed{}, fault.New(fault.Usage, "in a picture of %dx%d there is nothing left of cell %s", size.X, size.Y, c.ID)
	}
	p := Placed{
		ID: c.ID, Dst: dst, Inner: dst, Border: c.Border.Color, Fit: c.Fit, Z: c.Z,
		Background: c.Background, Label: c.Label,
	}
	width := c.Border.Pixels
	if c.Border.Fraction > 0 {
		width = int(math.Round(min(c.Border.Fraction, presets.MaxBorder) * float64(size.Y)))
	}
	if width > 0 {
		p.Inner = dst.Inset(min((width+1)/2*2, inset(dst)))
	}
	return p, nil
}

// inset is the widest border that leaves two pixels of a cell.
func inset(r image.Rectangle) int { return max(0, (min(r.Dx(), r.Dy())-2)/4*2) }

// Frame is a cell's border as rectangles that do not overlap; none without a border.
func (p Placed) Frame() []image.Rectangle {
	if p.Inner == p.Dst {
		return nil
	}
	d, i := p.Dst, p.Inner
	return []image.Rectangle{
		image.Rect(d.Min.X, d.Min.Y, d.Max.X, i.Min.Y), image.Rect(d.Min.X, i.Max.Y, d.Max.X, d.Max.Y),
		image.Rect(d.Min.X, i.Min.Y, i.Min.X, i.Max.Y), image.Rect(i.Max.X, i.Min.Y, d.Max.X, i.Max.Y),
	}
}

// share divides the area of the rest among n inputs.
func share(a *presets.Rest, n int, size image.Point) []presets.Cell {
	if n <= 0 {
		return nil
	}
	shape := float64(size.X) / float64(size.Y) // of a cell whose fractions are equal
	x0, y0, w, h, columns := a.X, a.Y, a.W, a.H, 1
	switch a.Flow {
	case presets.Row: // no wider than pictures are, in the middle
		columns = n
		w = min(a.W/float64(n), a.H*wide/shape)
		x0 += (a.W - w*float64(n)) / 2
	case presets.Column:
		h = min(a.H/float64(n), a.W*shape/wide)
		y0 += (a.H - h*float64(n)) / 2
	default:
		rows := 1
		columns, rows = squarest(n, a.W*shape/a.H)
		w, h = a.W/float64(columns), a.H/float64(rows)
	}
	var cells []presets.Cell
	for i := range n {
		row, column := i/columns, i%columns
		x := x0 + float64(column)*w
		if left := n - row*columns; left < columns { // the last row stands in the middle
			x += float64(columns-left) * w / 2
		}
		cells = append(cells, presets.Cell{ID: a.CellID(i), X: x, Y: y0 + float64(row)*h, W: w, H: h, Look: a.Look})
	}
	return cells
}

// wide is the shape of pictures for which space is shared.
const wide = 16.0 / 9

// squarest finds the columns and rows for n pictures in an area of a shape, so that they
// come out as large as can be; where that is nearly equal, rather beside than below each
// other.
func squarest(n int, shape float64) (columns, rows int) {
	best := 0.0
	for c := 1; c <= n; c++ {
		r := (n + c - 1) / c
		// The width of a picture in a cell, with the area 'shape' wide and 1 high.
		if width := min(shape/float64(c), wide/float64(r)); width > best*0.95 {
			best, columns, rows = max(best, width), c, r
		}
	}
	return columns, rows
}
