"""The words of the standard as a shopper would say them. English; another language is another table."""

from __future__ import annotations

STEPS = {
    "accepting": "Taken over",
    "arriving": "Arrived",
    "assembling": "Assembled",
    "collecting": "Collected",
    "commissioning": "Made and given its code",
    "consigning": "Consigned",
    "creating_class_instance": "A lot was made",
    "cycle_counting": "Counted in stock",
    "decommissioning": "Code taken out of use",
    "departing": "Departed",
    "destroying": "Destroyed",
    "disassembling": "Taken apart",
    "dispensing": "Dispensed",
    "encoding": "Code written",
    "entering_exiting": "Went in or out",
    "holding": "Held back",
    "inspecting": "Inspected",
    "installing": "Installed",
    "killing": "Tag disabled",
    "loading": "Loaded",
    "other": "Something else was done",
    "packing": "Packed",
    "picking": "Picked",
    "receiving": "Received",
    "removing": "Taken out",
    "repackaging": "Repacked",
    "repairing": "Repaired",
    "replacing": "Replaced",
    "reserving": "Code reserved",
    "retail_selling": "Sold",
    "sampling": "A sample was taken",
    "sensor_reporting": "Measured on the way",
    "shipping": "Sent off",
    "staging_outbound": "Made ready to leave",
    "stock_taking": "Stock taken",
    "stocking": "Put into stock",
    "storing": "Stored",
    "transporting": "On the way",
    "unloading": "Unloaded",
    "unpacking": "Unpacked",
    "void_shipping": "Sending off was undone",
}
"""CBV 2.0, section 7.1: business steps."""

TYPES = {
    "ObjectEvent": "Seen",
    "AggregationEvent": "Packed together or apart",
    "TransactionEvent": "Named in a document",
    "TransformationEvent": "Made from other goods",
    "AssociationEvent": "Joined with equipment",
}
"""What to say of an event without a business step."""

RELATIONS = {
    "travelled_in": "of {thing}, in which it travelled",
    "attached_to": "of {thing}, to which it was attached",
    "made_from": "of {thing}, from which it was made",
    "became": "of {thing}, which was made from it",
}

QUANTITIES = {
    "Temperature": "Temperature",
    "RelativeHumidity": "Humidity",
    "AbsoluteHumidity": "Humidity",
    "Illuminance": "Light",
    "Acceleration": "Shock",
    "Mass": "Weight",
}
"""Sensor report types whose everyday name is another."""

UNITS = {"CEL": "°C", "FAH": "°F", "P1": "%", "A93": "g/m³", "KGM": "kg", "GRM": "g", "LUX": "lx", "MSK": "m/s²"}
"""UN/ECE Recommendation 20."""

ANSWERS = {
    "failed": "Do not rely on this: {count} of {total} records failed a check.",
    "disowned": "{count} of {total} records are disowned by those in whose name they were signed.",
    "corrected": "Genuine. {count} of {total} records were later withdrawn as mistaken.",
    "pending": "Nothing is wrong. {count} of {total} records are not anchored yet.",
    "consistent": "The {total} records fit together. The chain could not be asked.",
    "verified": "{whole} genuine and unchanged.",
}

MEANINGS = {
    "failed": "The entries marked ✗ were altered, forged, or signed by someone who had no right to.",
    "disowned": "A key was lost or stolen; its owner says since when it was not theirs.",
    "corrected": "Who recorded them has said so; they are struck through below.",
    "pending": "They are signed and kept, and will be anchored within minutes. Look again then.",
    "consistent": "Whether they are anchored could not be seen.",
    "verified": "Each was signed by the organisation named, and none has been changed since it was anchored.",
}
