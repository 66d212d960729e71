"""Pure values and rules: no files, clock, network or Flask in here."""
