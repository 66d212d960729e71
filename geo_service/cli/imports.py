"""Commands that bring in what has a form of its own: a road network from OpenStreetMap, people by area."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from geo_service.cli.data import FOUND, opened
from geo_service.cli.people import ACTOR

if TYPE_CHECKING:
    from geo_service.cli.terminal import Terminal


def import_group(terminal: Terminal) -> click.Group:
    """What can be brought in."""
    group = terminal.group(
        "import", zh="导入路网（OSM 提取）或分区人口。", en="Import a road network (an OSM extract) or people by area."
    )
    group.add_command(_osm(terminal))
    group.add_command(_population(terminal))
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


def _population(terminal: Terminal) -> click.Command:
    @terminal.command(
        "population",
        zh="把人口表（CSV 或 XLSX：一列名称、一列人口）按名称写入分区图层，成为新版本；有问题时逐行列出，什么也不写。",
        en="Write a table of people (CSV or XLSX: a column of names, one of people) into a layer of areas by name, as "
        "a new revision; findings are listed by row and nothing is written.",
    )
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @terminal.option("--layer", default="subdistricts", zh="分区图层。", en="The layer of areas.")
    @terminal.option("--source", required=True, zh="数据来源。", en="Where the numbers come from.")
    @terminal.option("--date", required=True, zh="截至日期，如 2020-11-01。", en="The day they are of, as 2020-11-01.")
    @click.pass_context
    def people(context: click.Context, *, file: Path, layer: str, source: str, date: str) -> None:
        from geo_service.usecases import population

        with opened(terminal) as here, here.counter.jail as jail:
            features = here.store.snapshot(layer).features
            statement = population.read_statement(jail, file, file.name, features, source=source, date=date)
            for finding in statement.reading.findings:
                click.echo(finding.sentence(terminal.language), err=True)
            if not statement.reading.usable:
                context.exit(FOUND)
            made = population.commit(here.store, here.people.audit, file.name, layer, statement, author=ACTOR)
            here.store.flush()
        total = statement.reading.total
        terminal.say(
            f"图层 {layer} 现为版本 r{made.rev}，共 {total} 人。", f"Layer {layer} is now r{made.rev}: {total} people."
        )

    return people
