"""The report: assembled as data, drawn as SVG, written as HTML or JSON."""
