"""Values as plain words and numbers, the same for a page and for a frame on the socket."""
