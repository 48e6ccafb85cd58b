package archive

// PieceOf reports whether a [Piece]'s URI is of that camera of that recording, so that who
// may see one camera gets no piece of another; sound is the path of the one that is heard.
func PieceOf(uri, recording, camera, sound string) bool {
	r, ok := parseResource(uri)
	return ok && r.recording == recording && r.camera == camera && r.sound == sound
}
