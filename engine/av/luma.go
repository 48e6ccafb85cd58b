//go:build cgo

package av

import (
	"image"
	"unsafe"

	"github.com/asticode/go-astiav"

	"rtsprec/engine/media"
)

// Luma implements media.Lumaer.
func (p *picture) Luma() *image.Gray {
	switch p.format() {
	case astiav.PixelFormatYuv420P, astiav.PixelFormatYuvj420P, astiav.PixelFormatYuv422P, astiav.PixelFormatYuvj422P,
		astiav.PixelFormatYuv444P, astiav.PixelFormatYuvj444P, astiav.PixelFormatNv12, astiav.PixelFormatGray8:
	default:
		return nil
	}
	width, height := p.Size()
	data, stride := p.planes()
	if data[0] == nil || stride[0] < width || height <= 0 {
		return nil
	}
	return &image.Gray{
		Pix: unsafe.Slice((*byte)(data[0]), stride[0]*(height-1)+width), Stride: stride[0], Rect: image.Rect(0, 0, width, height),
	}
}

var _ media.Lumaer = (*picture)(nil)
