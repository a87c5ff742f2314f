"""Defects to be planted in a copy of our own code, one at a time; see mutants.py."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Defect:
    """`old` becomes `new` in `file`."""

    name: str
    file: str
    old: str
    new: str


USECASES = "chalicelib/usecases"
DEFECTS: tuple[Defect, ...] = (
    Defect(
        name="write over what somebody else wrote",
        file="tests/fake_store.py",
        old='met = stored is not None and int(stored["revision"]["N"]) == record.revision - 1',
        new="met = stored is not None",
    ),
    Defect(
        name="add what is there already",
        file="tests/fake_store.py",
        old="met = stored is None",
        new="met = True",
    ),
    Defect(
        name="grant without a new fence",
        file="chalicelib/domain/turn.py",
        old="return replace(turn, holder=deployment_id, queue=queue, fence=turn.fence + 1, revision=turn.revision + 1)",
        new="return replace(turn, holder=deployment_id, queue=queue, revision=turn.revision + 1)",
    ),
    Defect(
        name="grant the turn although somebody holds it",
        file="chalicelib/domain/turn.py",
        old="if turn.holder is None and not turn.queue:",
        new="if not turn.queue:",
    ),
    Defect(
        name="keep the turn after the end",
        file=f"{USECASES}/end_deployment.py",
        old="changes.append(Replace(give_up(turn, deployment.id)))",
        new="pass",
    ),
    Defect(
        name="send the token before it is stored",
        file="chalicelib/steps/machine.py",
        old='    wait_for_token(deployment.id, WaitState(name), run=run, token=event["token"], ports=ports)\n',
        new=(
            "    from chalicelib.usecases.recording import wake\n"
            "    from chalicelib.domain.waiting import Wait\n"
            "    import hashlib\n"
            "    from chalicelib.usecases.ports import Add, Replace\n"
            "    wake(deployment, ports=ports)\n"
            "    w = ports.store.get(Wait, deployment.id)\n"
            '    new = Wait(deployment_id=deployment.id, state=WaitState(name), run=run, token=event["token"],\n'
            '        token_hash=hashlib.sha256(event["token"].encode()).hexdigest(),\n'
            "        revision=0 if w is None else w.revision + 1)\n"
            "    ports.store.commit(Add(new) if w is None else Replace(new))\n"
        ),
    ),
    Defect(
        name="mark as answered what was not sent",
        file=f"{USECASES}/recording.py",
        old="        sent = ports.executions.answer(wait.token, output)\n",
        new=(
            "        try:\n            sent = ports.executions.answer(wait.token, output)\n"
            "        except Unavailable:\n            sent = False\n"
        ),
    ),
    Defect(
        name="forget messages before they are told",
        file=f"{USECASES}/relay_outbox.py",
        old="    try:\n        tell(messages, ports=ports)\n    except Unavailable:\n        return 0\n    return forget(messages, ports=ports)",
        new="    done = forget(messages, ports=ports)\n    try:\n        tell(messages, ports=ports)\n    except Unavailable:\n        return 0\n    return done",
    ),
    Defect(
        name="take a failed publication for a good one",
        file=f"{USECASES}/relay_outbox.py",
        old="        except Unavailable as trouble:\n            troubles.append(trouble)\n    for message in messages:",
        new="        except Unavailable:\n            pass\n    for message in messages:",
    ),
    Defect(
        name="publish beside the transaction",
        file=f"{USECASES}/recording.py",
        old="changes += [Add(event), Add(audit), Add(message)]",
        new="changes += [Add(event), Add(audit)]",
    ),
    Defect(
        name="change without an audit record",
        file=f"{USECASES}/recording.py",
        old="changes += [Add(event), Add(audit), Add(message)]",
        new="changes += [Add(event), Add(message)]",
    ),
    Defect(
        name="forget the Idempotency-Key",
        file=f"{USECASES}/create_deployment.py",
        old="    if earlier is not None:\n        return earlier\n",
        new="",
    ),
    Defect(
        name="touch nodes without an approval",
        file="chalicelib/domain/waiting.py",
        old="waiting = rollout.phase in (Phase.AWAITING_APPROVAL, Phase.FROZEN)",
        new="waiting = rollout.phase is Phase.FROZEN",
    ),
    Defect(
        name="forget a node in the restore",
        file=f"{USECASES}/start_restore.py",
        old="            active_upto=0,\n",
        new="            active_upto=1,\n",
    ),
    Defect(
        name="believe in the restore without asking the nodes",
        file=f"{USECASES}/finish_restore.py",
        old="if pending and ports.clock.machine_ms() < (rollout.deadline_ms or 0):",
        new="if False:",
    ),
    Defect(
        name="wake nobody after a decision, ever",
        file=f"{USECASES}/recording.py",
        old="    if wait is None or wait.is_answered or wait.run != deployment.run:\n        return False\n",
        new="    return False\n",
    ),
    Defect(
        name="continue no lost execution",
        file=f"{USECASES}/reconcile.py",
        old="    if lost.has_ended or ports.executions.is_running(lost.execution_name):\n",
        new="    if True:\n",
    ),
    Defect(
        name="promote without the last wave's judgement",
        file=f"{USECASES}/advance_wave.py",
        old="        entries=(entry, *said, ended),\n",
        new="        entries=(*said, ended),\n",
    ),
    Defect(
        name="let a late token replace the one that is waited with",
        file=f"{USECASES}/wait_for_token.py",
        old="        if stored is not None and _is_on(stored, run=run, ports=ports):\n            break\n",
        new="",
    ),
    Defect(
        name="forget the message of whom nobody could wake",
        file=f"{USECASES}/reconcile.py",
        old="            unreached.add(deployment_id)\n",
        new="            pass\n",
    ),
    Defect(
        name="validate against what the next deployment brings",
        file=f"{USECASES}/complete_deployment.py",
        old="gone_on = assignment.candidate if assignment.deployment_id not in (None, deployment.id) else None",
        new="gone_on = None",
    ),
    Defect(
        name="grant the turn to the last in the queue",
        file="chalicelib/domain/turn.py",
        old="return _grant(turn, turn.queue[0], turn.queue[1:])",
        new="return _grant(turn, turn.queue[-1], turn.queue[:-1])",
    ),
    Defect(
        name="begin the first wave on every node",
        file=f"{USECASES}/start_wave.py",
        old="moved = replace(moved, active_upto=0 if staging else wave.upto, ",
        new="moved = replace(moved, active_upto=0 if staging else rollout.fleet, ",
    ),
    Defect(
        name="begin a later wave on every node",
        file=f"{USECASES}/start_wave.py",
        old="        active_upto=before.active_upto if staging else wave.upto,\n",
        new="        active_upto=before.active_upto if staging else rollout.fleet,\n",
    ),
    Defect(
        name="take back the last wave only",
        file=f"{USECASES}/start_restore.py",
        old="            active_upto=0,\n",
        new="            active_upto=assignment.wave_first,\n",
    ),
    Defect(
        name="do not wait for the bake",
        file=f"{USECASES}/advance_wave.py",
        old="    return (rollout.bake_until_ms or 0) <= now_ms\n",
        new="    return True\n",
    ),
    Defect(
        name="promote without numbers",
        file=f"{USECASES}/advance_wave.py",
        old="verdict = _with_requests_seen(judge(evidence, analysis), evidence, rollout.current)",
        new="verdict = judge(evidence, replace(analysis, mode=AnalysisMode.HEALTH_ONLY))",
    ),
    Defect(
        name="take a second outcome of a hook",
        file=f"{USECASES}/answer_hook.py",
        old="        return None if answered is call else _decided(deployment, answered, ports=ports)\n",
        new="        return _decided(deployment, answered, ports=ports)\n",
    ),
    Defect(
        name="make a deployment of every delivery of an event",
        file="chalicelib/routes/requests_by_event.py",
        old="""idempotency_key=f"event:{event['id']}", ports=ports)""",
        new="""idempotency_key="", ports=ports)""",
    ),
    Defect(
        name="swallow what cannot be read",
        file="chalicelib/routes/requests_by_event.py",
        old="        dead_letters.put(event, reason=reason)\n",
        new="",
    ),
    Defect(
        name="tell a webhook without an order that is kept",
        file=f"{USECASES}/deliver_event.py",
        old="        ports.store.commit(change, Add(message))\n    except StaleWrite:\n        return False\n    relay_outbox((message,), ports=ports)\n",
        new="        ports.store.commit(change)\n    except StaleWrite:\n        return False\n    ports.calls.order(order)\n",
    ),
    Defect(
        name="approve what was rejected",
        file="chalicelib/domain/approval.py",
        old="    if not decision.approved:\n        return replace(answered, status=ApprovalStatus.REJECTED, decided_at_ms=decision.at_ms)\n",
        new="",
    ),
)
