"""What Functions and Alarms promise, on the fakes and on Lambda and CloudWatch as moto gives them."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.adapters.cloudwatch import CloudWatchAlarms
from chalicelib.adapters.lambda_nodes import REVISION, VALUES, LambdaFunctions
from chalicelib.adapters.s3_artifacts import object_key
from chalicelib.domain.alias import Split
from chalicelib.domain.errors import Conflict, NotFound, StaleWrite
from chalicelib.usecases.alias_ports import Alarms, Functions, Publication
from infra.local.cloud import LocalCloud
from tests.fake_functions import FakeAlarms, FakeFunctions

FUNCTION, ALIAS, BUCKET = "hotswap-node-payments", "live", "hotswap-artifacts"
WELL = "def handle(event, context):\n    return {'statusCode': 200, 'seen': event}\n"
RAISES = "def handle(event, context):\n    raise RuntimeError('no database')\n"


def zipped(code: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(zipfile.ZipInfo("work.py"), code)
    return stream.getvalue()


def digest_of(code: str) -> str:
    return "sha256:" + hashlib.sha256(zipped(code)).hexdigest()


def a_publication(code: str, *, configuration: str | None = None, handler: str = "work.handle") -> Publication:
    digest = digest_of(code)
    edition = digest if configuration is None else f"{digest}+3"
    return Publication(
        edition=edition, digest=digest, handler=handler, runtime="python3.11", configuration=configuration
    )


@dataclass
class Theirs:
    """The port, and its function as an owner uses it."""

    functions: Functions
    has_artifact: Callable[[str], object]
    change: Callable[[Split], object]
    client: Any = None


@contextmanager
def on_lambda(cloud: LocalCloud) -> Iterator[Theirs]:
    """A function as its owner made it, with a variable, a version published by hand and an alias."""
    client, s3, iam = cloud.client("lambda"), cloud.client("s3"), cloud.client("iam")
    role = iam.create_role(RoleName="theirs", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    client.create_function(
        FunctionName=FUNCTION,
        Runtime="python3.11",
        Handler="old.handle",
        Role=role,
        Code={"ZipFile": zipped("# by hand\n" + WELL)},
        Environment={"Variables": {"TABLE": "theirs"}},
    )
    client.publish_version(FunctionName=FUNCTION)
    client.create_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion="1")

    def has_artifact(code: str) -> object:
        return s3.put_object(Bucket=BUCKET, Key=object_key(digest_of(code)), Body=zipped(code))

    def change(split: Split) -> object:
        weights = {} if split.canary is None else {split.canary: split.weight / 100}
        return client.update_alias(
            FunctionName=FUNCTION,
            Name=ALIAS,
            FunctionVersion=split.main,
            RoutingConfig={"AdditionalVersionWeights": weights},
        )

    yield Theirs(LambdaFunctions(client, BUCKET), has_artifact, change, client)
    client.delete_function(FunctionName=FUNCTION)
    iam.delete_role(RoleName="theirs")


@pytest.fixture
def real(cloud: LocalCloud) -> Iterator[Theirs]:
    """Only on Lambda: what a fake cannot show."""
    with on_lambda(cloud) as theirs:
        yield theirs


@pytest.fixture(params=["fake", "lambda"])
def theirs(request: pytest.FixtureRequest) -> Theirs:
    if request.param == "lambda":
        found: Theirs = request.getfixturevalue("real")
        return found
    fake = FakeFunctions(wrong={digest_of(RAISES): "RuntimeError: no database"})
    fake.has(FUNCTION, ALIAS)
    return Theirs(fake, lambda _code: None, lambda split: fake.outside(FUNCTION, ALIAS, split))


def published(theirs: Theirs, code: str, **changes: Any) -> str:
    theirs.has_artifact(code)
    return theirs.functions.publish(FUNCTION, a_publication(code, **changes))


def test_an_alias_is_read_as_it_is(theirs: Theirs) -> None:
    found = theirs.functions.read(FUNCTION, ALIAS)

    assert found.split == Split(main="1")
    assert found.revision_id


@pytest.mark.parametrize("place", [(FUNCTION, "other"), ("hotswap-node-nothing", ALIAS)])
def test_what_is_not_there_is_not_found(theirs: Theirs, place: tuple[str, str]) -> None:
    with pytest.raises(NotFound):
        theirs.functions.read(*place)


def test_a_version_is_published_once_however_often_it_is_asked_for(theirs: Theirs) -> None:
    first = published(theirs, WELL)
    again = theirs.functions.publish(FUNCTION, a_publication(WELL))

    assert (first, again) == ("2", "2")


def test_another_configuration_of_the_same_code_is_another_version(theirs: Theirs) -> None:
    plain = published(theirs, WELL)
    configured = theirs.functions.publish(FUNCTION, a_publication(WELL, configuration='{"limit":5}'))

    assert (plain, configured) == ("2", "3")


def test_nothing_is_published_of_a_function_that_is_not_there(theirs: Theirs) -> None:
    theirs.has_artifact(WELL)

    with pytest.raises(NotFound):
        theirs.functions.publish("hotswap-node-nothing", a_publication(WELL))


def test_a_version_that_answers_has_passed_its_check(theirs: Theirs) -> None:
    assert theirs.functions.check(FUNCTION, published(theirs, WELL), {"source": "hotswap.check"}) == ""


def test_a_version_that_raises_says_so_in_its_check(theirs: Theirs) -> None:
    wrong = theirs.functions.check(FUNCTION, published(theirs, RAISES), {"source": "hotswap.check"})

    assert wrong == "RuntimeError: no database"


def test_a_moved_alias_is_read_back_with_another_revision(theirs: Theirs) -> None:
    new = published(theirs, WELL)
    before = theirs.functions.read(FUNCTION, ALIAS)
    wanted = Split(main="1", canary=new, weight=7)

    moved = theirs.functions.move(FUNCTION, ALIAS, wanted, revision_id=before.revision_id, note="fence 3")
    back = theirs.functions.move(
        FUNCTION, ALIAS, Split(main="1"), revision_id=moved.revision_id, note="fence 3, restore"
    )

    assert (moved.split, back.split) == (wanted, Split(main="1"))
    assert len({before.revision_id, moved.revision_id, back.revision_id}) == 3
    assert theirs.functions.read(FUNCTION, ALIAS) == back


def test_who_was_overtaken_moves_nothing(theirs: Theirs) -> None:
    new = published(theirs, WELL)
    before = theirs.functions.read(FUNCTION, ALIAS)
    theirs.change(Split(main="1", canary=new, weight=50))

    with pytest.raises(StaleWrite):
        theirs.functions.move(FUNCTION, ALIAS, Split(main=new), revision_id=before.revision_id, note="late")

    assert theirs.functions.read(FUNCTION, ALIAS).split == Split(main="1", canary=new, weight=50)


def test_the_published_version_has_the_handler_and_configuration_and_the_owners_variables(real: Theirs) -> None:
    version = published(real, WELL, configuration='{"limit":5}')

    made = real.client.get_function_configuration(FunctionName=FUNCTION, Qualifier=version)
    assert (made["Handler"], made["Description"]) == ("work.handle", f"HotSwap: {digest_of(WELL)}+3")
    assert made["Environment"]["Variables"] == {"TABLE": "theirs", VALUES: '{"limit":5}', REVISION: "3"}
    without = real.functions.publish(FUNCTION, a_publication(WELL))
    made = real.client.get_function_configuration(FunctionName=FUNCTION, Qualifier=without)
    assert made["Environment"]["Variables"] == {"TABLE": "theirs"}


def test_the_alias_says_who_moved_it_and_why(real: Theirs) -> None:
    before = real.functions.read(FUNCTION, ALIAS)
    new = published(real, WELL)

    real.functions.move(FUNCTION, ALIAS, Split(main=new), revision_id=before.revision_id, note="HotSwap: fence 3")

    assert real.client.get_alias(FunctionName=FUNCTION, Name=ALIAS)["Description"] == "HotSwap: fence 3"


def test_an_alias_of_the_newest_code_cannot_be_split(real: Theirs) -> None:
    real.client.update_alias(FunctionName=FUNCTION, Name=ALIAS, FunctionVersion="$LATEST")

    with pytest.raises(Conflict, match="LATEST"):
        real.functions.read(FUNCTION, ALIAS)


def test_an_answer_that_is_an_http_error_fails_the_check(real: Theirs) -> None:
    version = published(real, "def handle(event, context):\n    return {'statusCode': 503}\n")

    assert real.functions.check(FUNCTION, version, {}) == "it answered with status 503"


def test_the_event_of_the_check_is_what_the_function_gets(real: Theirs) -> None:
    version = published(real, WELL)

    answer = real.client.invoke(FunctionName=FUNCTION, Qualifier=version, Payload=json.dumps({"a": 1}).encode())

    assert json.loads(answer["Payload"].read())["seen"] == {"a": 1}


@pytest.fixture(params=["fake", "cloudwatch"])
def alarms(request: pytest.FixtureRequest) -> Iterator[tuple[Alarms, Callable[[str, str], object]]]:
    if request.param == "fake":
        fake = FakeAlarms()
        yield fake, lambda name, state: fake.known.update({name: state})
        return
    client = request.getfixturevalue("cloud").client("cloudwatch")
    made: list[str] = []

    def say(name: str, state: str) -> None:
        client.put_metric_alarm(
            AlarmName=name,
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            MetricName="Errors",
            Namespace="AWS/Lambda",
            Period=60,
            Statistic="Sum",
            Threshold=0,
        )
        made.append(name)
        client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test", StateReasonData="{}")

    yield CloudWatchAlarms(client), say
    client.delete_alarms(AlarmNames=made)


def test_alarms_tell_their_states_and_those_that_do_not_exist_are_left_out(
    alarms: tuple[Alarms, Callable[[str, str], object]],
) -> None:
    port, say = alarms
    say("quiet", "OK")
    say("loud", "ALARM")

    assert port.states(["quiet", "loud", "gone"]) == {"quiet": "OK", "loud": "ALARM"}
