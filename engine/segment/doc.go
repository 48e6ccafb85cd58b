// Package segment writes and reads the media files of a recording: MP4 that is
// fragmented while it grows, so that a crash costs a fragment, and an ordinary seekable
// MP4 once it is sealed, which every player and editor handles best.
//
//	offset  while open                        sealed
//	0       ftyp (32 bytes, constant)         the same
//	32      free, 16 bytes of header around   mdat, 16 bytes of header (largesize)
//	48      a copy of ftyp                    around everything up to the index
//	80      moov with mvex: no samples
//	...     fragment
//	...     fragment
//	...                                       free: the fragment index
//	...                                       moov: full sample tables
//
// and a fragment, which is one write, is
//
//	prft (32 bytes)   capture time of the fragment's first unit (ISO 14496-12 8.16.5)
//	moof              tfdt in ticks from Header.Start; one trun a track
//	mdat              units, track by track
//	free (16 bytes)   "c32c" and the CRC-32C of the fragment's bytes before this box
//
// The last box is what makes a fragment sound. After a power cut, pages that never
// reached the disk read as zeros: a walk over the boxes accepts them inside an mdat, a
// walk over NAL lengths accepts them inside a NAL unit, and in L16 they are silence.
//
// From 48 on the file only grows. Sealing appends the index and the second moov, syncs,
// overwrites the 16 bytes at 32 in one write inside the file's first sector, and syncs.
// What these 16 bytes must be follows from the rest, so a reader asks them last, and
// every checksum begins behind them ([BodyOffset]). The first moov stays where it was:
// with the copy of ftyp it is the init segment of a browser ([File.InitRange]), and a
// reader takes the header from it in every state.
//
// Times: tick 0 of every track is Header.Start, which stands to the nanosecond in the
// first moov as the tag com.apple.quicktime.creationdate. In the sealed file time 0 is
// the first unit presented, which stands there in the second moov. Edit lists keep
// tracks in their places: an empty edit where a track begins later, and the media time
// of the first picture shown where decoding begins before it (B-frames).
//
// Units are stored as received with one exception: G.726 in the bit order of RFC 3551,
// which no player looks for in an MP4, is stored in that of ITU-T I.366.2 (AAL2) and
// turned back when read. The tag rtsprec.reordered names such tracks.
//
// Who plays what, open and sealed alike, tried with ffmpeg 5.1, VLC 3.0, GStreamer 1.22
// (qtdemux) and mediainfo 23.04, which shows the duration of all of them:
//
//	codec           entry      ffmpeg  VLC  GStreamer  mediainfo says
//	H.264, H.265    avc1 hvc1  yes     yes  yes        AVC, HEVC
//	MPEG-4, MJPEG   mp4v       yes     yes  yes        MPEG-4 Visual, JPEG
//	AAC, Opus       mp4a Opus  yes     yes  yes        AAC, Opus
//	G.711           alaw ulaw  yes     yes  yes        ADPCM
//	L16             twos       yes     yes  yes        PCM
//	L16 > 65535 Hz  twos       yes     no   no         PCM
//	G.722           ms 0x028F  yes     no   no         SBC24
//	G.726           ms 0x0045  yes     no   no         ADPCM
package segment
