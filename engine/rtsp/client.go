package rtsp

import (
	"context"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// Client is one session that plays. It is a [media.Source] and a [media.KeyRequester].
type Client struct{}

// Dial connects, asks for the description, sets all known tracks up, and plays. With
// Auto it returns once it is known which transport works.
func Dial(ctx context.Context, o Options) (*Client, error) {
	return nil, fault.New(fault.Unsupported, "not there yet")
}

// Run implements media.Source.
func (c *Client) Run() media.Run { return media.Run{} }

// Next implements media.Source.
func (c *Client) Next(ctx context.Context) (media.AccessUnit, error) {
	return media.AccessUnit{}, nil
}

// Close implements media.Source.
func (c *Client) Close() error { return nil }

// RequestKey implements media.KeyRequester.
func (c *Client) RequestKey() {}

// Stats returns a snapshot.
func (c *Client) Stats() Stats { return Stats{} }
