package archive

// PieceOf reports whether a [Piece]'s URI is of that camera of that recording, so that who
// may see one camera gets no piece of another.
func PieceOf(uri, recording, camera string) bool {
	r, ok := parseResource(uri)
	return ok && r.recording == recording && r.camera == camera && r.sound == ""
}
