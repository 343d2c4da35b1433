"""A node's settings: node.toml, the environment above it, and nothing ignored."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.errors import BadSettings, DataFolderTaken, NoDataFolder
from api.settings import StaleEventId, load_settings, write_rpc_url, write_settings
from api.trust import deployment_of
from ledger.deployment import Escrow
from ledger.hexadecimal import address_from_text

EVENT_LOG = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


def test_a_folder_without_node_toml_is_no_node_and_the_message_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NoDataFolder, match="tally init --data"):
        load_settings(tmp_path)


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    write_settings(
        tmp_path, rpc_url="http://127.0.0.1:8545", chain_id=9_520_017, event_log=EVENT_LOG, batch_age_s_max=0.5
    )
    settings = load_settings(tmp_path)
    assert (settings.rpc_url, settings.chain_id, settings.event_log) == ("http://127.0.0.1:8545", 9_520_017, EVENT_LOG)
    assert (settings.batch_age_s_max, settings.batch_size_max) == (0.5, 2048)
    assert settings.stale_event_id is StaleEventId.MARK


ESCROW, TOKEN = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512", "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"


def test_where_orders_are_paid_and_in_what_is_written_and_read_back(tmp_path: Path) -> None:
    write_settings(
        tmp_path, chain_id=1, event_log=EVENT_LOG, party_registry=EVENT_LOG, delivery_escrow=ESCROW,
        tokens={TOKEN: "XTS"},
    )  # fmt: skip
    settings = load_settings(tmp_path)
    assert settings.currencies == {address_from_text(TOKEN): "XTS"}
    deployment = deployment_of(settings)
    assert deployment.escrow == Escrow.at(address_from_text(ESCROW), [address_from_text(TOKEN)])
    assert deployment.names[address_from_text(TOKEN)] == "token"


def test_tokens_may_stand_in_a_table_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text(f'[tokens]\n"{TOKEN}" = "EUR"\n')
    assert load_settings(tmp_path).tokens == {TOKEN: "EUR"}


def test_a_node_without_an_escrow_has_no_orders(tmp_path: Path) -> None:
    settings = write_settings(tmp_path, chain_id=1, event_log=EVENT_LOG, party_registry=EVENT_LOG)
    assert deployment_of(settings).escrow is None


@pytest.mark.parametrize(
    ("tokens", "reason"),
    [
        ({TOKEN: "euro"}, "should match pattern"),
        ({TOKEN[:-1]: "EUR"}, "lower-case hex digits"),
        ({TOKEN.replace("9fE", "9Fe"): "EUR"}, "EIP-55"),
        ({TOKEN: "EUR", ESCROW: "EUR"}, "two tokens have one currency"),
        ({TOKEN: "EUR", TOKEN.lower(): "XTS"}, "one token stands there twice"),
    ],
)
def test_tokens_that_can_not_be_meant_are_refused(tmp_path: Path, tokens: dict[str, str], reason: str) -> None:
    with pytest.raises(BadSettings, match=reason):
        write_settings(tmp_path, tokens=tokens)


def test_a_text_with_quotes_and_umlauts_survives(tmp_path: Path) -> None:
    url = 'postgresql://tally:"Grüße\\"@localhost/x'
    write_settings(tmp_path, database_url=url)
    assert load_settings(tmp_path).database_url == url


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_settings(tmp_path, confirmations=1)
    monkeypatch.setenv("TALLY_CONFIRMATIONS", "12")
    monkeypatch.setenv("TALLY_STALE_EVENT_ID", "refuse")
    settings = load_settings(tmp_path)
    assert (settings.confirmations, settings.stale_event_id) == (12, StaleEventId.REFUSE)


def test_what_is_final_can_be_the_chains_own_word(tmp_path: Path) -> None:
    assert not write_settings(tmp_path).anchoring.by_tag
    (tmp_path / "node.toml").write_text('finality = "finalized"\nconfirmations = 1\n')
    assert load_settings(tmp_path).anchoring.by_tag


def test_the_folder_is_the_one_that_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLY_DATA", "/elsewhere")
    assert write_settings(tmp_path).data == load_settings(tmp_path).data == tmp_path


def test_an_existing_node_is_never_overwritten(tmp_path: Path) -> None:
    write_settings(tmp_path, chain_id=1)
    with pytest.raises(DataFolderTaken):
        write_settings(tmp_path, chain_id=2)
    assert load_settings(tmp_path).chain_id == 1
    assert [path.name for path in tmp_path.iterdir()] == ["node.toml"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("batch_sise_max = 10", "batch_sise_max: Extra inputs are not permitted"),
        ("confirmations = 0", "confirmations: .* greater than or equal to 1"),
        ("anchor_by_s = 1", "anchor_by_s is to be longer than batch_age_s_max"),
        ('event_log = "0x5FbDB2315678afecb367f032d93F642f64180Aa3"', "event_log: .*checksum"),
        ('event_log = "0x12"', "event_log: .*40 lower-case hex digits"),
        ('stale_event_id = "forget"', "stale_event_id: .*'mark' or 'refuse'"),
        ('finality = "soon"', "finality: .*'confirmations' or 'finalized'"),
        ('finality = "finalized"\nconfirmations = 12', "confirmations counts for nothing .* set one of the two"),
        ("confirmations = ", "can't be read"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "node.toml").write_text(line)
    with pytest.raises(BadSettings, match=reason):
        load_settings(tmp_path)


def test_the_embedded_chain_is_found_where_it_listens_now(tmp_path: Path) -> None:
    settings = write_settings(tmp_path, embedded=True)
    assert settings.resolved_rpc_url is None
    write_rpc_url(settings, "http://127.0.0.1:40123")
    assert load_settings(tmp_path).resolved_rpc_url == "http://127.0.0.1:40123"


def test_the_database_is_in_the_data_folder_unless_a_url_says_otherwise(tmp_path: Path) -> None:
    assert write_settings(tmp_path).resolved_database_url == f"sqlite:///{tmp_path / 'tally.db'}"
