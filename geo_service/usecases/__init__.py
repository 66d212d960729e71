"""The journeys, used by web and command line alike."""
