"""Printed sheets: from layers at a revision to PDF, SVG, PNG and DXF.

The way: ``request`` (what is asked) → ``sheet.compose`` (pages as ``scene`` values in paper millimetres) → ``svg`` or
``pdf`` (Typst sets the pages, pikepdf adds layers, links and the geospatial viewport). No dpi anywhere: one SVG unit is
one millimetre of paper, x = (easting - easting of the left edge) * 1000 / scale.
"""
