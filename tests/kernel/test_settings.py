"""The command line of the kernel."""

import json
from pathlib import Path

import pytest

from kernel.examples.build import new_signing_key, trust_root
from kernel.settings import parse_arguments

USUAL = ["--control-plane", "http://127.0.0.1:8000", "--data-dir", "data"]
NODE = "name=production-01,port=8101,token=hse_x,label.zone=a,label.rack=7"


def test_nodes_are_read_with_their_labels() -> None:
    settings = parse_arguments([*USUAL, "--node", NODE, "--node", "name=production-02,port=8102"])

    first, second = settings.nodes
    assert (first.name, first.port, first.token, first.labels) == (
        "production-01",
        8101,
        "hse_x",
        {"zone": "a", "rack": "7"},
    )
    assert (second.token, settings.data_dir, settings.trust_roots) == (None, Path("data"), None)


@pytest.mark.parametrize(
    "node",
    [
        "name=../../etc,port=1",
        "name=production-01",
        "port=8101",
        "name=production-01,port=99999",
        "name=production-01,port=x",
        "name=production-01,port=8101,colour=red",
        "production-01",
    ],
)
def test_what_is_not_a_node_ends_with_a_message(node: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments([*USUAL, "--node", node])

    assert "--node" in capsys.readouterr().err


def test_two_nodes_of_one_name_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments([*USUAL, "--node", NODE, "--node", NODE])

    assert "same name" in capsys.readouterr().err


def test_trust_roots_come_from_a_file(tmp_path: Path) -> None:
    root = trust_root(new_signing_key())
    file = tmp_path / "roots.json"
    file.write_text(json.dumps({"trustRoots": [root]}))

    settings = parse_arguments([*USUAL, "--node", NODE, "--trust-roots", str(file)])

    assert settings.trust_roots is not None
    assert list(settings.trust_roots) == [root["keyId"]]


@pytest.mark.parametrize("text", ["{", "[{}]", '[{"keyId": "ed25519:00", "publicKey": "AAAA"}]', "{}", "3"])
def test_a_file_that_holds_no_trust_roots_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "roots.json"
    file.write_text(text)

    with pytest.raises(SystemExit):
        parse_arguments([*USUAL, "--node", NODE, "--trust-roots", str(file)])
