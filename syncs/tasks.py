"""What the queue may ask for: ids in, at most a few lines each. A lost, doubled or late task changes nothing."""

from django_scopes import scope, scopes_disabled

from syncs import slices, whatif
from syncs.failpoints import failpoint
from syncs.models import Lane, WhatIf


def work_lane(lane_id: int) -> None:
    failpoint("task.taken")
    with scopes_disabled():  # the id names the business; everything after runs in its scope
        lane = Lane.objects.select_related("business").filter(pk=lane_id).first()
    if lane:
        with scope(business=lane.business):
            slices.work(lane_id)


def try_out(what_if_id: int) -> None:
    with scopes_disabled():  # as above
        asked = WhatIf.objects.select_related("business").filter(pk=what_if_id).first()
    if asked:
        with scope(business=asked.business):
            whatif.work(what_if_id)
