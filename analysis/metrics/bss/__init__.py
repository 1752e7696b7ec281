"""BSS Eval: what of an estimate is target, spatial distortion, interference and artefact."""
