"""GS1's words: the prefixes and terms of the EPCIS 2.0 JSON-LD context, and the CBV 2.0 words of each field.

Restated from GS1's context (https://ref.gs1.org/standards/epcis/epcis-context.jsonld), so that nothing is fetched.
A bare word such as `shipping` means an IRI only in the field whose vocabulary it belongs to: CBV 2.0, section 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CONTEXT_ADDRESSES: Final = frozenset(
    {
        "https://ref.gs1.org/standards/epcis/epcis-context.jsonld",
        "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
        "https://ref.gs1.org/standards/epcis/2.0.1/epcis-context.jsonld",
        "https://gs1.github.io/EPCIS/epcis-context.jsonld",
    }
)

PREFIXES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "epcis": "https://ref.gs1.org/epcis/",
        "cbv": "https://ref.gs1.org/cbv/",
        "gs1": "https://gs1.org/voc/",
        "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
        "owl": "http://www.w3.org/2002/07/owl#",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
        "dcterms": "http://purl.org/dc/terms/",
        "cbvmda": "urn:epcglobal:cbv:mda:",
    }
)

EVENT_TYPES: Final = frozenset(
    {"ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent"}
)

BUSINESS_STEPS: Final = _words(
    """
    accepting arriving assembling collecting commissioning consigning creating_class_instance cycle_counting
    decommissioning departing destroying disassembling dispensing encoding entering_exiting holding inspecting
    installing killing loading other packing picking receiving removing repackaging repairing replacing reserving
    retail_selling sampling sensor_reporting shipping staging_outbound stock_taking stocking storing transporting
    unloading unpacking void_shipping
    """
)

DISPOSITIONS: Final = _words(
    """
    active available completeness_inferred completeness_verified conformant container_closed container_open damaged
    destroyed dispensed disposed encoded expired in_progress in_transit inactive mismatch_class mismatch_instance
    mismatch_quantity needs_replacement no_pedigree_match non_conformant non_sellable_other partially_dispensed
    recalled reserved retail_sold returned sellable_accessible sellable_not_accessible stolen unavailable unknown
    """
)

BUSINESS_TRANSACTION_TYPES: Final = _words(
    "bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt"
)

SOURCE_DESTINATION_TYPES: Final = frozenset({"owning_party", "possessing_party", "location"})

ERROR_REASONS: Final = frozenset({"did_not_occur", "incorrect_data"})

SENSOR_ALERTS: Final = frozenset({"ALARM_CONDITION", "ERROR_CONDITION"})

COMPONENTS: Final = _words(
    """
    altitude axial_distance azimuth easting elevation_angle height latitude longitude northing polar_angle
    spherical_radius x y z
    """
)

MEASUREMENT_TYPES: Final = _words(
    """
    AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance
    AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity Area Capacitance
    Conductance Conductivity Count Density Dimensionless DoseEquivalent DoseEquivalentRate DynamicViscosity
    ElectricCharge ElectricCurrent ElectricCurrentDensity ElectricFieldStrength Energy Exposure Force Frequency
    Illuminance Inductance Irradiance KinematicViscosity Length LinearMomentum Luminance LuminousFlux
    LuminousIntensity MagneticFlux MagneticFluxDensity MagneticVectorPotential Mass MassConcentration MassFlowRate
    MassPerAreaTime MemoryCapacity MolalityOfSolute MolarEnergy MolarMass MolarVolume Power Pressure RadiantFlux
    RadiantIntensity Radioactivity RelativeHumidity Resistance Resistivity SolidAngle SpecificVolume Speed
    SurfaceDensity SurfaceTension Temperature Time Torque Voltage Volume VolumeFlowRate VolumeFraction
    VolumetricFlux Wavenumber
    """
)

_STRUCTURE: Final = _words(
    """
    Collection EPCISDocument EPCISQueryDocument action baseURL bizLocation bizRules bizStep bizTransaction
    bizTransactionList booleanValue certificationInfo chemicalSubstance childEPCs childQuantityList children component
    coordinateReferenceSystem correctiveEventIDs creationDate dataProcessingMethod declarationTime destination
    destinationList deviceID deviceMetadata disposition endTime epcClass epcList epcisBody epcisHeader
    errorDeclaration eventID eventList eventTime eventTimeZoneOffset exception hexBinaryValue id ilmd inputEPCList
    inputQuantityList instanceIdentifier masterData maxValue meanValue member microorganism minValue outputEPCList
    outputQuantityList parentID percRank percValue persistentDisposition quantity quantityList queryName queryResults
    rawData readPoint reason receiver recordTime resultsBody sDev schemaVersion sender sensorElementList
    sensorMetadata sensorReport set source sourceList startTime stringValue subscriptionID time transformationID type
    unset uom uriValue value vocabularyList
    """
)

TERMS: Final = (
    _STRUCTURE
    | EVENT_TYPES
    | BUSINESS_STEPS
    | DISPOSITIONS
    | BUSINESS_TRANSACTION_TYPES
    | SOURCE_DESTINATION_TYPES
    | ERROR_REASONS
    | SENSOR_ALERTS
    | COMPONENTS
    | MEASUREMENT_TYPES
)
"""Every term of GS1's context, at any depth of it: no other context may give one of them a meaning."""


def _web_vocabulary(base: str, words: frozenset[str]) -> Mapping[str, str]:
    return MappingProxyType({word: base + word for word in sorted(words)})


BUSINESS_STEP_IRIS: Final = _web_vocabulary("https://ref.gs1.org/cbv/BizStep-", BUSINESS_STEPS)
DISPOSITION_IRIS: Final = _web_vocabulary("https://ref.gs1.org/cbv/Disp-", DISPOSITIONS)
BUSINESS_TRANSACTION_TYPE_IRIS: Final = _web_vocabulary("https://ref.gs1.org/cbv/BTT-", BUSINESS_TRANSACTION_TYPES)
SOURCE_DESTINATION_TYPE_IRIS: Final = _web_vocabulary("https://ref.gs1.org/cbv/SDT-", SOURCE_DESTINATION_TYPES)
ERROR_REASON_IRIS: Final = _web_vocabulary("https://ref.gs1.org/cbv/ER-", ERROR_REASONS)
COMPONENT_IRIS: Final = _web_vocabulary("https://ref.gs1.org/cbv/Comp-", COMPONENTS)
SENSOR_ALERT_IRIS: Final = _web_vocabulary("https://gs1.org/voc/", SENSOR_ALERTS)
MEASUREMENT_TYPE_IRIS: Final = _web_vocabulary("https://gs1.org/voc/", MEASUREMENT_TYPES)

CBV_URN_BASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "urn:epcglobal:cbv:bizstep:": "https://ref.gs1.org/cbv/BizStep-",
        "urn:epcglobal:cbv:disp:": "https://ref.gs1.org/cbv/Disp-",
        "urn:epcglobal:cbv:btt:": "https://ref.gs1.org/cbv/BTT-",
        "urn:epcglobal:cbv:sdt:": "https://ref.gs1.org/cbv/SDT-",
        "urn:epcglobal:cbv:er:": "https://ref.gs1.org/cbv/ER-",
    }
)
"""CBV 1.x names a standard word by URN; CBV 2.0 by this web address. Both mean the same word."""
