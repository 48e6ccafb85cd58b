//go:build cgo

package av

// #include "shim.h"
import "C"

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"unsafe"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// defaultQuality is of JPEG stills.
const defaultQuality = 85

// Still implements media.Coder. The pixels are made to be what JPEG files hold (JFIF:
// BT.601, full range), and the encoders are those of Go: a still has no hurry.
func (c *coder) Still(p media.Picture, o media.StillOptions) ([]byte, error) {
	if o.Quality == 0 {
		o.Quality = defaultQuality
	}
	switch {
	case o.Format != "" && o.Format != "jpeg" && o.Format != "png":
		return nil, fault.New(fault.Unsupported, "a still as %q: there are jpeg and png", o.Format)
	case o.Quality < 1 || o.Quality > 100:
		return nil, fault.New(fault.Usage, "quality %d: it is 1 to 100", o.Quality)
	case o.Width < 0 || o.Width > maxCanvas:
		return nil, fault.New(fault.Usage, "a still %d wide: at most %d", o.Width, maxCanvas)
	}
	mine, err := own(p)
	if err != nil {
		return nil, err
	}
	img, err := c.ycbcr(mine, o.Width)
	if err != nil {
		return nil, err
	}
	var file bytes.Buffer
	if o.Format == "png" {
		e := png.Encoder{CompressionLevel: png.BestSpeed}
		err = e.Encode(&file, rgba(img))
	} else {
		err = jpeg.Encode(&file, img, &jpeg.Options{Quality: o.Quality})
	}
	if err != nil {
		return nil, fault.Wrap(fault.Bug, "write a still", err)
	}
	return file.Bytes(), nil
}

// ycbcr is a picture in Go's memory, scaled to a width; 0 is its own.
func (c *coder) ycbcr(p *picture, width int) (*image.YCbCr, error) {
	w, h := media.ShownSize(p)
	height := h
	if width == 0 {
		width = w
	} else {
		height = max(1, (h*width+w/2)/w)
	}
	if width > maxCanvas || height > maxCanvas {
		return nil, fault.New(fault.Usage, "a still of %dx%d: at most %d each way", width, height, maxCanvas)
	}
	s := c.newScaler()
	defer s.close()
	here, err := c.download(p)
	if err != nil {
		return nil, err
	}
	defer here.Release()
	jfif := bt601
	jfif.full = true
	made, err := s.remake(here, (width+1)&^1, (height+1)&^1, coloursOf(here.c(), coloursOfSize(h)), jfif)
	if err != nil {
		return nil, err
	}
	defer made.Release()
	img := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	data, stride := made.planes()
	for i, plane := range [][]uint8{img.Y, img.Cb, img.Cr} {
		row := img.YStride
		if i > 0 {
			row = img.CStride
		}
		for y := 0; y*row < len(plane); y++ {
			copy(plane[y*row:(y+1)*row], unsafe.Slice((*uint8)(unsafe.Add(data[i], y*stride[i])), row))
		}
	}
	return img, nil
}

// rgba is the picture in the pixels of a PNG file.
func rgba(img *image.YCbCr) *image.NRGBA {
	out := image.NewNRGBA(img.Rect)
	for y := range img.Rect.Dy() {
		row := out.Pix[y*out.Stride:]
		for x := range img.Rect.Dx() {
			i, j := img.YOffset(x, y), img.COffset(x, y)
			r, g, b := color.YCbCrToRGB(img.Y[i], img.Cb[j], img.Cr[j])
			copy(row[4*x:], []uint8{r, g, b, 255})
		}
	}
	return out
}
