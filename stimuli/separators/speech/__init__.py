"""Speech enhancers as systems: native libraries out of installed packages, frame by frame."""
