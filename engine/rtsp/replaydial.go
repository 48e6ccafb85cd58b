package rtsp

import "time"

// ReplayRequest asks a peer for a part of its own recording. It travels over TCP whatever
// Options.Transport says, as fast as it can be taken: a full queue stops the peer instead
// of dropping. Next returns io.EOF at the end of the range, whether or not the peer ends
// there by itself.
//
// A unit's Wall is the time that the peer says, however far that is from now: from the
// ONVIF replay header extension where the peer sends it, else from its sender reports,
// else counted from where the peer says that it begins.
type ReplayRequest struct {
	From, To time.Time     // by the peer's clock; a zero To: as far as there is
	Plain    bool          // ask without the ONVIF replay extension, which is tried first otherwise
	Rate     int64         // bytes a second to be taken at most; 0: as fast as they come
	Zone     time.Duration // added to From and To when asking, and taken from what the peer says
}
