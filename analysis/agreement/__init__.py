"""What objective metrics say, held against what listeners heard: pure functions, frame in, frame out."""
