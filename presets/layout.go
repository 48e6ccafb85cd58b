package presets

import "image/color"

// Layout says which part of the picture shows what. All places are fractions of the
// picture, so that one layout serves every size.
type Layout struct {
	Name  string // what --layout takes
	About string // one line for people
	Origin
	Background color.NRGBA // where no cell is; opaque
	Cells      []Cell      // filled by the inputs in this order
	// Rest is the area that the inputs without a cell of their own share; nil: they are
	// not shown. A layout has cells, a rest, or both.
	Rest *Rest
	// Speaker is the ID of the cell that shows whoever speaks: the first one, unless the
	// file says otherwise. Empty where there are no cells.
	Speaker string
}

func (l Layout) called() string { return l.Name }

// Cell is a rectangle that shows one input.
type Cell struct {
	ID         string  // what --cell takes: unique in its layout, in any case
	X, Y, W, H float64 // fractions of the picture from its top left; inside [0, 1], W and H from MinSide
	Look
}

// Rest is an area that any number of inputs share evenly. Its cells are called after
// its ID and counted from 1: "thumb-1"; without an ID "1", "2".
type Rest struct {
	ID         string
	X, Y, W, H float64
	Flow       Flow
	Most       int // inputs at most; 0: any number up to MaxCells
	Look
}

// Look is how a cell shows its input.
type Look struct {
	Fit        Fit
	Z          int // higher ones cover lower ones, later ones earlier ones; 0 to 100
	Border     Border
	Label      Label
	Background color.NRGBA // beside a picture that fits; opaque
}

// Fit says how a picture of another shape comes into a cell.
type Fit string

// The ways to fit. Cameras whose pixels are not square are shown as they should be.
const (
	Whole   Fit = "fit"  // all of it, with bars beside it
	Stretch Fit = "fill" // all of it, distorted
	Crop    Fit = "crop" // the middle of it, the cell full
)

// Fits lists them.
var Fits = []Fit{Whole, Stretch, Crop}

// Flow says how inputs share an area.
type Flow string

// The ways to share an area.
const (
	Grid   Flow = "grid"   // as square as can be, row by row; the last row in the middle
	Row    Flow = "row"    // beside each other
	Column Flow = "column" // below each other
)

// Flows lists them.
var Flows = []Flow{Grid, Row, Column}

// Border is a frame inside a cell's edge.
type Border struct {
	Pixels   int     // width in pixels; or
	Fraction float64 // width as a fraction of the picture's height, up to MaxBorder
	Color    color.NRGBA
}

// Label is a text on a cell.
type Label struct {
	Show bool
	At   Position
	Text string // with {name}, {time}, {date} and {zone} of the picture shown; MaxText bytes at most
	// Size is the height of a line, as a fraction of the cell's height or, where that is
	// less, of three quarters of its width; MinLabel to MaxLabel.
	Size  float64
	Color color.NRGBA
	Box   color.NRGBA // behind the text; a zero alpha draws none
	UTC   bool        // times in UTC, not local
}

// Position is a place on a cell.
type Position string

// Positions lists all places of a label.
var Positions = []Position{"top-left", "top", "top-right", "bottom-left", "bottom", "bottom-right", "center"}

// Bounds of what a layout may say.
const (
	MaxCells  = 64   // of a layout, and inputs that a rest takes
	MinSide   = 0.01 // of a cell, as a fraction
	MaxBorder = 0.1
	MinLabel  = 0.01
	MaxLabel  = 0.5
	MaxText   = 200
	MaxZ      = 100
)
