package engine

import (
	"context"
	"errors"
	"image"
	"io"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
	"rtsprec/engine/rtsp"
	"rtsprec/engine/testcard"
)

// Sighting is a test card that was seen.
type Sighting struct {
	Drawn   time.Time // the time that it shows, to the millisecond
	Wall    time.Time // capture time of the picture that shows it
	Arrived time.Time // when its unit was received
	Decoded time.Time // when it could have been shown; Decoded - Drawn is the delay end to end
}

// WatchOptions says what [WatchCards] looks at.
type WatchOptions struct {
	rtsp.Options
	// Card is where the whole card is in a picture of a size; nil: all of the picture.
	Card func(size image.Point) image.Rectangle
	// Seen is told of each card, in order, until it returns false.
	Seen func(s Sighting) (more bool)
	// Unread is told of each picture in which no card can be read; may be nil.
	Unread func(p media.Picture)
}

// WatchCards plays a URL that shows a test card, decodes all of it, and tells of each card
// when it was drawn and when it could be seen: the delay end to end, where both happen on
// hosts of one clock. It returns nil when Seen has enough or the peer ends the session.
func WatchCards(ctx context.Context, d Deps, o WatchOptions) error {
	if err := d.needCodecs("watch a test card"); err != nil {
		return err
	}
	s, err := d.dial(ctx, o.Options)
	if err != nil {
		return err
	}
	defer s.Close()
	video := -1
	for i, t := range s.Run().Tracks {
		if t.Codec.Video() {
			video = i
			break
		}
	}
	if video < 0 {
		return fault.New(fault.Unsupported, "there is no picture in which a test card could be")
	}
	decoder, err := d.Coder.PictureDecoder(s.Run().Tracks[video], media.DecodeOptions{})
	if err != nil {
		return err
	}
	defer decoder.Close()
	w := watcher{d, o, false}
	for !w.enough {
		au, err := s.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if int(au.Track) != video {
			continue
		}
		pictures, err := decoder.Decode(au)
		if err != nil && !fault.Is(err, fault.Damaged) {
			return err
		}
		w.look(pictures, au.Arrival)
	}
	return nil
}

// watcher looks at pictures for WatchCards.
type watcher struct {
	Deps
	WatchOptions
	enough bool
}

// look releases the pictures.
func (w *watcher) look(pictures []media.Picture, arrived time.Time) {
	now := w.Clock.Now()
	for _, p := range pictures {
		drawn, ok := readCard(p, w.Card)
		switch {
		case ok && !w.enough:
			w.enough = !w.Seen(Sighting{Drawn: drawn, Wall: p.Wall(), Arrived: arrived, Decoded: now})
		case !ok && w.Unread != nil:
			w.Unread(p)
		}
		p.Release()
	}
}

// readCard is the time that a card in a picture shows.
func readCard(p media.Picture, where func(size image.Point) image.Rectangle) (time.Time, bool) {
	readable, ok := p.(media.Lumaer)
	if !ok {
		return time.Time{}, false
	}
	luma := readable.Luma()
	if luma == nil {
		return time.Time{}, false
	}
	card := luma.Rect
	if where != nil {
		card = where(card.Size())
	}
	return testcard.Read(luma, card)
}
