"""Who may ask for what: a line for every route. A route without its line fails ``test_permissions.py``.

``everybody``: whoever the deployment lets in. ``layer``: readers of the layer named in the address. ``draft``: those
who work on the draft's layer; ``own draft``: its owner. ``signed in``: any account. ``own``: what an account made
itself, not found for others; ``a name that is none``: no sample here, the room's own tests have one. ``this
machine``: it, and administrators. ``admin``: administrators. ``write``: changes something; its rights stand in
``WRITING`` or with the room named there.
"""

from __future__ import annotations

from collections.abc import Mapping

_GATES: Mapping[str, str] = {
    "everybody": """
        account.sign_in_form analysis.asked_by_address analysis.catalogue analysis.index analysis.jobs
        analysis.moved_station analysis.one_pager analysis.package analysis.question analysis.workbook
        api.basemap_tile api.find api.layers api.plan assets.asset_file assets.favicon assets.palette
        assets.static_file basemaps.basemap_tile history.as_of history.edition history.edition_list
        layer_admin.symbol_list map.index ogc.api ogc.api_page ogc.catalogue ogc.changes ogc.collections
        ogc.conformance ogc.draft_item_options ogc.draft_items_options ogc.item_options ogc.items_options ogc.jobs
        ogc.landing ogc.process ogc.processes ogc.tile_matrix_set ogc.tile_matrix_sets ogc.web_map_service
        ogc.web_map_tile_service ogc.wmts_capabilities operations.healthz operations.readyz pages.about
        pages.commitment pages.help_index pages.help_topic pages.layers pages.plan pages.plan_features
        pages.unlocated population.form printing.job printing.prints printing.result printing.room
        printing.templates results.compare results.index results.listed
    """,
    "layer": """
        api.item api.items api.items_csv api.items_xlsx api.layer api.published api.tile attachments.listed
        history.changes history.compare history.history ogc.collection ogc.download ogc.item ogc.items
        ogc.layer_changes ogc.metadata ogc.queryables ogc.schema ogc.sortables ogc.tile ogc.tilejson ogc.tileset
        ogc.tilesets ogc.versions ogc.wmts_tile pages.feature pages.layer
    """,
    "draft": """
        draft_api.read drafts.draft_page
    """,
    "own draft": """
        ogc.draft_api ogc.draft_api_page ogc.draft_collection ogc.draft_collections ogc.draft_conformance
        ogc.draft_item ogc.draft_items ogc.draft_landing ogc.draft_queryables ogc.draft_schema ogc.draft_sortables
    """,
    "signed in": """
        account.own account.own_json draft_api.own_drafts drafts.inbox upload.upload_page
    """,
    "layer, signed in": """
        draft_api.schema
    """,
    "own": """
        originals.of_draft upload.changes upload.examination upload.findings_csv upload.findings_package
    """,
    "this machine": """
        operations.metrics
    """,
    "a name that is none": """
        analysis.job analysis.job_result attachments.content ogc.job ogc.results results.one_pager results.package
        results.page results.result results.workbook
    """,
    "admin": """
        account.audit account.people history.layers_in_service layer_admin.new_page layer_admin.policy_page
    """,
    "own, admin": """
        layer_admin.rehearsal originals.of_entry
    """,
    "write": """
        account.add_grant account.add_person account.add_token account.change_password account.remove_grant
        account.reset_password account.revoke_token account.set_active account.sign_in account.sign_out
        analysis.asked_by_body analysis.cancel_job attachments.receive draft_api.comment draft_api.create
        draft_api.decide draft_api.drop_change draft_api.publish draft_api.put_change draft_api.put_changes
        draft_api.set_note draft_api.settle draft_api.step drafts.comment_form drafts.step_form editing.cut
        history.name_edition history.remove_edition history.restore_feature history.restore_layer history.retire
        history.roll_back history.undo layer_admin.create layer_admin.rehearse layer_admin.set_policy ogc.create
        ogc.delete ogc.dismiss ogc.draft_create ogc.draft_delete ogc.draft_replace ogc.draft_update ogc.edit_in_qgis
        ogc.execute ogc.replace ogc.update population.send printing.cancel printing.drop_template
        printing.order_preview printing.order_print printing.save_template results.delete results.delete_page
        results.keep results.keep_json results.rename_page upload.cancel upload.draft upload.examine
        upload.receive
    """,
}

ROUTES: Mapping[str, str] = {endpoint: gate for gate, names in _GATES.items() for endpoint in names.split()}
"""The gate of every endpoint."""
