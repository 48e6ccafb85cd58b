package engine

import (
	"image"
	"image/color"
	"time"

	"rtsprec/engine/compose"
	"rtsprec/engine/media"
)

// painter draws what a stage shows. It belongs to the goroutine that composes.
type painter struct {
	c      *composer
	labels *compose.Labels
	zone   *time.Location
	bare   []image.Rectangle // what no cell covers
	told   time.Time         // when it was last told that something cannot be drawn
}

func newPainter(c *composer) (*painter, error) {
	labels, err := compose.NewLabels()
	if err != nil {
		return nil, err
	}
	zone := c.o.Zone
	if zone == nil {
		zone = time.UTC
	}
	return &painter{c: c, labels: labels, zone: zone}, nil
}

// draw draws the picture of an instant, captured at at.
func (p *painter) draw(at time.Time, pts media.Ticks) (media.Picture, error) {
	plan, fresh := p.c.stage.current()
	if fresh {
		var cells []image.Rectangle
		for _, cell := range plan.Cells {
			cells = append(cells, cell.Dst)
		}
		p.bare = compose.Bare(image.Rectangle{Max: plan.Size}, cells...)
	}
	p.fill(plan.Background, p.bare)
	for _, cell := range plan.Cells {
		p.cell(cell, at)
	}
	return p.c.canvas.Picture(pts, at)
}

// cell draws one cell: its input's picture or slate, its border, its label.
func (p *painter) cell(cell compose.Placed, at time.Time) {
	in := p.c.inputs[cell.Input]
	state := p.c.stage.stateOf(cell.Input)
	picture, ok := in.pictures.Pick(at.Add(p.c.slack()))
	shown := ok && (state == inputLive || state == inputFrozen)
	var where image.Rectangle
	if shown {
		where, shown = p.show(cell, in, picture)
	}
	if !shown {
		p.slate(cell, in, state)
		return
	}
	p.fill(cell.Border, cell.Frame())
	cell.Inner = where // the label stands on the picture, not beside it
	p.label(cell, in.Name, in.pictures.Wall().Add(-in.shift))
}

// show draws a picture in its cell, and says where.
func (p *painter) show(cell compose.Placed, in *composeInput, picture media.Picture) (where image.Rectangle, ok bool) {
	w, h := picture.Size()
	src, dst := cell.Place(image.Pt(w, h), media.PixelOf(picture))
	if dst.Empty() {
		return dst, false
	}
	if err := p.c.canvas.Draw(picture, src, dst); err != nil {
		if now := p.c.deps.Clock.Now(); p.told.IsZero() || now.Sub(p.told) > time.Minute {
			p.told = now
			p.c.deps.observe(Notice{Camera: in.Name, Message: "cannot be drawn: " + err.Error()})
		}
		return dst, false
	}
	if dst != cell.Inner {
		p.fill(cell.Background, compose.Bare(cell.Inner, dst))
	}
	return dst, true
}

// slate draws what stands in place of a picture that there is not.
func (p *painter) slate(cell compose.Placed, in *composeInput, state string) {
	p.fill(compose.SlateColor(), []image.Rectangle{cell.Inner})
	if img, at := p.labels.Slate(cell, in.Name, slateText(state)); img != nil {
		p.c.canvas.Stamp(img, at)
	}
	p.fill(cell.Border, cell.Frame())
}

func slateText(state string) string {
	switch state {
	case inputWaiting:
		return "connecting"
	case inputEnded:
		return "has ended"
	case inputSound:
		return "only sound"
	}
	return "no picture"
}

func (p *painter) label(cell compose.Placed, name string, at time.Time) {
	switch p.c.o.Label {
	case "on":
		cell.Label.Show = true
	case "off":
		cell.Label.Show = false
	case "time":
		cell.Label.Show, cell.Label.Text = true, "{name} {time}"
	}
	if !cell.Label.Show {
		return
	}
	if img, place := p.labels.Label(cell, compose.Expand(cell.Label, name, at, p.zone)); img != nil {
		p.c.canvas.Stamp(img, place)
	}
}

func (p *painter) fill(c color.NRGBA, where []image.Rectangle) {
	for _, r := range where {
		p.c.canvas.Fill(r, c)
	}
}
