"""One-time links that decide an approval, as callers see them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chalicelib.routes.fields import Instant, Reason
from chalicelib.routes.schemas.approvals import QuestionBody
from chalicelib.routes.validation import Answered, Received


class UseLink(Received):
    """The link's token, as it stands behind the # of the link."""

    token: Annotated[str, Field(min_length=1, max_length=2_048)]


class DecideByLink(UseLink):
    """What the person of a link decides."""

    approved: bool
    reason: Reason = ""


class LinkBody(Answered):
    """A link relative to where the API is; the token behind its # is a secret and is shown once."""

    link: str
    person: str
    expires_at: Instant


class LinkQuestionBody(Answered):
    """Whom a link is for, and what they are asked."""

    person: str
    question: QuestionBody
