"""Puts the layer builder of scripts/ on the path."""

from __future__ import annotations

import sys

from geo_service.settings import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
