"""Log out: the session is over at once, its access tokens included."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.access import Caller
from chalicelib.domain.identity import Session
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.ports import Change, Ports, Replace


def log_out(*, caller: Caller, request_id: str = "", ports: Ports) -> None:
    """End the caller's session. Ending it twice changes nothing."""
    end_session(caller.session, actor=caller.name, why="LoggedOut", request_id=request_id, ports=ports)


def end_session(session_id: str, *, actor: str, why: str, request_id: str, ports: Ports) -> None:
    """Revoke a session and say why in its audit chain; one that is over already stays as it is."""

    def decide() -> tuple[None, tuple[Change, ...]]:
        session = ports.store.get(Session, session_id)
        if session is None or session.revoked:
            return None, ()
        ended = replace(session, revoked=True, revision=session.revision + 1)
        deed = Deed(subject=f"session:{session_id}", actor=actor, action=why, detail={}, request_id=request_id)
        return None, (Replace(ended), audited(deed, ports=ports))

    decide_and_commit(decide, ports=ports)
