package testcard

import (
	"image"
	"image/color"
	"image/draw"
)

// On returns a surface of an image in memory.
func On(img *image.NRGBA) Surface { return imageSurface{img} }

type imageSurface struct{ to *image.NRGBA }

// Fill implements Surface.
func (s imageSurface) Fill(r image.Rectangle, c color.Color) {
	draw.Draw(s.to, r, image.NewUniform(c), image.Point{}, draw.Over)
}

// Stamp implements Surface.
func (s imageSurface) Stamp(img *image.NRGBA, at image.Point) {
	draw.Draw(s.to, img.Rect.Sub(img.Rect.Min).Add(at), img, img.Rect.Min, draw.Over)
}
