"""A node's settings: DATA/node.toml, and above it the environment (TALLY_RPC_URL for rpc_url, and so on).

Every setting is read by code and can be changed in either place; an unknown name is refused, not ignored.
"""

from __future__ import annotations

import json
import os
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, PositiveInt, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from api.errors import BadSettings, DataFolderTaken, NoDataFolder
from api.logs import LogFormat
from ledger.batch import CONFIRMATIONS_MAX, AnchoringSettings
from ledger.errors import BadChecksum, InvalidHex
from ledger.hexadecimal import address_from_text
from ledger.matching import Tolerances
from ledger.submission import FeeSettings

NODE_FILE = "node.toml"
RPC_URL_FILE = "rpc-url"
"""In DATA/chain: where the embedded chain listens. Whoever starts it writes the file, for its port is a free one."""
Address = Annotated[str, Field(description="0x and 40 hex digits")]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217")]
Value = str | int | float | bool | None


class StaleEventId(StrEnum):
    """What happens to an event that brings an `ni:` eventID other than its own hash."""

    MARK = "mark"
    REFUSE = "refuse"


class FinalityRule(StrEnum):
    """What makes a block final: so many of them (setting `confirmations`), or that the chain calls it `finalized`."""

    CONFIRMATIONS = "confirmations"
    FINALIZED = "finalized"


class Settings(BaseSettings):
    """What a node is told. Times carry their unit; `data` is the folder that everything else lives in."""

    model_config = SettingsConfigDict(env_prefix="TALLY_", env_ignore_empty=True, extra="forbid", frozen=True)

    data: Path

    embedded: bool = False
    """True where the chain is the local one whose journal lies in DATA/chain."""
    rpc_url: str | None = None
    chain_id: PositiveInt | None = None
    event_log: Address | None = None
    party_registry: Address | None = None
    delivery_escrow: Address | None = None
    """Where orders are paid through; without it this node has none."""
    start_block: int = Field(default=0, ge=0)
    """The block from which the chain is followed: the one in which the contracts were deployed, or an earlier one."""
    tokens: dict[Address, Currency] = Field(default_factory=dict)
    """The tokens that are watched, and the currency that one whole unit of each is (ISO 4217)."""

    database_url: str | None = None
    key_password_file: Path | None = None
    """The file with the password of DATA/keys/*.json. Without it, and without DATA/keys/password, tally asks."""

    batch_size_max: int = Field(default=2048, ge=1, le=2**20)
    batch_age_s_max: float = Field(default=2.0, ge=0)
    confirmations: int = Field(default=1, ge=1, le=CONFIRMATIONS_MAX)
    """How many blocks make one final, itself counted."""
    finality: FinalityRule = FinalityRule.CONFIRMATIONS
    anchor_by_s: PositiveInt = 86_400
    """A capture receipt promises an anchor within this time."""

    max_fee_gwei: PositiveInt = FeeSettings().max_fee_gwei
    """No more than this is paid for a gas."""

    capture_bytes_max: PositiveInt = 32 * 2**20
    bundle_bytes_max: PositiveInt = 32 * 2**20
    stale_event_id: StaleEventId = StaleEventId.MARK

    tolerance_money: int = Field(default=0, ge=0)
    """By so many of the token's smallest unit amounts may differ in reconciliation and still be the same."""
    tolerance_money_bps: int = Field(default=0, ge=0, le=10_000)
    """Or by this share of the larger one, in basis points."""
    tolerance_quantity_bps: int = Field(default=0, ge=0, le=10_000)
    """By this share of the larger one quantities may differ."""

    log_format: LogFormat = LogFormat.AUTO
    """How the node's processes write their lines to stderr; auto: for people at a terminal, JSON elsewhere."""
    idempotency_keep_s: PositiveInt = 259_200
    """For so long at least the answer to a request with an Idempotency-Key is given again: three days, a weekend."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over what `load_settings` read from node.toml."""
        return env_settings, init_settings

    @model_validator(mode="after")
    def _promises_what_can_be_kept(self) -> Settings:
        if self.anchor_by_s <= self.batch_age_s_max:
            raise ValueError("anchor_by_s is to be longer than batch_age_s_max")
        if self.is_by_tag and self.confirmations > 1:
            raise ValueError('confirmations counts for nothing with finality = "finalized": set one of the two')
        return self

    @model_validator(mode="after")
    def _each_currency_is_one_token(self) -> Settings:
        tokens, codes = ({each.lower() for each in side} for side in (self.tokens, self.tokens.values()))
        if min(len(tokens), len(codes)) < len(self.tokens):
            raise ValueError("two tokens have one currency, or one token stands there twice")
        return self

    @field_validator("tokens")
    @classmethod
    def _are_addresses(cls, tokens: dict[str, str]) -> dict[str, str]:
        for address in tokens:
            cls._is_address(address)
        return tokens

    @field_validator("event_log", "party_registry", "delivery_escrow")
    @classmethod
    def _is_address(cls, text: str | None) -> str | None:
        if text is not None:
            try:
                address_from_text(text)
            except (InvalidHex, BadChecksum) as error:
                raise ValueError(str(error)) from error
        return text

    @property
    def anchoring(self) -> AnchoringSettings:
        """What the ledger's steps are told."""
        return AnchoringSettings(
            self.batch_size_max, self.batch_age_s_max, self.confirmations, self.anchor_by_s, self.is_by_tag
        )

    @property
    def is_by_tag(self) -> bool:
        """True where a block is final once the chain calls it `finalized`."""
        return self.finality is FinalityRule.FINALIZED

    @property
    def currencies(self) -> dict[bytes, str]:
        """The currency code of each token that is watched."""
        return {address_from_text(address): code for address, code in self.tokens.items()}

    @property
    def tolerances(self) -> Tolerances:
        """How far figures may be apart in reconciliation."""
        return Tolerances(self.tolerance_money, self.tolerance_money_bps, self.tolerance_quantity_bps)

    @property
    def fees(self) -> FeeSettings:
        """What the outbox may pay."""
        return FeeSettings(max_fee_gwei=self.max_fee_gwei)

    @property
    def keys_folder(self) -> Path:
        """Where the key files are."""
        return self.data / "keys"

    @property
    def chain_folder(self) -> Path:
        """Where the embedded chain keeps its journal."""
        return self.data / "chain"

    @property
    def resolved_rpc_url(self) -> str | None:
        """The chain's address: the one set, or the one at which the embedded chain listens while it runs."""
        if self.rpc_url is None and self.embedded:
            return _read_line(self.chain_folder / RPC_URL_FILE)
        return self.rpc_url

    @property
    def resolved_database_url(self) -> str:
        """The database's URL: the one set, or the SQLite file in the data folder."""
        return self.database_url or f"sqlite:///{(self.data / 'tally.db').resolve()}"


def load_settings(data: Path) -> Settings:
    """The settings of the node in this folder. Raises NoDataFolder, or BadSettings with setting and reason."""
    file = data / NODE_FILE
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NoDataFolder(data) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSettings(f"{file} can't be read: {error}") from error
    return _checked(str(file), values | {"data": data})


def settings_of(data: Path) -> Settings:
    """The settings of a folder that holds no node yet: the environment's, else the defaults. Raises BadSettings."""
    return _checked("the settings", {"data": data})


def write_settings(data: Path, **values: Value | dict[str, str]) -> Settings:
    """Makes DATA/node.toml with these settings (None is left out). Raises DataFolderTaken, or BadSettings.

    The file appears whole or not at all, and never in the place of another.
    """
    file = data / NODE_FILE
    given = {name: value for name, value in values.items() if value is not None}
    settings = _checked("the settings", given | {"data": data})
    lines = [f"{name} = {_toml(value)}\n" for name, value in given.items()]
    data.mkdir(parents=True, exist_ok=True)
    draft = data / f".{NODE_FILE}.{os.getpid()}.tmp"
    with draft.open("w", encoding="utf-8") as out:
        out.writelines(lines)
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(draft, file)
    except FileExistsError as error:
        raise DataFolderTaken(data) from error
    finally:
        draft.unlink()
    return settings


def write_rpc_url(settings: Settings, rpc_url: str) -> None:
    """Tells every process of this data folder where the embedded chain listens."""
    settings.chain_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = settings.chain_folder / f".{RPC_URL_FILE}.tmp"
    draft.write_text(rpc_url + "\n", encoding="utf-8")
    draft.replace(settings.chain_folder / RPC_URL_FILE)


def _toml(value: Value | dict[str, str]) -> str:
    """A TOML basic string is spelled as JSON spells one, and so are numbers, true and false (TOML 1.0)."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml(name)} = {_toml(each)}" for name, each in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def _read_line(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None


def _checked(source: str, values: dict[str, object]) -> Settings:
    try:
        settings = Settings(**values)  # type: ignore[arg-type]  # checked by pydantic itself
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise BadSettings(f"{source} (or a TALLY_ variable above it) is wrong: {wrong}") from error
    # TALLY_DATA says where commands look by default; here the caller has said where.
    return settings.model_copy(update={"data": values["data"]})
