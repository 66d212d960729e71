"""Pure analyses, one file per question planners ask."""
