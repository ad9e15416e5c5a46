"""What the pages need to know that is not a figure of any lower app: projection, words, who sees what."""
