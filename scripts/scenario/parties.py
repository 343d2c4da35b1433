"""Who takes part in the story, and where it happens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from scripts.scenario import gs1


@dataclass(frozen=True, slots=True)
class Party:
    """A member of the consortium.

    `roles` are the registry's role names. `device`, where there is one, names the key file of a machine (a scale, a
    till, a gateway) that records for the party; else its own account signs.
    """

    slug: str
    name: str
    prefix: str
    roles: tuple[str, ...]
    device: str | None = None

    @property
    def gln(self) -> str:
        """The party's Global Location Number, 13 digits."""
        return gs1.gln(self.prefix)

    @property
    def pgln(self) -> str:
        """The party as EPC URN."""
        return gs1.pgln(self.prefix)


FINCA = Party("finca", "Finca El Mirador", "9521001", ("supplier",))
COOPERATIVE = Party("cooperative", "Cooperativa Los Cedros", "9521002", ("supplier",))
STATION = Party("station", "Beneficio La Esperanza", "9521003", ("manufacturer",), device="station-scale")
EXPORTER = Party("exporter", "Exportadora Alto Magdalena", "9521004", ("supplier", "manufacturer"))
INSPECTOR = Party("inspector", "Andean Cup Quality Laboratory", "9521005", ("inspector",))
CARRIER = Party("carrier", "Isla Grande Shipping Line", "9521006", ("carrier",), device="carrier-gateway")
IMPORTER = Party("importer", "Nordhafen Green Coffee", "9521007", ("supplier",))
ROASTER = Party("roaster", "Rösterei Morgenrot", "9521008", ("manufacturer", "supplier"), device="roaster-line")
RETAILER = Party("retailer", "Kaffeehaus Linde", "9521009", ("retailer",), device="retailer-till")
RETAILER_VIENNA = Party("retailer-vienna", "Donau Kaffee", "9521010", ("retailer",), device="retailer-vienna-till")
OPERATOR = Party("operator", "Kontor Node Operator", "9521011", ("operator",))
FINANCIER = Party("financier", "Puente Trade Finance", "9521012", ("financier",))

FOUNDERS = (
    FINCA,
    COOPERATIVE,
    STATION,
    EXPORTER,
    INSPECTOR,
    CARRIER,
    IMPORTER,
    ROASTER,
    RETAILER,
    OPERATOR,
    FINANCIER,
)
# Comes later: the founders vote on it.
ADMITTED = RETAILER_VIENNA
PARTIES = (*FOUNDERS, ADMITTED)

PURSES = dict.fromkeys((EXPORTER, IMPORTER, ROASTER, RETAILER, RETAILER_VIENNA, FINANCIER), 10_000_000)
"""What each party that pays has on the story's first day, in cents."""


@dataclass(frozen=True, slots=True)
class Place:
    """A location of a party: its SGLN, coordinates in degrees (WGS 84), and its clock."""

    party: Party
    location: int
    name: str
    city: str
    country: str
    latitude: float
    longitude: float
    spot: str = "0"

    @property
    def sgln(self) -> str:
        """The place as EPC URN."""
        return gs1.sgln(self.party.prefix, self.location, self.spot)

    @property
    def geo(self) -> str:
        """The place as geo URI (RFC 5870)."""
        return f"geo:{self.latitude:.5f},{self.longitude:.5f}"

    def zone(self, at: datetime) -> timezone:
        """The local offset from UTC at that moment."""
        return timezone(_utc_offset(self.country, at))


FINCA_PLOT = Place(FINCA, 1, "El Mirador, upper plot", "Pitalito", "CO", 1.85372, -76.05151)
COOPERATIVE_DEPOT = Place(COOPERATIVE, 1, "Los Cedros collection point", "San Agustín", "CO", 1.88114, -76.26867)
STATION_INTAKE = Place(STATION, 1, "La Esperanza, cherry intake", "Pitalito", "CO", 1.86935, -76.09412)
STATION_BEDS = Place(STATION, 1, "La Esperanza, raised beds", "Pitalito", "CO", 1.86971, -76.09365, spot="beds")
MILL = Place(EXPORTER, 1, "Alto Magdalena dry mill", "Neiva", "CO", 2.92730, -75.28189)
MILL_QUARANTINE = Place(EXPORTER, 1, "Alto Magdalena, quarantine", "Neiva", "CO", 2.92751, -75.28170, spot="quarantine")
LABORATORY = Place(INSPECTOR, 1, "Andean Cup laboratory", "Bogotá", "CO", 4.65338, -74.06252)
PORT_LOADING = Place(CARRIER, 1, "Container terminal Cartagena", "Cartagena", "CO", 10.40194, -75.53083)
VESSEL = Place(CARRIER, 2, "MV Isla Grande", "at sea", "XZ", 10.40194, -75.53083)
PORT_DISCHARGE = Place(CARRIER, 3, "Container terminal Hamburg", "Hamburg", "DE", 53.53890, 9.91310)
WAREHOUSE = Place(IMPORTER, 1, "Nordhafen warehouse", "Hamburg", "DE", 53.53561, 10.00512)
ROASTERY = Place(ROASTER, 1, "Morgenrot roastery", "Berlin", "DE", 52.49807, 13.44642)
PACKING_LINE = Place(ROASTER, 1, "Morgenrot packing line", "Berlin", "DE", 52.49812, 13.44655, spot="line-1")
SHOP_BERLIN = Place(RETAILER, 1, "Kaffeehaus Linde", "Berlin", "DE", 52.53871, 13.41266)
SHOP_VIENNA = Place(RETAILER_VIENNA, 1, "Donau Kaffee", "Wien", "AT", 48.19857, 16.35108)

PLACES = (
    FINCA_PLOT,
    COOPERATIVE_DEPOT,
    STATION_INTAKE,
    STATION_BEDS,
    MILL,
    MILL_QUARANTINE,
    LABORATORY,
    PORT_LOADING,
    VESSEL,
    PORT_DISCHARGE,
    WAREHOUSE,
    ROASTERY,
    PACKING_LINE,
    SHOP_BERLIN,
    SHOP_VIENNA,
)


def _utc_offset(country: str, at: datetime) -> timedelta:
    # Written out because a time zone database is not there on every machine, and the story is told in three zones.
    if country == "CO":
        return timedelta(hours=-5)
    if country in {"DE", "AT"}:
        return timedelta(hours=2 if _last_sunday(at.year, 3) <= at < _last_sunday(at.year, 10) else 1)
    return timedelta()


def _last_sunday(year: int, month: int) -> datetime:
    """01:00 UTC on the month's last Sunday, when clocks change in the European Union (Directive 2000/84/EC)."""
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)
