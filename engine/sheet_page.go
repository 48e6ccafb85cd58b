package engine

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"time"

	"rtsprec/engine/compose"
	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/presets"
)

// sheetPage is a sheet being drawn. Cells go from left to right and down; those of one
// stretch of time, one a camera, stand side by side.
type sheetPage struct {
	sheet  *contactSheet
	canvas media.Canvas
	labels *compose.Labels
	cellW  int // of the picture; the caption is below it
	cellH  int
	line   int // of the caption
	head   int // pixels above the cells
	across int // cells in a row
	day    bool
}

// The looks of a sheet.
const (
	sheetGap  = 4 // pixels between cells
	sheetHead = 40
	sheetSide = 4096 // beyond which cells are made smaller
)

var (
	sheetGround = color.NRGBA{18, 20, 24, 255}
	sheetInk    = color.NRGBA{235, 238, 245, 255}
	sheetNone   = color.NRGBA{70, 32, 34, 255} // of a cell without a picture
)

// newSheetPage finds a size of cells with which all of them fit.
func newSheetPage(x *contactSheet) (*sheetPage, error) {
	p := &sheetPage{sheet: x, head: sheetHead}
	cameras := len(x.Cameras)
	total := x.rows * cameras
	// As many stretches beside each other as make a picture of the shape of a screen.
	p.across = cameras * int(math.Ceil(math.Sqrt(float64(x.rows)/float64(cameras))))
	for _, width := range []int{320, 240, 160, 120} {
		p.cellW, p.cellH, p.line = width, width*9/16&^1, max(14, width/16)&^1
		size := p.size()
		if most := max(size.X, size.Y); most <= sheetSide || width == 120 && most <= presets.MaxSide {
			return p, p.open(size)
		}
	}
	return nil, fault.New(fault.Usage, "%d pictures of %d cameras do not fit one sheet: take fewer", total, cameras)
}

// size is that of the whole sheet.
func (p *sheetPage) size() image.Point {
	rows := (p.sheet.rows*len(p.sheet.Cameras) + p.across - 1) / p.across
	return image.Pt(p.across*(p.cellW+sheetGap)+sheetGap, rows*(p.cellH+p.line+sheetGap)+sheetGap+p.head)
}

func (p *sheetPage) open(size image.Point) (err error) {
	if p.labels, err = compose.NewLabels(); err != nil {
		return err
	}
	p.canvas, err = p.sheet.Coder.Canvas(media.CanvasOptions{Width: size.X, Height: size.Y, Background: sheetGround})
	if err != nil {
		return err
	}
	r := p.sheet.report
	from, to := r.From.In(p.sheet.Zone), r.To.In(p.sheet.Zone)
	p.day = from.YearDay() != to.YearDay() || from.Year() != to.Year()
	until := to.Format("15:04:05 MST")
	if p.day {
		until = to.Format("2006-01-02 15:04:05 MST")
	}
	text := fmt.Sprintf("%s   %s to %s, each %v", p.sheet.rec.Name, from.Format("2006-01-02 15:04:05"), until, p.sheet.Every)
	if img := p.labels.Text(text, p.head*3/5, size.X-4*sheetGap, sheetInk); img != nil {
		p.canvas.Stamp(img, image.Pt(2*sheetGap, (p.head-img.Rect.Dy())/2+sheetGap/2))
	}
	return nil
}

// cell draws cell n: the picture, or why there is none, and the caption.
func (p *sheetPage) cell(n int, camera string, at time.Time, picture media.Picture, why string) error {
	corner := image.Pt(sheetGap+n%p.across*(p.cellW+sheetGap), p.head+sheetGap+n/p.across*(p.cellH+p.line+sheetGap))
	cell := image.Rectangle{Min: corner, Max: corner.Add(image.Pt(p.cellW, p.cellH))}
	if picture == nil {
		p.canvas.Fill(cell, sheetNone)
		if img := p.labels.Text(why, p.line, p.cellW-8, sheetInk); img != nil {
			p.canvas.Stamp(img, cell.Min.Add(cell.Size().Sub(img.Rect.Size()).Div(2)))
		}
	} else {
		p.canvas.Fill(cell, color.Black)
		width, height := picture.Size()
		src, dst := compose.Placed{Inner: cell}.Place(image.Pt(width, height), media.PixelOf(picture))
		if err := p.canvas.Draw(picture, src, dst); err != nil {
			return err
		}
		at = picture.Wall()
	}
	if img := p.labels.Text(p.caption(camera, at), p.line*4/5, p.cellW, sheetInk); img != nil {
		p.canvas.Stamp(img, image.Pt(cell.Min.X+(p.cellW-img.Rect.Dx())/2, cell.Max.Y+1))
	}
	return nil
}

// caption is what stands on a cell.
func (p *sheetPage) caption(camera string, at time.Time) string {
	form := "15:04:05"
	if p.day {
		form = "Jan 2 15:04:05"
	}
	text := at.In(p.sheet.Zone).Format(form)
	if len(p.sheet.Cameras) > 1 {
		text = camera + "  " + text
	}
	return text
}
