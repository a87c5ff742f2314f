"""A task of the state machine begins to wait: keep its token, then look at once whether there is an answer already."""

from __future__ import annotations

import hashlib

from chalicelib.domain.deployment import Deployment
from chalicelib.domain.errors import ExecutionReplaced, StaleWrite
from chalicelib.domain.waiting import Wait, WaitState
from chalicelib.usecases.ports import Add, Ports, Replace
from chalicelib.usecases.recording import MAX_TRIES, get_deployment, send_answer, wake


def wait_for_token(deployment_id: str, state: WaitState, *, run: int, token: str, ports: Ports) -> Deployment:
    """Store the token of the wait that begins (replacing an older one), then answer it if its answer is there.

    Storing first and reading afterwards is what makes it impossible to miss a decision: whoever decides writes first
    and looks for the token afterwards.

    An execution waits with one token at a time. So while the stored one is waited with, this one is of a step that ran
    late or once more, when the machine had long gone on: it is dropped, and the wait that is on stays as it is.

    Raises:
        ExecutionReplaced: a newer execution has taken over.
        Unavailable: the state machine does not say whether the stored token is still waited with; or the deployment has
            ended, and the state machine could not be told.
    """
    token_hash = hashlib.sha256(token.encode()).hexdigest()
    for attempt in range(MAX_TRIES):
        stored = ports.store.get(Wait, deployment_id)
        if stored is not None and stored.run > run:
            raise ExecutionReplaced(f"Execution {run} of {deployment_id} was replaced by {stored.run}.")
        if stored is not None and stored.token_hash == token_hash and stored.state is state:
            break
        if stored is not None and _is_on(stored, run=run, ports=ports):
            break
        wait = Wait(
            deployment_id=deployment_id,
            state=state,
            run=run,
            token=token,
            token_hash=token_hash,
            revision=0 if stored is None else stored.revision + 1,
        )
        try:
            ports.store.commit(Add(wait) if stored is None else Replace(wait))
            break
        except StaleWrite:
            if attempt == MAX_TRIES - 1:
                raise
    deployment = get_deployment(deployment_id, ports=ports)
    # The reconciler looks after what is open. What has ended is not: there the step itself has to be run again.
    (send_answer if deployment.has_ended else wake)(deployment, ports=ports)
    return deployment


def _is_on(stored: Wait, *, run: int, ports: Ports) -> bool:
    return stored.run == run and not stored.is_answered and ports.executions.is_waiting(stored.token)
