"""Where rows with history live."""
