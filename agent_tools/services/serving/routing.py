"""Serve's request router for questions about pictures: each goes to the replica that holds the picture's encoding.

The digest of the picture comes as the session of the request: in the header ``x-session-id`` at the front, by
``handle.options(session_id=...)`` at the models. A favourite that is full or gone is passed over for the next in the
picture's own order, so that its pictures spread over all others. This module does not know models or HTTP.
"""

from __future__ import annotations

from ray.serve.request_router import PendingRequest, RequestRouter, RunningReplica

from agent_tools.services.serving.ranking import rank


class PictureRouter(RequestRouter):  # type: ignore[misc]
    """Asks the replicas in the order that `rank` gives them for the picture."""

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """Ranks of one replica each: Serve tries the next where one has no room, then waits a little and asks again."""
        if pending_request is None:
            return [candidate_replicas]
        pending_request.routing_context.should_backoff = True
        metadata = pending_request.metadata
        # A question about no picture goes anywhere; its own number spreads such questions evenly.
        key = metadata.session_id or metadata.internal_request_id
        by_name = {replica.replica_id.unique_id: replica for replica in candidate_replicas}
        return [[by_name[name]] for name in rank(key, by_name)]
