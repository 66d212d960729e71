"""Commands that bring in what is too special for the upload page: a road network from OpenStreetMap."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from geo_service.cli.data import opened
from geo_service.cli.people import ACTOR

if TYPE_CHECKING:
    from geo_service.cli.terminal import Terminal


def import_group(terminal: Terminal) -> click.Group:
    """What can be brought in."""
    group = terminal.group("import", zh="导入路网（OSM 提取）。", en="Import a road network (an OSM extract).")
    group.add_command(_osm(terminal))
    return group


def _osm(terminal: Terminal) -> click.Command:
    @terminal.command(
        "osm",
        zh="把本地 OpenStreetMap 提取（.osm.pbf 或 .osm）的道路导入图层 road_network；再次导入只改有差别的路段。",
        en="Import the roads of a local OpenStreetMap extract (.osm.pbf or .osm) as layer road_network; a later import "
        "changes only the edges that differ.",
    )
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    def osm(file: Path) -> None:
        from geo_service.usecases import street_import
        from geo_service.usecases.browse import areas_of, district_bbox

        with opened(terminal) as here, here.counter.jail as jail:
            states = here.store.layers()
            streets = street_import.read_extract(jail, file, district_bbox(states, here.views))
            areas = areas_of(states, here.views)
            audit = here.people.audit
            made = street_import.import_streets(here.store, audit, streets, file=file.name, areas=areas, author=ACTOR)
            here.store.flush()
        click.echo(street_import.summary(made).get(terminal.language))

    return osm
