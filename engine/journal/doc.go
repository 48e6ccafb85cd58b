// Package journal is a recording's truth: an append-only log of what happened, and the
// plan it was made by.
//
// # Lines
//
// A journal is JSON Lines. A line is one object and a newline:
//
//	{"format":1,"seq":812,"time":"2026-11-22T09:00:00.033Z","kind":"seal", ... ,"crc":"1c291ca3"}
//
//	format   only in the first line of a file: the version of this layout
//	seq      rises by one from line to line over the whole recording
//	time     when the line was written, by the host's clock
//	kind     what the members between it and crc are: one of the Entry types
//	crc      CRC-32C (Castagnoli) of the bytes before `,"crc"`; always the last member
//
// A line counts only with its newline, so a line that was cut short never does. Readers
// keep lines of unknown kinds and refuse files of an unknown format. A line is at
// most [MaxLine] bytes long.
//
// # Files
//
//	journal/2026-11-22-000000001.jsonl     lines from seq 1 on; begun on that UTC day
//	journal/2026-11-22-000000813.jsonl     after a reopening, a failed sync, a clock step, or 8 MiB
//	journal/2026-11-22-000000813-2.jsonl   when that name is taken by what a failed sync or a crash left
//	journal/2026-11-23-000004711.jsonl
//	journal/index.jsonl                    a line for each closed file
//
// A file is never opened for writing again. After a failed sync nothing is known about
// its last lines, so they are written again, with the same seq, to the next file;
// readers take each seq once.
//
// # Compaction
//
// Commits of a sealed segment are dead weight. When every segment that a closed file
// speaks of is sealed, and the seals are durable (at the latest when the writer closes, then with the
// commits of what is still open), the file is written anew without them, beside it, synced, renamed
// over it. It then begins with a line
//
//	{"format":1,"seq":0,"time":...,"kind":"compact","from":1,"to":812,"crc":...}
//
// that says which lines it stands for; compact lines have no place in the sequence.
// Compacted or not, a file says the same about everything that still matters, so
// a crash at any step costs nothing.
//
// # Index
//
// A line of index.jsonl says of one closed file which lines and times it holds, its
// size and checksum, and for each camera what of it was recorded ([Indexed]). It is a
// cache: it is believed only for files of the size it names, and what it does not know is
// read from the files.
package journal

// Format is the version of the plan, the journal and its index that this package
// writes. Others are refused.
const Format = 1

// MaxLine is the longest line, in bytes with its newline.
const MaxLine = 1 << 20
