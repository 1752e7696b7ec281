"""Networks with weights out of files: those known here by their architecture, ONNX, and Spleeter."""
