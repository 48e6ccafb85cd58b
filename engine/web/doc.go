// Package web serves recordings, and what is being recorded now, over HTTP: a page, a
// JSON API, HLS, clips, metrics and health.
//
//	GET /                        the page; what it needs stands beside it under /page/
//	GET /api/v1/recordings       {recordings: [Recording]}: what was recorded and how complete it is
//	GET /api/v1/cameras          {cameras: [Camera]}: the cameras of all recordings, with their tracks
//	GET /api/v1/timeline         ?camera=[&from=&to=]  Timeline: what each instant of a camera's time is
//	GET /api/v1/live             State: how recording and serving stand now
//	GET /api/v1/composition      [?path=]  what a composed path shows: its layout, speaker and inputs
//	POST /api/v1/composition     ?do=layout|speaker|next[&name=][&path=]  shows another layout, or somebody else in the large cell
//	GET /hls/index.m3u8          ?camera=[&from=&to=][&audio=]  what a player is given: a recording, or without from: live
//	GET /hls/media.m3u8          ?camera=&from=[&to=]  the playlist of a recording; to: an hour later
//	GET /hls/piece.mp4           ?camera=&uri=  bytes that it names, with ranges
//	GET /hls/live.m3u8           ?camera=[&_HLS_msn=[&_HLS_part=]]  the playlist of what is being recorded now
//	GET /hls/init.mp4 ...        what it names, and segment.mp4, part.mp4
//	GET /clip                    ?camera=&from=&to=[&audio=]  one plain MP4, with ranges; X-Clip-Start, -End, -Note tell of it
//	GET /still.jpg               ?camera=[&at=][&width=]  the newest key frame, or the one at or before a time, as JPEG; X-Still-Time
//	GET /timeline.png            ?recording=[&from=][&to=][&width=]  its timeline as a picture, with the cameras one may replay
//	                             says of when. 404 where there is no decoder
//	GET /metrics                 for Prometheus
//	GET /healthz                 503 while a camera's media does not reach the disk, or nothing a target
//
// A camera is named by its path, RECORDING/CAMERA, as the API lists it. Times are RFC
// 3339 ("2026-11-22T09:00:00.250Z") or seconds since 1970 ("1795338000.25"). All
// answers that are not media are JSON; an error is {"error": "a sentence"}. The JSON may
// only grow: members are added and never renamed, removed or given another meaning.
//
// Rights are those of package access: "read" is live, "replay" is what was recorded, "steer"
// is to POST; a
// camera is granted by its path here, or by the path under which it is live. Who is asked
// for a password is asked by Basic (RFC 7617).
//
// Nothing of a camera is decoded or encoded here; stills come from [Stills]. Lists name what was recorded as it is;
// the library converts sound that no browser plays, and what it leaves out is said in
// notes ("# note:" in a playlist).
//
// The package knows neither the disk nor RTSP. It declares what it needs ([Library],
// [Hub]), and package engine hands it in.
package web
