"""Deciding from a phone. The page is the same for everybody and decides nothing: the token stands behind the # of the
link, which no browser sends and no link scanner reads; the page sends it in the body when a person presses a button.
"""

from __future__ import annotations

import base64
import hashlib

from chalicelib.domain.access import Action
from chalicelib.routes.endpoint import Answer, Call, endpoint
from chalicelib.routes.fields import iso
from chalicelib.routes.noun import Noun
from chalicelib.routes.schemas.approval_links import DecideByLink, LinkBody, LinkQuestionBody, UseLink
from chalicelib.routes.schemas.approvals import ApprovalBody, approval_body, question_body
from chalicelib.usecases.decide_by_link import decide_by_link, make_link, read_link

bp = Noun(__name__)

HERE = "/api/v1/approvals/link"
STYLE = """
body { font: 18px/1.5 system-ui, sans-serif; max-width: 36rem; margin: 2rem auto; padding: 0 1rem }
button { font: inherit; padding: .8rem 1.4rem; margin: 0 .6rem .6rem 0 }
textarea { font: inherit; width: 100%; box-sizing: border-box; margin: 1rem 0 }
"""
SCRIPT = """
const token = location.hash.slice(1), told = document.getElementById("told"), form = document.getElementById("form");
async function send(path, body) {
  const answer = await fetch("link/" + path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token, ...body }),
  });
  const json = await answer.json();
  if (!answer.ok) throw new Error(json.detail);
  return json;
}
function lines(...texts) {
  told.replaceChildren(...texts.map((text) => {
    const line = document.createElement("p");
    line.textContent = text;
    return line;
  }));
}
async function show() {
  const { person, question: q } = await send("question", {});
  const plan = q.plan ? q.plan.waves.map((wave) => wave.nodes).join(" + ") + " nodes, " + q.plan.strategy : "no plan";
  const verdicts = q.evidence.flatMap((e) => e.verdicts.map((v) => e.environment + ": " + (v.sentence || e.outcome)));
  lines(person + ", may " + q.moduleName + " " + q.version + " replace " + (q.fromVersion || "nothing") + " in "
    + q.targetEnvironment + "?", "Asked by " + q.requestedBy + ". " + q.description, plan, ...verdicts,
    q.stillNeeded.sentence);
  form.hidden = false;
}
for (const button of form.querySelectorAll("button")) {
  button.addEventListener("click", async () => {
    form.hidden = true;
    try {
      const reason = document.getElementById("reason").value;
      const done = await send("decision", { approved: button.value === "approve", reason });
      lines("Done. " + done.status + ". " + done.stillNeeded.sentence);
    } catch (error) {
      lines(error.message);
    }
  });
}
show().catch((error) => lines(error.message));
"""
PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>HotSwap: a decision</title>
<style>{STYLE}</style>
<h1>A decision</h1>
<div id="told"><p>Reading what is asked. This page needs JavaScript.</p></div>
<div id="form" hidden>
<label>Reason <textarea id="reason" rows="3" maxlength="1000"></textarea></label>
<button type="button" value="approve">Approve</button>
<button type="button" value="reject">Reject</button>
</div>
<script>{SCRIPT}</script>
</html>
"""


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY = (
    f"default-src 'none'; script-src {_source(SCRIPT)}; style-src {_source(STYLE)}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@endpoint(
    bp,
    "/api/v1/approvals/deployments/{executionId}/link",
    "POST",
    action=Action.DECIDE,
    response=LinkBody,
    status=201,
    errors=(404, 409),
    summary="A link with which the caller decides once, within 15 minutes, on another device",
)
def make_approval_link(call: Call, execution_id: str) -> LinkBody:
    token, link = make_link(execution_id, caller=call.caller, links=call.edge.links, ports=call.edge.ports)
    return LinkBody(link=f"{HERE}#{token}", person=link.person, expires_at=iso(link.expires_at_s * 1000))


@endpoint(bp, HERE, "GET", action=None, summary="The page a link leads to", media_type="text/html; charset=utf-8")
def get_approval_page(_call: Call) -> Answer:
    return Answer(body=PAGE, headers={"Content-Security-Policy": POLICY})


@endpoint(
    bp,
    HERE + "/question",
    "POST",
    action=None,
    body=UseLink,
    response=LinkQuestionBody,
    errors=(401, 404, 409),
    summary="What a link asks, and whom; decides nothing",
)
def read_approval_link(call: Call, body: UseLink) -> LinkQuestionBody:
    ports = call.edge.ports
    person, question = read_link(body.token, links=call.edge.links, ports=ports)
    return LinkQuestionBody(person=person, question=question_body(question, now_ms=ports.clock.policy_ms()))


@endpoint(
    bp,
    HERE + "/decision",
    "POST",
    action=None,
    body=DecideByLink,
    response=ApprovalBody,
    errors=(401, 403, 404, 409),
    summary="Decide with a link, which is used up by it",
)
def decide_with_link(call: Call, body: DecideByLink) -> ApprovalBody:
    ports = call.edge.ports
    approval = decide_by_link(
        body.token,
        approved=body.approved,
        request_id=call.request_id,
        reason=body.reason,
        links=call.edge.links,
        ports=ports,
    )
    return approval_body(approval, now_ms=ports.clock.policy_ms())
